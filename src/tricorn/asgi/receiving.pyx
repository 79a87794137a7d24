"""Leaf: what an app awaits for its next message.

The twin of `receiving.py`, which holds the documentation of each name.
"""

from collections.abc import Coroutine

cimport cython
from cpython.object cimport PyObject

from tricorn.asgi.call cimport AppCall
from tricorn.asgi.handover cimport Handover

cdef extern from *:
    """
    /* 1: it yields, 0: it returns, -1: it raises. */
    typedef int (*tricorn_advance)(PyObject *coroutine, PyObject **result);
    static tricorn_advance tricorn_advance_receiving;

    static PySendResult tricorn_send(PyObject *coroutine, PyObject *value, PyObject **result) {
        int found = tricorn_advance_receiving(coroutine, result);
        return found > 0 ? PYGEN_NEXT : found == 0 ? PYGEN_RETURN : PYGEN_ERROR;
    }

    /* Cython knows no name for this slot. By it a coroutine's end needs no exception. */
    static void tricorn_set_send(PyObject *kind, tricorn_advance advance) {
        tricorn_advance_receiving = advance;
        ((PyTypeObject *)kind)->tp_as_async->am_send = tricorn_send;
    }
    """
    ctypedef int (*tricorn_advance)(PyObject* coroutine, PyObject** result) except -1
    void tricorn_set_send(object kind, tricorn_advance advance)
    void _keep "Py_INCREF"(object held)
    void _release "Py_DECREF"(PyObject* held)


cdef class Receiver(AppCall):
    cpdef take_message(self):
        raise NotImplementedError

    cpdef Handover wait_for_message(self):
        raise NotImplementedError


@cython.final
@cython.freelist(64)
cdef class Receiving:
    """The coroutine of one message."""

    cdef Receiver receiver  # None: it is over
    cdef Handover wait  # what it waits for

    def __await__(self):
        return self

    def __iter__(self):
        return self

    def __next__(self):
        return self.send(None)

    def send(self, value):
        """Go on; tasks send None."""
        cdef PyObject* held = NULL
        cdef bint waits = _advance(<PyObject*>self, &held)
        result = _owned(held)
        if waits:
            return result
        raise StopIteration(result)

    def throw(self, kind, value=None, traceback=None):
        """Raise an exception where it waits."""
        self.close()
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        raise value if traceback is None else value.with_traceback(traceback)

    def close(self):
        """Give it up."""
        self.receiver = None
        self.wait = None

    # What a coroutine shows of its state, for who looks (`inspect.getcoroutinestate`).

    @property
    def cr_running(self):
        """Whether it runs now: only while nobody can look."""
        return False

    @property
    def cr_suspended(self):
        """Whether it waits."""
        return self.wait is not None

    @property
    def cr_frame(self):
        """It has none."""
        return None

    @property
    def cr_await(self):
        """What it waits for."""
        return self.wait


cdef int _advance(PyObject* coroutine, PyObject** result) except -1:
    """Take the next step; hand out what is waited for or, where this returns 0, the message."""
    cdef Receiving self = <Receiving>coroutine
    cdef Receiver receiver = self.receiver
    cdef Handover wait = self.wait
    if receiver is None:
        raise RuntimeError("cannot reuse already awaited coroutine")
    if wait is not None:
        if wait.state == 0:
            # Asked before the time.
            wait._asyncio_future_blocking = True
            _keep(wait)
            result[0] = <PyObject*>wait
            return 1
        self.wait = None
        self.receiver = None  # it is over, if this raises
        wait.result()
    self.receiver = None
    message = receiver.take_message()
    if message is not None:
        _keep(message)
        result[0] = <PyObject*>message
        return 0
    wait = receiver.wait_for_message()
    wait._asyncio_future_blocking = True
    self.receiver = receiver
    self.wait = wait
    _keep(wait)
    result[0] = <PyObject*>wait
    return 1


cdef inline object _owned(PyObject* held):
    """Hand a new reference on."""
    result = <object>held
    _release(held)
    return result


cpdef object receiving(Receiver receiver):
    cdef Receiving made = Receiving.__new__(Receiving)
    made.receiver = receiver
    return made


tricorn_set_send(Receiving, _advance)
Coroutine.register(Receiving)
