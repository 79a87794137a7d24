"""Leaf: one step of a coroutine, and who looks at its task.

The twin of `step.py`, which holds the documentation of each name.
"""

from cpython.object cimport PyObject

cdef extern from *:
    """
    /* A finished coroutine's None is left out: tasks have no use for it. */
    static inline int tricorn_step(PyObject *coroutine, PyObject **held) {
        PySendResult found = PyIter_Send(coroutine, Py_None, held);
        if (found == PYGEN_RETURN) Py_CLEAR(*held);
        return found == PYGEN_ERROR ? -1 : found == PYGEN_NEXT;
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
    bint tricorn_is_bare(object task) noexcept
    int PyContext_Enter(object context) except -1
    int PyContext_Exit(object context) except -1
    Py_ssize_t Py_REFCNT(object task) noexcept

END = object()
cdef object _END = END


cpdef object step(coroutine):
    cdef PyObject* held = NULL
    if tricorn_step(coroutine, &held):
        return _owned(held)
    return _END


cdef inline object _owned(PyObject* held):
    """Hand a new reference on."""
    result = <object>held
    _release(held)
    return result


cdef extern from *:
    void _release "Py_DECREF"(PyObject* held)


cpdef object step_in(context, coroutine):
    PyContext_Enter(context)
    try:
        return step(coroutine)
    finally:
        PyContext_Exit(context)


cpdef Py_ssize_t references(task) noexcept:
    return Py_REFCNT(task)


cpdef bint is_bare(task) noexcept:
    return tricorn_is_bare(task)
