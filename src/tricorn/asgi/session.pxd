cimport cython

from tricorn.asgi.handover cimport Handover, Steps
from tricorn.asgi.stream cimport SessionStream

cdef int _CONNECTING, _OPEN, _HELD, _DENYING, _CLOSED
cdef str _SEND_KIND, _RECEIVE_KIND
cdef dict _TEXT_MESSAGE, _BYTES_MESSAGE
cdef Py_ssize_t _OVERHEAD, HIGH_WATER

cdef class Session:
    cdef public SessionStream stream
    cdef public object app, loop, task, fields
    cdef public dict scope
    cdef public Py_ssize_t queue_limit, size
    cdef public int phase
    cdef public object status
    cdef public bint ended, gone, end_queued, end_received, held_back
    cdef public Handover waiter
    cdef public Steps steps
    cdef public list messages, other_waiters

    cpdef feed_text(self, str text)
    cpdef feed_binary(self, bytes data)
    cpdef disconnected(self, int code, str reason)
    cpdef bint is_full(self)
    @cython.locals(limit=Py_ssize_t)
    cdef bint _has_room(self)
    @cython.locals(waiter=Handover)
    cdef Handover _wait(self)
    @cython.locals(waiter=Handover, other=Handover, others=list)
    cdef _arrived(self)
    cdef _queue_end(self, int code, str reason)
    @cython.locals(received=dict)
    cdef dict _next_message(self)
    cdef _take_send(self, dict message)
