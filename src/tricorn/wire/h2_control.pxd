cimport cython

from tricorn.wire.h2_bytes cimport frame_head
from tricorn.wire.h2_sending cimport Http2Outgoing
from tricorn.wire.h2_stream cimport StreamState

cdef int _ACK, _WINDOW_UPDATE_FRAME
cdef long long _MAX_WINDOW
cdef Py_ssize_t _SETTING_SIZE

cdef class Http2Control(Http2Outgoing):
    cdef public Py_ssize_t table, most_streams, most_acks, most_settings, pings
    cdef public long long last_stream
    cdef public bint answered
    cdef public dict wishes

    cdef _obey(self, int kind, int flags, stream_id, bytes content)
    cdef _check_head(self, int kind, int flags, long long stream_id, Py_ssize_t size)
    cdef _check_connection_frame(self, int kind, int flags, Py_ssize_t size)
    @cython.locals(stream=StreamState)
    cdef _take_window(self, stream_id, long long increment)
    cdef _check_begun(self, long long stream_id)
    cdef _take_settings(self, bytes content)
    @cython.locals(stream=StreamState, difference=cython.longlong)
    cdef _take_first_window(self, long long size)
    cdef _acknowledge(self, bytes frame)
    cdef _take_ping(self, int flags, bytes content)
    @cython.locals(stream=StreamState)
    cdef _take_reset(self, stream_id, long long code)
    @cython.locals(stream=StreamState)
    cdef _take_priority(self, stream_id, bytes value)
    cdef _keep_wish(self, stream_id, tuple wish)
