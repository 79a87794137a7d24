cimport cython

from tricorn.asgi.exchange cimport Exchange, open_exchange
from tricorn.net.http1_ends cimport Http1Ends
from tricorn.net.progress cimport ContentRate, Stall
from tricorn.net.scope cimport ConnectionScope
from tricorn.net.service cimport Service
from tricorn.wire.h1 cimport RequestReader

cdef int _NEED_DATA, _HEAD, _DATA, _END
cdef int _IN_HEAD, _REQUEST, _KEEP_ALIVE, _LINGER, _CLOSED
cdef Py_ssize_t _HIGH_WATER
cdef double _NEVER, _END_GRACE
cdef bytes _WEBSOCKET
cdef dict _EXTENSIONS, _EXTENSIONS_10

cdef class Http1Connection(Http1Ends):
    cdef public bint pump_due

    @cython.locals(service=Service)
    cpdef connection_made(self, transport)
    cpdef connection_lost(self, error)
    cpdef _pump(self)
    @cython.locals(reader=RequestReader, code=int)
    cdef _pump_requests(self)
    cdef _wait_for_head(self)
    @cython.locals(service=Service, reader=RequestReader, has_content=bint, keep_alive=bint, is_health=bint)
    cdef _begin_request(self)
    @cython.locals(service=Service)
    cdef _answer_health(self)
    @cython.locals(reader=RequestReader, scope=dict, extensions=dict)
    cdef dict _scope(self)
    @cython.locals(service=Service, exchange=Exchange)
    cdef _start_app(self)
    @cython.locals(exchange=Exchange)
    cdef _take_content(self)
    cdef _content_ended(self)
    cdef Py_ssize_t _content_held(self)
    cdef _end_request(self)
    cdef _after_response(self)
