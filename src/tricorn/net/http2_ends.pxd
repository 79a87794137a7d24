cimport cython

from tricorn.net.http2_sending cimport Http2Sending
from tricorn.net.http2_stream cimport Http2Stream
from tricorn.wire.h2 cimport Http2Wire

cdef int _OPEN, _NOTICED, _LEAVING, _LINGER, _CLOSED
cdef double _NEVER

cdef class Http2Ends(Http2Sending):
    @cython.locals(wire=Http2Wire, stream=Http2Stream)
    cdef _end_stream(self)
    cdef _calm_down(self)
    @cython.locals(wire=Http2Wire)
    cdef _meter(self)
    cpdef tick(self, double now)
