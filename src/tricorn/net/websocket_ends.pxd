cimport cython

from tricorn.asgi.session cimport Session
from tricorn.asgi.stream cimport SessionStream
from tricorn.net.service cimport Service
from tricorn.net.websocket_opening cimport Peer
from tricorn.wire.ws cimport MessageReader
from tricorn.wire.ws_deflate cimport Deflater

cdef double _NEVER
cdef int _OPEN, _CLOSING, _LINGER, _CLOSED

cdef class WebSocketEnds(SessionStream):
    cdef public Service service
    cdef public object options, transport, transport_write, opening, closer
    cdef public Peer peer
    cdef public Deflater deflater
    cdef public MessageReader reader
    cdef public Session session
    cdef public int state, close_code
    cdef public double deadline, opened_at, heard_at
    cdef public bint reading_paused, pumping
    cdef public long long received, sent

    cdef _pump(self)
