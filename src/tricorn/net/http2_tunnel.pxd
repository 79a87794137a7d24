cimport cython

from tricorn.net.http2_stream cimport Carrier, Http2Stream
from tricorn.net.service cimport Service
from tricorn.net.websocket cimport WebSocketConnection

cdef int _CANCEL, _PROTOCOL_ERROR

cdef class WebSocketStream

cdef class Http2Tunnel:
    cdef public WebSocketStream stream
    cdef public object protocol
    cdef public bint reading, end_unread
    cdef public bytearray unread

    cpdef take(self, bytes data)
    cpdef take_end(self)
    cpdef lost(self)
    cdef _hand_on(self, bytes data)

cdef class WebSocketStream(Http2Stream):
    cdef public object handshake, deflate
    cdef public Http2Tunnel tunnel

    @cython.locals(service=Service, websocket=WebSocketConnection)
    cpdef open(self, dict scope, client)
    cpdef start(self, status, fields, bytes body, bint more)
    cpdef send_bytes(self, bytes data)
    cpdef finish(self)
    cpdef cancel(self)
    cpdef feed(self, bytes data)
    cpdef feed_end(self)
    cpdef feed_trailers(self)
    cpdef hold(self)
    cpdef go_on(self)
    cpdef end(self)
    cdef _complete(self)
    cdef _log(self, int status)
