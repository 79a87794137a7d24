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
    cdef public Py_ssize_t length

    @cython.locals(seen=int, bit=int, in_pseudo=bint, method=bytes, name=bytes, value=bytes)
    cpdef read(self, tuple fields)
    cdef _check_connect(self, int seen)
    cdef _fault(self, str reason)
    @cython.locals(before=Py_ssize_t)
    cdef bint _note(self, bytes name, bytes value) except -1
