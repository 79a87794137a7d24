cimport cython

from tricorn.wire.h2_bytes cimport number_frame
from tricorn.wire.h2_control cimport Http2Control
from tricorn.wire.h2_message cimport MessageCheck
from tricorn.wire.h2_stream cimport StreamState, open_state
from tricorn.wire.hpack_decoder cimport HpackDecoder

cdef int _NEED_DATA, _REQUEST, _DATA, _TRAILERS, _CLOSED
cdef int _END_STREAM, _END_HEADERS, _PADDED, _PRIORITIZED, _NO_ERROR, _COST
cdef long long _MALFORMED
cdef Py_ssize_t _DEPENDENCY, _SKIPS

cdef class Http2Requests(Http2Control):
    cdef public HpackDecoder decoder
    cdef public MessageCheck check
    cdef public Py_ssize_t most_continuations, length, content_left, padding, cost
    cdef public list skipped, block
    cdef public long long last_taken, error_code
    cdef public bint in_frame, padding_untold, block_ends, ended
    cdef public int kind, flags
    cdef public object frame_stream, block_stream, stream_id
    cdef public StreamState content_stream
    cdef public tuple fields
    cdef public bytes data
    cdef public str reason

    @cython.locals(flags=int, at=Py_ssize_t, end=Py_ssize_t)
    cdef int _begin_section(self, bytes content) except -1
    cdef int _go_on_with_section(self, bytes content) except -1
    @cython.locals(stream=StreamState)
    cdef int _take_section(self, bytes block) except -1
    @cython.locals(ends=bint, length=cython.longlong, stream=StreamState)
    cdef int _begin_stream(self, stream_id, tuple fields) except -1
    @cython.locals(first=cython.longlong)
    cdef _note_skipped(self, long long stream_id)
    cdef int _turn_away(self, stream_id, int code, str reason) except -1
    cdef int _take_trailers(self, StreamState stream, tuple fields) except -1
    @cython.locals(size=Py_ssize_t, flags=int)
    cdef _begin_content(self)
    @cython.locals(stream=StreamState)
    cdef _check_content(self, stream_id, Py_ssize_t size)
    @cython.locals(stream=StreamState, ends=bint)
    cdef _check_length(self)
    @cython.locals(start=Py_ssize_t, size=Py_ssize_t)
    cdef Py_ssize_t _read_content(self, bytes data, Py_ssize_t at) except -1
    @cython.locals(stream=StreamState, ends=bint, size=Py_ssize_t)
    cdef int _take_content(self) except -1
    cdef _client_ends(self, StreamState stream)
    cdef _check_cut(self, stream_id)
    cdef _refuse_more(self, StreamState stream)
