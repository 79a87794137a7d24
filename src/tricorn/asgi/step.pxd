cpdef object step(coroutine)
cpdef object step_in(context, coroutine)
cpdef object bind(function, thing)
cpdef bint has_variables() except -1
cpdef Py_ssize_t references(task) noexcept
cpdef bint is_bare(task) noexcept
cpdef object read(descriptor, thing)

cdef class Returned:
    cdef public object value
