cimport cython

from tricorn.asgi.exchange cimport Exchange, open_exchange
from tricorn.net.http2_ends cimport Http2Ends
from tricorn.net.http2_stream cimport Http2Stream, open_stream
from tricorn.net.http2_tunnel cimport WebSocketStream
from tricorn.net.progress cimport ContentRate
from tricorn.net.scope cimport ConnectionScope
from tricorn.net.service cimport Service
from tricorn.wire.h2 cimport Http2Wire
from tricorn.wire.h2_fields cimport RequestHead

cdef int _NEED_DATA, _REQUEST, _DATA, _TRAILERS, _STREAM_CLOSED, _ACKNOWLEDGED, _CONNECTION_OVER
cdef int _NOTICED, _LEAVING, _LINGER
cdef double _NEVER
cdef dict _EXTENSIONS

cdef class Http2Connection(Http2Ends):
    cdef _pump(self)
    @cython.locals(code=int)
    cdef _take_all(self)
    @cython.locals(wire=Http2Wire, service=Service, head=RequestHead, stream=Http2Stream, stream_id=object, ended=bint, rate=ContentRate)
    cdef _begin_request(self)
    @cython.locals(head=RequestHead, stream=WebSocketStream)
    cdef _open_websocket(self, stream_id, bint ended)
    @cython.locals(service=Service)
    cdef _answer_health(self, Http2Stream stream)
    @cython.locals(head=RequestHead, connection=ConnectionScope, scope=dict, extensions=dict)
    cdef dict _scope(self)
    @cython.locals(stream=Http2Stream)
    cdef _start_apps(self)
    @cython.locals(exchange=Exchange, service=Service)
    cdef _start_app(self, Http2Stream stream)
    @cython.locals(wire=Http2Wire, stream=Http2Stream, ended=bint)
    cdef _take_content(self, int code)
