cimport cython

from tricorn.net.sysio cimport transmit, transmit_pieces

cdef Py_ssize_t _WORTH_A_PIECE

cdef class SendQueue:
    cdef public int fd
    cdef public object current
    cdef public list queue
    cdef public Py_ssize_t pending_size, high, low
    cdef begin_queue(self, int fd)
    cdef enqueue(self, data)
    @cython.locals(queue=list)
    cdef enqueue_all(self, pieces)
    cdef list _all_queued(self)
    @cython.locals(size=Py_ssize_t)
    cdef transmit_queued(self)
    @cython.locals(pieces=list, left=Py_ssize_t, done=Py_ssize_t)
    cdef bint _transmit_pieces(self) except -1
    cdef drop_queue(self)
