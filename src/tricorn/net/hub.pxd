cimport cython

from tricorn.net.sysio cimport Poller, accept, receive, receive_much, transmit, transmit_pieces
from tricorn.net.sysio cimport close as close_descriptor

cdef Py_ssize_t _SEND_AT_ONCE, _WORTH_A_PIECE, _MUCH
cdef int _READABLE, _WRITABLE

cdef class Hub
cdef class HubTransport

@cython.final
cdef class HubListener:
    cdef public Hub hub
    cdef public object sock, factory, sockname, retry
    cdef public int fd
    cdef public bint is_unix, is_wildcard, watched
    @cython.locals(hub=Hub, transport=HubTransport)
    cpdef on_events(self, int events)

@cython.final
cdef class Hub:
    cdef public object loop
    cdef public Poller poller
    cdef public list transports
    cdef public dict listeners
    @cython.locals(index=int, fd=int, transport=HubTransport, listener=HubListener)
    cpdef on_ready(self)
    cdef public list lost, unsent
    @cython.locals(transports=list)
    cpdef add(self, HubTransport transport)
    @cython.locals(transport=HubTransport)
    cpdef send_all(self)
    cdef public bint running
    cpdef add_lost(self, HubTransport transport)
    @cython.locals(lost=list, transport=HubTransport)
    cpdef tell_lost(self)

@cython.final
cdef class HubTransport:
    cdef public Hub hub
    cdef public int fd, events
    cdef public object peer, protocol, data_received, sock, writable, error, current
    cdef public HubListener listener
    cdef public bint reading, closing, end_read, expects_much, end_wanted, protocol_paused
    cdef public list queue
    cdef public Py_ssize_t pending_size, file_left, high, low
    cpdef begin(self, protocol)
    cpdef set_protocol(self, protocol)
    cpdef close(self)
    cpdef tell_lost(self)
    cpdef on_events(self, int events)
    @cython.locals(idle=bint)
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
    @cython.locals(fd=int, hub=Hub)
    cdef _break(self, error)
