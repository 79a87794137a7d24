from tricorn.wire.h1_response cimport DefaultFields

cdef class Service:
    cdef public object app, loop, limits, head_limits, access, forwarder, starter, timer
    cdef public DefaultFields defaults
    cdef public long long body_limit, total_requests, date_second
    cdef public Py_ssize_t concurrency
    cdef public str root_path
    cdef public dict asgi, state
    cdef public set connections, tasks
    cdef public bint draining, full
    cdef public list accepts
    cdef public double now
