cimport cython

from tricorn.net.http1_stream cimport Http1Stream
from tricorn.net.progress cimport ContentRate

cdef int _NEW, _IN_HEAD, _REQUEST, _KEEP_ALIVE, _LINGER, _CLOSED
cdef double _NEVER, _END_GRACE, _JUST_NOW

cdef class Http1Ends(Http1Stream):
    cdef _linger(self)
    cdef _close(self)
    cpdef tick(self, double now)
    @cython.locals(rate=ContentRate)
    cdef _check_content_rate(self, double now)
