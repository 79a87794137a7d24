cimport cython

from tricorn.asgi.exchange cimport Exchange
from tricorn.asgi.stream cimport Stream
from tricorn.net.progress cimport ContentRate, Stall
from tricorn.net.scope cimport ConnectionScope
from tricorn.net.service cimport Service
from tricorn.wire.h1 cimport RequestReader, open_reader
from tricorn.wire.h1_response cimport ResponseWriter

cdef int _NEW, _CLOSED
cdef Py_ssize_t _HIGH_WATER
cdef double _NEVER

cdef class Http1Stream(Stream):
    cdef public Service service
    cdef public RequestReader reader
    cdef public ResponseWriter writer
    cdef public object transport, transport_write, client, proxied
    cdef public ConnectionScope scope
    cdef public dict last_scope
    cdef public Exchange exchange
    cdef public int state
    cdef public double deadline
    cdef public bint reading_paused, app_started, request_ended, response_ended
    cdef public bint said_continue, pumping, flush_due, end_seen
    cdef public ContentRate rate
    cdef public Stall stall
    cdef public list out
    cdef public Py_ssize_t out_size

    cdef prepare(self, Service service, proxied)
    cdef _after_response(self)
    cdef _put(self, bytes data)
    @cython.locals(writer=ResponseWriter, apart=bytes)
    cdef _gather(self, bytes data)
    cdef _put_last(self, bytes data)
    cdef _put_end(self, bytes data)
    cdef _settle(self)
    @cython.locals(out=list)
    cdef _flush(self)
    cdef _pause_reading(self)
    cdef _resume_reading(self)
    cdef exchange_gone(self)
    cdef _cut(self)
