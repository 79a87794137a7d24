cimport cython

from tricorn.net.http2_stream cimport Carrier, Http2Stream
from tricorn.net.progress cimport Stall
from tricorn.net.scope cimport ConnectionScope
from tricorn.net.service cimport Service
from tricorn.wire.h2 cimport Http2Wire
from tricorn.wire.h2_fields cimport RequestHead

cdef int _OPEN, _LINGER, _STREAMS_RUNNING
cdef double _NEVER
cdef Py_ssize_t _LOW_WATER, _ALL_HIGH_WATER, _WRITE_AT_ONCE

cdef class Http2Sending(Carrier):
    cdef public object limits, transport, transport_write, is_due, client, proxied
    cdef public ConnectionScope scope
    cdef public dict last_scope
    cdef public Stall stall
    cdef public RequestHead head
    cdef public dict streams
    cdef public int state
    cdef public double deadline, leave_at, head_since, resets, controls, metered_at
    cdef public bint pumping, flush_due, write_paused
    cdef public Py_ssize_t running, most_running, moved
    cdef public list starting, held

    cdef _pump(self)
    @cython.locals(wire=Http2Wire, data=bytes, sent=bint, unsent=Py_ssize_t)
    cdef bint _send(self) except -1
    @cython.locals(wire=Http2Wire, stream=Http2Stream, low=Py_ssize_t)
    cdef _release(self)
    cdef _send_due(self)
    cdef Py_ssize_t _low_water(self) except -1
