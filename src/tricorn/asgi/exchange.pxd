cimport cython

from tricorn.asgi.call cimport AppCall
from tricorn.asgi.extensions cimport take_extension
from tricorn.asgi.ready cimport WakeUp
from tricorn.asgi.step cimport bind
from tricorn.asgi.stream cimport Stream

cdef str _START_KIND, _BODY_KIND, _start_met, _body_met
cdef object _RECEIVE, _SEND
cdef Py_ssize_t _NOT_JOINED
cdef dict _CONTENT, _LAST_CONTENT
cdef int EXPECT_START, HELD, BODY, TRAILERS, COMPLETE

@cython.final
cdef class Exchange(AppCall):
    cdef public Stream stream
    cdef public object app, fields
    cdef public dict scope
    cdef public int phase
    cdef public object status
    cdef public bint promises_trailers, content_ended, end_received, gone, half_gone, wants_content
    cdef public list content
    cdef public Py_ssize_t content_size
    cdef public WakeUp wake_up

    cpdef prepare(self, Stream stream, app, dict scope, bint has_content)
    cpdef feed(self, bytes data)
    cpdef feed_end(self)
    cpdef disconnected(self)
    cpdef end_of_client(self)
    @cython.locals(content=list, body=bytes, message=dict, ended=bint)
    cdef dict _next_content(self)
    cdef _take(self, dict message)
    cdef _take_unusual(self, kind, dict message)
    cdef _take_start(self, dict message)
    @cython.locals(phase=int, more=bint, keep_open=bint)
    cdef _take_body(self, dict message)
    cpdef head_sent(self)
    cpdef content_sent(self)
    cpdef completed(self)

@cython.locals(exchange=Exchange)
cpdef Exchange open_exchange(Stream stream, app, dict scope, bint has_content)
