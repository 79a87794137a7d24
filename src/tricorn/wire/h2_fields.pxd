cimport cython

from tricorn.wire.scan cimport are_same_fields, find_byte, is_target, method_of

cdef int _COLON
cdef object _WATCHED, _SCHEMES

cdef class RequestHead:
    cdef public object limits
    cdef public Py_ssize_t line_limit, section_limit, field_limit, path_at
    cdef public long long body_limit, content_length
    cdef public str method, path
    cdef public bytes target, raw_path, query, scheme, authority, protocol, last_authority, host, length
    cdef public list fields, cookies, kept
    cdef public tuple last
    cdef public bint expect_continue, te_trailers, forwarded, last_ended, same_line

    @cython.locals(method=bytes, path=bytes)
    cpdef read(self, tuple fields, bint ended)
    @cython.locals(method=bytes, path=bytes, at=Py_ssize_t, size=Py_ssize_t, kept=list, name=bytes, value=bytes)
    cdef tuple _split(self, tuple fields)
    cdef bint _is_last(self, tuple fields, bint ended) except -1
    cdef _take_again(self, bytes path)
    cdef _check_line(self, Py_ssize_t method_size, bytes path)
    cdef _forget(self)
    cdef _note(self, bytes name, bytes value)
    @cython.locals(question=Py_ssize_t)
    cdef _take_target(self, bytes path)
    @cython.locals(host=bytes, authority=bytes)
    cdef _take_host(self)
    @cython.locals(value=bytes)
    cdef _take_content_length(self, bint ended)
