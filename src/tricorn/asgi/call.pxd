cdef class AppCall:
    cpdef begin(self)
    cpdef returned(self, result)
    cpdef bint raised(self, error) except -1
