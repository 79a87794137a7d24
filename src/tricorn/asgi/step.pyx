"""Leaf: one step of a coroutine, and what is asked of the interpreter around it.

The twin of `step.py`, which holds the documentation of each name.
"""

import asyncio

from cpython.object cimport PyObject

cdef extern from *:
    """
    /* 1: it yielded, 0: it returned. */
    static inline int tricorn_step(PyObject *coroutine, PyObject **held) {
        PySendResult found = PyIter_Send(coroutine, Py_None, held);
        return found == PYGEN_ERROR ? -1 : found == PYGEN_NEXT;
    }

    /* Borrowed; NULL where none was entered yet. */
    static inline PyObject *tricorn_context(void) {
        return PyThreadState_Get()->context;
    }

    static inline PyObject *tricorn_read(PyObject *descriptor, PyObject *thing) {
        return Py_TYPE(descriptor)->tp_descr_get(descriptor, thing, (PyObject *)Py_TYPE(thing));
    }

    static inline int tricorn_is_bare(PyObject *object) {
        Py_ssize_t weak = Py_TYPE(object)->tp_weaklistoffset;
        PyObject **names = _PyObject_GetDictPtr(object);
        /* Before the object where the interpreter manages it, from 3.12 on. */
        if (weak != 0 && *(PyObject **)((char *)object + weak) != NULL) return 0;
        return names == NULL || *names == NULL;
    }
    """
    int tricorn_step(object coroutine, PyObject** held) except -1
    PyObject* tricorn_context() noexcept
    object tricorn_read(object descriptor, object thing)
    object PyMethod_New(object function, object thing)
    bint tricorn_is_bare(object task) noexcept
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    Py_ssize_t Py_REFCNT(object task) noexcept


cdef class Returned:
    def __init__(self, value):
        self.value = value


END = Returned(None)
cdef object _END = END

# As the class has them: the way over the instance costs more.
cdef object _CALLBACKS = getattr(asyncio.Task, "_callbacks", None)
cdef object _MUST_CANCEL = getattr(asyncio.Task, "_must_cancel", None)


cpdef object step(coroutine):
    cdef PyObject* held = NULL
    if tricorn_step(coroutine, &held):
        return _owned(held)
    result = _owned(held)
    return _END if result is None else Returned(result)


cdef inline object _owned(PyObject* held):
    """Hand a new reference on."""
    result = <object>held
    _release(held)
    return result


cdef extern from *:
    void _release "Py_DECREF"(PyObject* held)


cdef class Stepper:
    cpdef go_on(self):
        raise NotImplementedError


cpdef object step_in(context, Stepper steps):
    PyContext_Enter(context)
    try:
        return steps.go_on()
    finally:
        PyContext_Exit(context)


cpdef object bind(function, thing):
    return PyMethod_New(function, thing)


cpdef bint has_variables() except -1:
    cdef PyObject* context = tricorn_context()
    return context is not NULL and len(<object>context) > 0


cpdef Py_ssize_t references(task) noexcept:
    return Py_REFCNT(task)


cpdef bint is_untouched(task) except -1:
    return (
        tricorn_is_bare(task)
        and not tricorn_read(_MUST_CANCEL, task)
        and tricorn_read(_CALLBACKS, task) is None
    )
