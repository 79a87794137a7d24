cdef class Stall:
    cdef public Py_ssize_t waiting
    cdef public double since
    cpdef double deadline(self, Py_ssize_t waiting, double now, double limit)

cdef class ContentRate:
    cdef public double since, waited
    cdef public long long bytes
    cpdef restart(self, double now)
    cpdef bint is_too_slow(self, double now, double grace, double rate)
    cpdef skip(self, double now)
