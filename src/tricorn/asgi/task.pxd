cimport cython

cdef object _Task, _NAME, _copy_context

@cython.final
cdef class TaskStarter:
    cdef public object loop, step, call_soon, register, note, skip, context
    cdef public bint fresh_context, patched, eager
    cdef public dict loop_names, registry_names
    cpdef object start(self, coroutine)
    cdef object _start_patched(self, coroutine, context)
