cimport cython

from tricorn.asgi.exchange cimport Exchange
from tricorn.asgi.stream cimport Stream
from tricorn.net.progress cimport ContentRate, Stall
from tricorn.net.service cimport Service
from tricorn.wire.h2 cimport Http2Wire
from tricorn.wire.h2_response cimport AppFields, read_app_fields
from tricorn.wire.scan cimport list_fields

cdef dict _STATUS
cdef str _GET
cdef Py_ssize_t _HIGH_WATER, _ALL_HIGH_WATER, _FILE_PIECE, _UNNEEDED
cdef int _INTERNAL_ERROR, _NO_SIZE

cdef class Carrier:
    cdef public Service service
    cdef public Http2Wire wire

    cpdef flush_soon(self)
    cpdef flush(self)
    cpdef hold(self, Http2Stream stream)
    cpdef completed(self, Http2Stream stream)
    cpdef app_waits(self, Http2Stream stream)
    cpdef app_ended(self, Http2Stream stream)

cdef class Http2Stream(Stream):
    cdef public Carrier carrier
    cdef public Http2Wire wire
    cdef public object stream_id
    cdef public long long left, content_bytes, unneeded
    cdef public str method
    cdef public bytes target
    cdef public object client
    cdef public Exchange exchange
    cdef public bint is_counted, te_trailers, started, request_ended, response_ended, closed, was_cut
    cdef public bint without_content, said_continue
    cdef public Py_ssize_t unreturned
    cdef public double linger_until
    cdef public ContentRate rate
    cdef public Stall stall

    cdef prepare(self, Carrier carrier, stream_id, str method, bytes target)
    @cython.locals(method=str, pair=tuple, known=AppFields, lines=list, code=int, length=cython.longlong, size=Py_ssize_t, told=Py_ssize_t, service=Service)
    cpdef start(self, status, fields, bytes body, bint more)
    @cython.locals(left=cython.longlong)
    cpdef write(self, bytes body, bint more)
    cdef _log(self, int status)
    @cython.locals(wire=Http2Wire)
    cdef _queue(self, bytes body, bint more)
    cdef _complete(self)
    cpdef give_back(self)
    @cython.locals(exchange=Exchange, size=Py_ssize_t)
    cpdef feed(self, bytes data)
    cpdef feed_end(self)
    cpdef feed_trailers(self)
    cpdef hold(self)
    cpdef go_on(self)
    cpdef end(self)
    cdef _gone(self)
    cdef _cut(self, int code)

@cython.locals(stream=Http2Stream)
cpdef Http2Stream open_stream(Carrier carrier, stream_id, str method, bytes target)
