cdef class AppCall:
    cdef public object task
    cdef public bint ended

    cpdef begin(self)
    cpdef returned(self, result)
    cpdef bint raised(self, error) except -1
    cdef _app_returned(self, result)
    cdef _app_failed(self, error)
    cdef _ended(self)
    cdef _tell_end(self)
