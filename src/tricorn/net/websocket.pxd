cimport cython

from tricorn.asgi.session cimport Session
from tricorn.asgi.stream cimport SessionStream
from tricorn.net.service cimport Service

cdef double _NEVER
cdef int _TEXT, _BINARY, _PING, _CLOSE, _NEED_DATA
cdef int _HANDSHAKE, _OPEN, _CLOSING, _LINGER, _CLOSED
cdef Py_ssize_t _HIGH_WATER

cdef class WebSocketConnection(SessionStream):
    cdef public Service service
    cdef public object options, transport, transport_write, opening, peer, deflater
    cdef public object frames
    cdef public object reader
    cdef public Session session
    cdef public int state, close_code
    cdef public double deadline, opened_at, heard_at, ping_due, controls_since, stalled_since
    cdef public bytes waiting, pong_held
    cdef public bint reading_paused, pumping, ping_sent
    cdef public long long received, sent, sent_before
    cdef public Py_ssize_t stalled_at
    cdef public object closer

    cpdef tick(self, double now)
    cdef _pump(self)
    @cython.locals(session=Session, code=int)
    cdef _read_messages(self)
