from tricorn.asgi.ready cimport WakeUp

cdef class Outlet:
    cdef public bint write_paused
    cdef public WakeUp drain
    cpdef wake_writers(self)

cdef class Stream(Outlet):
    cpdef start(self, status, fields, bytes body, bint more)
    cpdef write(self, bytes body, bint more)
    cpdef write_trailers(self, fields)
    cpdef inform(self, int status, fields)
    cpdef want_content(self)
    cpdef abort(self)
    cpdef app_ended(self, exchange)

cdef class SessionStream(Outlet):
    cpdef accept(self, subprotocol, fields)
    cpdef deny(self, status, fields, bytes body, bint more)
    cpdef deny_more(self, bytes body, bint more)
    cpdef send_text(self, str text)
    cpdef send_binary(self, bytes data)
    cpdef close(self, code, reason)
    cpdef want_message(self)
    cpdef abort(self)
    cpdef app_ended(self, session)
