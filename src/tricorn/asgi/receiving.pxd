from tricorn.asgi.call cimport AppCall
from tricorn.asgi.handover cimport Handover

cdef class Receiver(AppCall):
    cpdef take_message(self)
    cpdef Handover wait_for_message(self)

cpdef object receiving(Receiver receiver)
