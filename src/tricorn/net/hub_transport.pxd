cimport cython

from tricorn.net.send_queue cimport SendQueue
from tricorn.net.sysio cimport Poller, monotonic, receive, receive_much
from tricorn.net.sysio cimport close as close_descriptor

cdef Py_ssize_t _MUCH
cdef int _READABLE, _WRITABLE

cdef class HubTransport

cdef class TransportSet:
    cdef public object loop
    cdef public Poller poller
    cdef public list transports, lost, unsent
    cdef public bint running
    cdef public double send_within, sent_at
    cdef prepare(self, loop)
    @cython.locals(transports=list)
    cpdef add(self, HubTransport transport)
    @cython.locals(transport=HubTransport)
    cpdef send_all(self)
    cpdef add_lost(self, HubTransport transport)
    @cython.locals(lost=list, transport=HubTransport)
    cpdef tell_lost(self)

@cython.final
cdef class HubTransport(SendQueue):
    cdef public TransportSet hub
    cdef public int events
    cdef public object peer, listener, protocol, data_received, sock, writable, error
    cdef public bint reading, closing, end_read, expects_much, end_wanted, protocol_paused
    cdef public Py_ssize_t file_left
    cdef double sent_at
    cdef prepare(self, TransportSet hub, int fd, peer, listener)
    cpdef begin(self, protocol)
    cpdef set_protocol(self, protocol)
    cpdef close(self)
    cpdef tell_lost(self)
    cpdef on_events(self, int events)
    @cython.locals(hub=TransportSet)
    cpdef bint is_due(self) except -1
    @cython.locals(idle=bint, size=Py_ssize_t)
    cpdef write(self, data)
    @cython.locals(idle=bint)
    cpdef writelines(self, pieces)
    @cython.locals(data=bytes)
    cdef _read(self)
    @cython.locals(events=int)
    cdef _watch(self)
    cdef _send_soon(self, bint idle)
    cpdef send_queue(self)
    cdef _sent(self)
    @cython.locals(fd=int, hub=TransportSet)
    cdef _break(self, error)

@cython.locals(transport=HubTransport)
cpdef HubTransport open_transport(TransportSet hub, int fd, peer, listener)
