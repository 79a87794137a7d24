cimport cython

from tricorn.asgi.exchange cimport Exchange
from tricorn.asgi.stream cimport Stream
from tricorn.net.service cimport Service
from tricorn.wire.h1 cimport RequestReader
from tricorn.wire.h1_response cimport ResponseWriter

cdef int _NEED_DATA, _HEAD, _DATA, _END
cdef int _NEW, _IN_HEAD, _REQUEST, _KEEP_ALIVE, _LINGER, _CLOSED
cdef Py_ssize_t _HIGH_WATER
cdef double _NEVER
cdef str _HTTP
cdef bytes _WEBSOCKET
cdef dict _EXTENSIONS, _EXTENSIONS_10

cdef class Http1Connection(Stream):
    cdef public Service service
    cdef public RequestReader reader
    cdef public ResponseWriter writer
    cdef public object transport, transport_write, client, server, forward, tls
    cdef public str scheme
    cdef public dict last_scope
    cdef public Exchange exchange
    cdef public int state
    cdef public double deadline, content_since, content_waited, stalled_since
    cdef public bint reading_paused, app_started, request_ended, response_ended
    cdef public bint said_continue, pumping, pump_due, flush_due, end_seen
    cdef public long long content_bytes
    cdef public list out
    cdef public Py_ssize_t out_size, stalled_at

    cpdef tick(self, double now)
    cpdef _pump(self)
    @cython.locals(reader=RequestReader, code=int)
    cdef _pump_requests(self)
    cdef _wait_for_head(self)
    @cython.locals(service=Service, reader=RequestReader, has_content=bint, keep_alive=bint)
    cdef _begin_request(self)
    @cython.locals(service=Service, reader=RequestReader, scope=dict, extensions=dict)
    cdef dict _scope(self)
    @cython.locals(service=Service, reader=RequestReader, scope=dict)
    cdef dict _scope_of_line(self)
    @cython.locals(service=Service, exchange=Exchange)
    cdef _start_app(self)
    @cython.locals(exchange=Exchange)
    cdef _take_content(self)
    cdef Py_ssize_t _content_held(self)
    cdef _end_request(self)
    cdef _put(self, bytes data)
    @cython.locals(writer=ResponseWriter, apart=bytes)
    cdef _gather(self, bytes data)
    cdef _put_last(self, bytes data)
    cdef _after_response(self)
    cdef _flush(self)
    cdef _check_content_rate(self, double now)
