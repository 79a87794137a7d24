cimport cython

from tricorn.asgi.handover cimport Handover, Steps
from tricorn.asgi.receiving cimport Receiver, receiving
from tricorn.asgi.stream cimport SessionStream

cdef str _RECEIVE_KIND
cdef dict _TEXT_MESSAGE, _BYTES_MESSAGE
cdef Py_ssize_t _OVERHEAD, HIGH_WATER

cdef class Inbox(Receiver):
    cdef public SessionStream stream
    cdef public object loop
    cdef public Py_ssize_t queue_limit, size
    cdef public bint end_queued, end_received, held_back
    cdef public Handover waiter
    cdef public Steps steps
    cdef public list messages, other_waiters

    cpdef feed_text(self, str text)
    cpdef feed_binary(self, bytes data)
    cpdef bint is_full(self)
    @cython.locals(limit=Py_ssize_t)
    cdef bint _has_room(self)
    cpdef queue_end(self, int code, str reason)
    cpdef take_message(self)
    @cython.locals(waiter=Handover)
    cpdef Handover wait_for_message(self)
    @cython.locals(waiter=Handover, other=Handover, others=list)
    cdef _arrived(self)
    @cython.locals(received=dict)
    cdef dict _next_message(self)
