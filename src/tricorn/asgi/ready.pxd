cdef object _EXHAUSTED

cdef class Ready:
    pass

cdef class WakeUp:
    cdef public list waiting
    cpdef wake(self)
