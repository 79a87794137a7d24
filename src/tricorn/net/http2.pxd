cimport cython

from tricorn.asgi.exchange cimport Exchange
from tricorn.net.http2_stream cimport Carrier, Http2Stream
from tricorn.net.http2_tunnel cimport WebSocketStream
from tricorn.net.progress cimport ContentRate, Stall
from tricorn.net.scope cimport ConnectionScope
from tricorn.net.service cimport Service
from tricorn.wire.h2 cimport Http2Wire
from tricorn.wire.h2_fields cimport RequestHead
from tricorn.wire.h2_frames cimport FrameMeter

cdef int _NEED_DATA, _REQUEST, _DATA, _TRAILERS, _STREAM_CLOSED, _ACKNOWLEDGED, _CONNECTION_OVER
cdef int _OPEN, _NOTICED, _LEAVING, _LINGER, _CLOSED
cdef Py_ssize_t _LOW_WATER, _ALL_HIGH_WATER, _WRITE_AT_ONCE
cdef int _STREAMS_RUNNING
cdef double _NEVER
cdef dict _EXTENSIONS

cdef class Http2Connection(Carrier):
    cdef public object limits, transport, transport_write, client, proxied
    cdef public ConnectionScope scope
    cdef public Stall stall
    cdef public RequestHead head
    cdef public dict streams
    cdef public int state
    cdef public double deadline, leave_at, head_since, resets, controls, metered_at
    cdef public bint pumping, flush_due, write_paused
    cdef public Py_ssize_t running, moved
    cdef public list starting, held

    cpdef tick(self, double now)
    cdef _pump(self)
    @cython.locals(code=int)
    cdef _take_all(self)
    @cython.locals(wire=Http2Wire, service=Service, head=RequestHead, stream=Http2Stream, stream_id=cython.longlong, ended=bint, rate=ContentRate)
    cdef _begin_request(self)
    @cython.locals(head=RequestHead, stream=WebSocketStream)
    cdef _open_websocket(self, long long stream_id, bint ended)
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
    @cython.locals(wire=Http2Wire, stream=Http2Stream)
    cdef _end_stream(self)
    cdef _calm_down(self)
    @cython.locals(wire=Http2Wire, data=bytes, sent=bint, unsent=Py_ssize_t)
    cdef bint _send(self) except -1
    @cython.locals(wire=Http2Wire, stream=Http2Stream, low=Py_ssize_t)
    cdef _release(self)
    cdef Py_ssize_t _low_water(self) except -1
    @cython.locals(meter=FrameMeter)
    cdef _meter(self)
