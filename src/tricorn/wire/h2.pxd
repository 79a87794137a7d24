cimport cython

from tricorn.wire.h2_frames cimport FrameMeter

cdef class Http2Wire:
    cdef public object engine, waiting
    cdef public FrameMeter meter
    cdef public bint failed, refused, ended, late_waited
    cdef public bytes farewell, data
    cdef public long long last_stream, stream_id, error_code, late_reset
    cdef public int late_code
    cdef public tuple fields

    @cython.locals(late=cython.longlong)
    cpdef feed(self, bytes data)
    cpdef int next(self) except -1
    cdef int _take(self, event) except -1
    cdef _fail(self, int code)
    cpdef bytes data_to_send(self, Py_ssize_t most)
    cpdef respond(self, long long stream_id, list fields, bint end)
    cpdef send(self, long long stream_id, bytes data, bint end)
    cpdef reset(self, long long stream_id, int code)
    cpdef stop_waiting(self)
    cdef _reset_now(self, long long stream_id, int code)
    cpdef consumed(self, long long stream_id, Py_ssize_t size)
    cpdef Py_ssize_t unsent(self, long long stream_id) except -1
    cpdef Py_ssize_t all_unsent(self) except -1
