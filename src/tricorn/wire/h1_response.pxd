cimport cython

from tricorn.wire.scan cimport encode_chunks, encode_fields, joined

cdef int _UNSTARTED, _BY_LENGTH, _CHUNKED, _BY_CLOSE, _NO_CONTENT, _COMPLETE, _OVERRIDES, _WANTS_CLOSE, _LENGTH_ALONE
cdef dict _STATUS_LINES
cdef list _FINAL_STATUS_LINES
cdef object _GET
cdef bytes _CLOSE, _KEEP, _END, _LAST_CHUNK, _NOTHING
cdef Py_ssize_t APART, APART_FROM_HEAD, _BESIDE

@cython.final
cdef class DefaultFields:
    cdef public bytes extra, server, date, block
    cdef public bint with_date
    cdef public list extra_pairs
    cdef public tuple server_pair, date_pair
    cpdef bytes without(self, int flags)
    cpdef add_to(self, list fields, int flags)

# It holds nothing that could lead back to it.
@cython.no_gc
@cython.final
cdef class ResponseWriter:
    cdef public DefaultFields defaults
    cdef public bint is_head, keep_alive
    cdef public bint is_1_1
    cdef public int framing
    cdef public long long left
    cdef public bytes apart, last
    cdef public list held
    cdef public Py_ssize_t held_size
    cdef public bint is_held, has_large
    cpdef start_request(self, str method, bint is_1_1, bint keep_alive)
    @cython.locals(code=int, line=bytes, block=bytes, added=bytes, default=bytes, end=bytes, flags=int, length=cython.longlong, size=Py_ssize_t, framing=int)
    cpdef bytes head(self, status, fields, bytes body, bint more)
    @cython.locals(framing=int)
    cpdef bytes body(self, bytes data, bint more)
    @cython.locals(size=Py_ssize_t)
    cdef _hold(self, bytes data)
    @cython.locals(before=bytes, held=list)
    cpdef settle(self, list out)
