cimport cython

from tricorn.asgi.call cimport AppCall
from tricorn.asgi.step cimport Returned, Stepper, is_untouched, step, step_in

cdef int _RUNNING, _WAITS, _FAILED, _ENDED
cdef object _END, _get_name

cdef class FirstStep(Stepper):
    cdef public int state
    cdef public object held, coroutine
    cdef public AppCall call
    cpdef take_call(self, AppCall call)
    cpdef run(self, context)
    cpdef bint waits_again(self, held) except -1
    @cython.locals(call=AppCall, end=Returned)
    cpdef go_on(self)
    @cython.locals(call=AppCall)
    cdef _throw(self, error)

@cython.final
cdef class ReadyTask:
    cdef public object task, step, context, name
    cdef public FirstStep first
    cpdef bint is_as_new(self) except -1
