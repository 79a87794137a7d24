from tricorn.asgi.ready cimport WakeUp

cdef class Stream:
    cdef public bint write_paused
    cdef public WakeUp drain
    cpdef start(self, status, fields, bytes body, bint more)
    cpdef write(self, bytes body, bint more)
    cpdef write_trailers(self, fields)
    cpdef inform(self, int status, fields)
    cpdef want_content(self)
    cpdef abort(self)
    cpdef app_ended(self, exchange)
    cpdef wake_writers(self)
