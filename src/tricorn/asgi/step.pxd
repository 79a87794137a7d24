cdef class Returned:
    cdef public object value

cdef class Stepper:
    cpdef go_on(self)

cpdef object step(coroutine)
cpdef object step_in(context, Stepper steps)
cpdef object bind(function, thing)
cpdef bint has_variables() except -1
cpdef Py_ssize_t references(task) noexcept
cpdef bint is_untouched(task) except -1
