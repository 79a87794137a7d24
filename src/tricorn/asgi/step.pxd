cpdef object step(coroutine)
cpdef object step_in(context, coroutine)
cpdef Py_ssize_t references(task) noexcept
cpdef bint is_bare(task) noexcept
