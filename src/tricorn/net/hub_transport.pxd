cimport cython

from tricorn.net.sysio cimport Poller, receive, receive_much, transmit, transmit_pieces
from tricorn.net.sysio cimport close as close_descriptor

cdef Py_ssize_t _WORTH_A_PIECE, _MUCH
cdef int _READABLE, _WRITABLE

cdef class HubTransport

cdef class TransportSet:
    cdef public object loop
    cdef public Poller poller
    cdef public list transports, lost, unsent
    cdef public bint running
    cdef prepare(self, loop)
    @cython.locals(transports=list)
    cpdef add(self, HubTransport transport)
    @cython.locals(transport=HubTransport)
    cpdef send_all(self)
    cpdef add_lost(self, HubTransport transport)
    @cython.locals(lost=list, transport=HubTransport)
    cpdef tell_lost(self)

@cython.final
cdef class HubTransport:
    cdef public TransportSet hub
    cdef public int fd, events
    cdef public object peer, listener, protocol, data_received, sock, writable, error, current
    cdef public bint reading, closing, end_read, expects_much, end_wanted, protocol_paused
    cdef public list queue
    cdef public Py_ssize_t pending_size, file_left, high, low
    cpdef begin(self, protocol)
    cpdef set_protocol(self, protocol)
    cpdef close(self)
    cpdef tell_lost(self)
    cpdef on_events(self, int events)
    @cython.locals(idle=bint, size=Py_ssize_t)
    cpdef write(self, data)
    @cython.locals(idle=bint, queue=list)
    cpdef writelines(self, pieces)
    cdef list _all_queued(self)
    cdef _read(self)
    @cython.locals(events=int)
    cdef _watch(self)
    cdef _enqueue(self, data)
    cdef _send_soon(self, bint idle)
    @cython.locals(size=Py_ssize_t)
    cpdef send_queue(self)
    @cython.locals(pieces=list, left=Py_ssize_t, done=Py_ssize_t)
    cdef bint _send_pieces(self) except -1
    cdef _sent(self)
    @cython.locals(fd=int, hub=TransportSet)
    cdef _break(self, error)
