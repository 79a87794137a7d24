cdef class AccessLog:
    cdef public bint enabled
    cdef object _call_soon
    cdef object _logger
    cdef object _handler
    cdef object _formatter
    cdef list _lines
    cdef Py_ssize_t _size
    cdef bint _scheduled
    cdef bint _failing
    cdef dict _heads
    cdef dict _tails
    cdef str _before_client
    cdef str _before_request

    cpdef object request(self, object client, str method, bytes target, str version, int status)
    cdef object _append(self, str line)
    cdef bint _unchanged(self) except -1
    cdef str _new_head(self, object client)
    cdef str _new_tail(self, str version, int status)
    cdef object _record(self, object client, str method, str path, str version, int status)
    cdef object _use(self, object formatter)
    cdef object _failed(self, object error)
    cpdef object flush(self)
