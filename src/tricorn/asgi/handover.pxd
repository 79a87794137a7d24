from tricorn.asgi.current_task cimport current, enter, leave
from tricorn.asgi.first_step cimport FirstStep

cdef int _WAITING, _ARRIVED, _CANCELLED

cdef class Steps

cdef class Handover:
    cdef public bint _asyncio_future_blocking
    cdef public object loop, message, callback, context, owner
    cdef public int state
    cdef public Steps steps
    cpdef arrive(self)
    cpdef result(self)

cdef class Steps:
    cdef public FirstStep first
    cdef public object loop, task
    cdef public Handover wait
    cdef public bint cancelled
    cdef bint go_on(self, Handover wait) except -1
    cpdef Handover again(self)
