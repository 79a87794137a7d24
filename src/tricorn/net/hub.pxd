cimport cython

from tricorn.net.hub_transport cimport HubTransport, TransportSet, open_transport
from tricorn.net.sysio cimport Poller, accept, monotonic

cdef Py_ssize_t _SEND_AT_ONCE
cdef int _READABLE

cdef class Hub

@cython.final
cdef class HubListener:
    cdef public Hub hub
    cdef public object sock, factory, sockname, retry
    cdef public int fd
    cdef public bint is_unix, is_wildcard, watched
    @cython.locals(hub=Hub, transport=HubTransport)
    cpdef on_events(self, int events)

@cython.final
cdef class Hub(TransportSet):
    cdef public dict listeners
    @cython.locals(index=int, fd=int, poller=Poller, transports=list, transport=HubTransport, listener=HubListener)
    cpdef on_ready(self)
    @cython.locals(now=double)
    cdef send_due(self)
