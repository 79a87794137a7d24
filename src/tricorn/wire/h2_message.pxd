cimport cython

cdef long long _MALFORMED, _NO_LENGTH
cdef int _COLON, _METHOD, _SCHEME, _PATH, _AUTHORITY, _PROTOCOL, _ORDINARY, _TUNNEL
cdef dict _PSEUDO
cdef object _WATCHED, _COMMON_METHODS

@cython.final
cdef class MessageCheck:
    cdef public bint tunnels
    cdef public bytes priority
    cdef public str reason
    cdef public Py_ssize_t length, answer
    cdef public tuple last

    cpdef Py_ssize_t request(self, tuple fields) except? -1
    @cython.locals(seen=int, bit=int, in_pseudo=bint, method=bytes, name=bytes, value=bytes)
    cdef Py_ssize_t _read(self, tuple fields) except? -1
    cdef Py_ssize_t _whole(self, bytes method, int seen) except? -1
    @cython.locals(before=Py_ssize_t)
    cdef Py_ssize_t _malformed(self, str reason) except? -1
    cdef bint _note(self, bytes name, bytes value) except -1
