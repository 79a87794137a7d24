cimport cython

from tricorn.asgi.session cimport Session
from tricorn.net.websocket_time cimport WebSocketTime
from tricorn.wire.ws cimport MessageReader
from tricorn.wire.ws_frames cimport FrameCache, frame

cdef int _TEXT, _BINARY, _PING, _CLOSE, _NEED_DATA
cdef int _DENYING, _OPEN, _CLOSING, _LINGER
cdef int _OPCODE_PONG
cdef Py_ssize_t _HIGH_WATER, _WORTH_NAMING
cdef long long _LOOK_AT

cdef class WebSocketConnection(WebSocketTime):
    cdef public FrameCache frames
    cdef public bytes waiting
    cdef public object is_due
    cdef public bint names_pieces
    cdef public double controls_since

    cdef _pump(self)
    @cython.locals(reader=MessageReader, session=Session, code=int, several=bint)
    cdef _read_messages(self)
    @cython.locals(now=double)
    cdef _take_control(self, int code, bytes data)
    cdef _send_pieces(self, list pieces)
    cdef _count_sent(self)
    cdef _pause_if_lost(self)
