cimport cython

from tricorn.asgi.task cimport TaskStarter
from tricorn.wire.h1_response cimport DefaultFields

@cython.final
cdef class Service:
    cdef public object app, loop, limits, head_limits, access, forwarder, ticker, websockets, frames, http2
    cdef public TaskStarter starter
    cdef public DefaultFields defaults
    cdef public long long body_limit, total_requests, date_second
    cdef public Py_ssize_t concurrency, most_connections
    cdef public double idle_limit, keep_alive_limit, write_limit
    cdef public str root_path, health_path
    cdef public dict scope, state
    cdef public set connections, tasks
    cdef public bint draining, leaving, full, keeps_alive, http2_for_trusted, http2_for_all
    cdef public list accepts
    cdef public double now, closing_step, patience
    cdef public Py_ssize_t closings, carried
    cpdef add(self, connection)
    cpdef remove(self, connection)
    cpdef Py_ssize_t open_connections(self)
