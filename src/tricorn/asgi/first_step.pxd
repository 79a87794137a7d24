cimport cython

from tricorn.asgi.step cimport is_bare, step, step_in

cdef int _RUNNING, _WAITS, _FAILED, _ENDED
cdef object _END

@cython.final
cdef class FirstStep:
    cdef public int state
    cdef public object held, coroutine
    cpdef take(self, coroutine)
    cpdef run(self, context)
    cpdef bint waits_again(self, held) except -1

@cython.final
cdef class ReadyTask:
    cdef public object task, step, context, name
    cdef public FirstStep first
    cpdef bint is_as_new(self) except -1
