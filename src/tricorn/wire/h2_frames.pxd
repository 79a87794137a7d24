cimport cython

cdef int _DATA, _HEADERS, _PRIORITY, _SKIPS, _SETTINGS, _WINDOW_UPDATE, _CONTINUATION, _END_STREAM, _END_HEADERS
cdef int _COST, _SETTINGS_COST
cdef Py_ssize_t _HEAD_SIZE

cdef class FrameMeter:
    cdef public Py_ssize_t left
    cdef public bytes start
    cdef public int kind
    cdef public bint in_block
    cdef public Py_ssize_t heads, cost, updates
    cdef public long long last_head
    cdef public list skipped
    cdef public bint fault
    cdef public Py_ssize_t fault_at
    cdef public long long content_stream

    cpdef bint head_open(self)
    @cython.locals(before=Py_ssize_t, at=Py_ssize_t, last=Py_ssize_t, size=Py_ssize_t, length=Py_ssize_t, kind=int, stream_id=cython.longlong)
    cpdef feed(self, bytes data)
    cpdef bint is_within(self, long long stream_id)
    @cython.locals(last=cython.longlong, index=Py_ssize_t)
    cdef _check_stream(self, int kind, long long stream_id)
    cdef _count(self, int kind, int flags, Py_ssize_t length)
