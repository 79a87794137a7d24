cdef class Doorbell:
    cdef public object loop
    cdef object _news
    cdef bint _rung
    cpdef ring(self, whom)
