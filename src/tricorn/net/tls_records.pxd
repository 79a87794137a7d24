cimport cython

cdef int _CONTENT
cdef Py_ssize_t _RECORD_HEAD, _RECORD

cdef class TlsRecords:
    cdef public object context, incoming, outgoing, ssl, decrypt, encrypt, put_in, take_out
    cdef public bint end_decrypted, some_left

    cdef _fail(self, what, error)
    cdef _decrypt(self, Py_ssize_t most)
    @cython.locals(pieces=list)
    cdef _decrypt_on(self, data)
    @cython.locals(size=Py_ssize_t, done=Py_ssize_t)
    cdef _encrypt(self, data)

cdef bint _is_content(bytes data) except -1
cpdef bint is_one_record(data) except -1
