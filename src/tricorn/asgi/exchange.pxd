cimport cython

from tricorn.asgi.ready cimport WakeUp
from tricorn.asgi.stream cimport Stream

cdef str _START_KIND, _BODY_KIND
cdef Py_ssize_t _NOT_JOINED
cdef dict _CONTENT, _LAST_CONTENT
cdef int _EXPECT_START, _HELD, _BODY, _TRAILERS, _COMPLETE, _FILE

@cython.final
cdef class Exchange:
    cdef public Stream stream
    cdef public object app, task, fields
    cdef public dict scope
    cdef public int phase
    cdef public object status
    cdef public bint ended, promises_trailers, content_ended, end_received, gone, half_gone, wants_content
    cdef public list content
    cdef public Py_ssize_t content_size
    cdef public WakeUp wake_up

    cpdef feed(self, bytes data)
    cpdef feed_end(self)
    cpdef disconnected(self)
    cpdef end_of_client(self)
    @cython.locals(content=list, body=bytes, message=dict, ended=bint)
    cdef dict _next_content(self)
    @cython.locals(kind=str)
    cdef _take(self, dict message)
    cdef _take_start(self, dict message)
    cdef _take_body(self, dict message)
    cdef _advance(self, bytes body, bint more)
    cdef _head_sent(self)
    cdef _completed(self)
