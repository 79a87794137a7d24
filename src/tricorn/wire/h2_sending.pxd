cimport cython

from tricorn.wire.h2_bytes cimport frame_head, number_frame
from tricorn.wire.h2_stream cimport StreamState
from tricorn.wire.hpack_encoder cimport HpackEncoder

cdef int _DATA_FRAME, _HEADERS_FRAME, _CONTINUATION_FRAME, _RST_STREAM_FRAME, _WINDOW_UPDATE_FRAME
cdef int _END_STREAM, _END_HEADERS, _NO_ERROR, _URGENCIES
cdef Py_ssize_t _HEAD_SIZE, _MAX_FRAME, _WORTH_A_FRAME

cdef class Http2Outgoing:
    cdef public HpackEncoder encoder
    cdef public dict streams, cut_streams
    cdef public list out, ready, leaving, over_streams
    cdef public Py_ssize_t out_size, ready_count, waiting, acks, most_cut
    cdef public long long send_window, first_window, stream_window, connection_window, window, returned
    cdef public bint over

    cdef _say(self, bytes frame)
    @cython.locals(stream=StreamState)
    cpdef respond(self, stream_id, list fields, bint end)
    @cython.locals(stream=StreamState)
    cpdef send(self, stream_id, bytes data, bint end)
    cdef _say_trailers(self, StreamState stream)
    @cython.locals(block=bytes, piece=bytes, flags=int, kind=int, size=Py_ssize_t, at=Py_ssize_t)
    cdef _say_fields(self, stream_id, list fields, bint end)
    cdef _end(self, StreamState stream)
    @cython.locals(stream=StreamState)
    cpdef reset(self, stream_id, long long code)
    cdef _cut(self, StreamState stream, long long code)
    cdef _fault(self, StreamState stream, int code, str reason)
    @cython.locals(ready=list, at=Py_ssize_t, number=cython.longlong)
    cdef _make_ready(self, StreamState stream)
    cdef _make_unready(self, StreamState stream)
    cdef _prefer(self, StreamState stream, int urgency, bint incremental)
    @cython.locals(out=list)
    cpdef bytes data_to_send(self, Py_ssize_t most)
    @cython.locals(ready=list, room=Py_ssize_t, stream=StreamState)
    cdef _fill(self, Py_ssize_t most)
    @cython.locals(size=cython.longlong, last=bint, flags=int)
    cdef _say_content(self, StreamState stream, Py_ssize_t room)
    @cython.locals(leaving=list, stream=StreamState)
    cdef _let_go(self)
    cdef _close(self, StreamState stream)
    cpdef consumed(self, stream_id, Py_ssize_t size)
    cdef _return(self, Py_ssize_t size)
    cdef _remember_cut(self, stream_id)
    @cython.locals(stream=StreamState)
    cpdef Py_ssize_t unsent(self, stream_id) except -1
