cimport cython

from tricorn.asgi.session cimport Session
from tricorn.asgi.stream cimport SessionStream
from tricorn.net.progress cimport Stall
from tricorn.net.service cimport Service
from tricorn.wire.ws cimport MessageReader
from tricorn.wire.ws_deflate cimport Deflater
from tricorn.wire.ws_frames cimport FrameCache, frame

cdef double _NEVER, _COMPRESSOR_IDLE
cdef int _TEXT, _BINARY, _PING, _CLOSE, _NEED_DATA
cdef int _HANDSHAKE, _DENYING, _OPEN, _CLOSING, _LINGER, _CLOSED
cdef int _OPCODE_PING, _OPCODE_PONG
cdef Py_ssize_t _HIGH_WATER, _WORTH_NAMING

cdef class Peer:
    cdef public object client
    cdef public bytes target

cdef class WebSocketConnection(SessionStream):
    cdef public Service service
    cdef public object options, transport, transport_write, opening, closer
    cdef public Peer peer
    cdef public Deflater deflater
    cdef public FrameCache frames
    cdef public MessageReader reader
    cdef public Session session
    cdef public int state, close_code
    cdef public double deadline, opened_at, heard_at, ping_due, controls_since, rest_due
    cdef public bytes waiting, pong_held
    cdef public bint reading_paused, pumping, ping_sent, names_pieces
    cdef public long long received, sent, sent_before
    cdef public Stall stall

    cpdef tick(self, double now)
    cdef _pump(self)
    @cython.locals(reader=MessageReader, session=Session, code=int)
    cdef _read_messages(self)
    @cython.locals(now=double)
    cdef _take_control(self, int code, bytes data)
    cdef _send_pieces(self, list pieces)
    cdef _keep_alive(self, double now)
    cdef _ping(self, double now)
    cdef _rest_compressor(self, double now)
    cdef double _deadline_of_state(self)
