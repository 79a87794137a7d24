cimport cython

from tricorn.asgi.handover cimport Steps
from tricorn.asgi.inbox cimport Inbox
from tricorn.asgi.step cimport bind

cdef int _CONNECTING, _OPEN, _HELD, _DENYING, _CLOSED
cdef str _SEND_KIND, _send_met
cdef object _TYPE, _TEXT, _BYTES, _READY
cdef object _RECEIVE, _SEND

cdef class Session(Inbox):
    cdef public object app, fields
    cdef public dict scope
    cdef public int phase
    cdef public object status
    cdef public bint gone

    cpdef begin(self)
    cpdef disconnected(self, int code, str reason)
    cdef _take(self, dict message)
    cdef _take_unusual(self, dict message)
    cdef _take_send(self, text, data)
