cimport cython

from tricorn.asgi.call cimport AppCall
from tricorn.asgi.current_task cimport can_replace, enter, leave, replace
from tricorn.asgi.first_step cimport FirstStep, ReadyTask
from tricorn.asgi.step cimport has_variables, references

cdef object _Task, _NAME, _copy_context

@cython.final
cdef class TaskStarter:
    cdef public object loop, step, call_soon, register, note, skip, context
    cdef public bint fresh_context, patched, keeps, eager
    cdef public ReadyTask ready
    cdef public dict loop_names, registry_names
    cpdef object run(self, AppCall call)
    cpdef object start(self, coroutine)
    @cython.locals(ready=ReadyTask, before=Py_ssize_t)
    cdef object _run_ahead(self, AppCall call)
    cdef object _begin(self, task)
    cdef _step_within(self, outer, ReadyTask ready)
    cdef ReadyTask _make_ready(self)
    cdef tuple _make_patched(self, coroutine, context)
    cdef object _start_patched(self, coroutine, context)
