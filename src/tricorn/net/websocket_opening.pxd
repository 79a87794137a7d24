cdef class Peer:
    cdef public object client
    cdef public bytes target
