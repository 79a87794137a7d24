cimport cython

cdef Py_ssize_t _JOINED, _KEPT
cdef dict _NAMES, _CODES

cdef class Response:
    cdef public object way
    cdef public bint is_head, bodiless, begun, complete
    cdef public int code
    cdef public list fields
    cdef public Py_ssize_t length, sent

    cpdef object run(self, app, environ)
    cdef _send_sequence(self, chunks)
    cdef _send_iterable(self, chunks)
    cdef _send(self, bytes content)
    cdef _finish(self, bytes content)
    cdef _begin(self)
    cdef bint _send_file(self, wrapper) except -1
    cdef _set_length(self, Py_ssize_t size)
    cdef object _wrong_length(self, relation)

cdef object _iterate(chunks)
cdef Py_ssize_t _counts(chunks) except -2
cdef _check(content)
cdef int _new_code(status) except -1
cdef tuple _encode(fields)
cdef bytes _new_name(name)
