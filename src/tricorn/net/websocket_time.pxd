cimport cython

from tricorn.net.progress cimport Stall
from tricorn.net.websocket_ends cimport WebSocketEnds
from tricorn.wire.ws_frames cimport frame

cdef double _NEVER
cdef int _HANDSHAKE, _DENYING, _OPEN, _CLOSING, _LINGER, _CLOSED
cdef int _OPCODE_PING, _OPCODE_PONG

cdef class WebSocketTime(WebSocketEnds):
    cdef public double ping_due, rest_due
    cdef public bint ping_sent
    cdef public bytes pong_held
    cdef public Stall stall
    cdef public long long sent_before

    cpdef tick(self, double now)
    cdef _keep_alive(self, double now)
    cdef _ping(self, double now)
    cdef _rest_compressor(self, double now)
    cdef double _deadline_of_state(self)
