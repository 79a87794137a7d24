cimport cython

from tricorn.wire.h2_frames cimport FrameMeter

cdef object _REQUEST_EVENT, _DATA_EVENT, _CLOSED_EVENT

cdef class Http2Wire:
    cdef public object engine, stream_id
    cdef public list waiting
    cdef public Py_ssize_t taken
    cdef public FrameMeter meter
    cdef public bint failed, refused, ended, late_waited
    cdef public bytes farewell, data
    cdef public object last_stream, late_reset
    cdef public long long error_code
    cdef public int late_code
    cdef public tuple fields

    cpdef feed(self, bytes data)
    cpdef int next(self) except -1
    cdef int _take(self, event) except -1
    cdef _fail(self, int code)
    cpdef bytes data_to_send(self, Py_ssize_t most)
    cpdef respond(self, stream_id, list fields, bint end)
    cpdef send(self, stream_id, bytes data, bint end)
    cpdef reset(self, stream_id, int code)
    cpdef stop_waiting(self)
    cdef _reset_now(self, stream_id, int code)
    cpdef consumed(self, stream_id, Py_ssize_t size)
    cpdef Py_ssize_t unsent(self, stream_id) except -1
    cpdef Py_ssize_t all_unsent(self) except -1
