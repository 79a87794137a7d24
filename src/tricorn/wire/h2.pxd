cimport cython

from tricorn.wire.h2_requests cimport Http2Requests
from tricorn.wire.h2_stream cimport StreamState

cdef int _NEED_DATA, _CLOSED, _ACKNOWLEDGED, _OVER
cdef int _DATA_FRAME, _HEADERS_FRAME, _SETTINGS_FRAME, _WINDOW_UPDATE_FRAME, _CONTINUATION_FRAME
cdef int _COST, _SETTINGS_COST
cdef Py_ssize_t _HEAD_SIZE, _MAX_FRAME, _PREFACE_SIZE

cdef class Http2Wire(Http2Requests):
    cdef public bytes buffer
    cdef public Py_ssize_t at, updates
    cdef public bint greeted, settled, told

    cpdef feed(self, bytes data)
    cpdef bint head_open(self)
    cpdef int next(self) except -1
    @cython.locals(stream=StreamState)
    cdef int _tell_closed(self) except -1
    cdef int _tell_over(self, long long code) except -1
    @cython.locals(end=Py_ssize_t, code=int, content=bytes)
    cdef int _read(self) except -1
    cdef bint _read_preface(self) except -1
    @cython.locals(data=bytes, at=Py_ssize_t, stream_id=cython.longlong)
    cdef _begin_frame(self)
    cdef _count_control(self)
    cdef int _take_frame(self, bytes content) except -1
