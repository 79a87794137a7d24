cdef int _WAITING, _ARRIVED, _CANCELLED

cdef class Handover:
    cdef public bint _asyncio_future_blocking
    cdef public object loop, message, callback, context
    cdef public int state
    cpdef arrive(self)
