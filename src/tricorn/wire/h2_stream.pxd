cimport cython

cdef int _DEFAULT_URGENCY, _NO_ERROR

@cython.final
cdef class StreamState:
    cdef public object stream_id
    cdef public long long receive_window, send_window, returned, expected
    cdef public bint client_ended, ending, ended, left, cut, incremental, is_ready
    cdef public bytes content
    cdef public object more, trailers
    cdef public Py_ssize_t at, waiting
    cdef public long long error_code
    cdef public str fault
    cdef public int urgency

    cdef prepare(self, stream_id, long long receive_window, long long send_window)
    cpdef queue(self, bytes data)
    @cython.locals(content=bytes, at=Py_ssize_t, here=Py_ssize_t)
    cpdef take_into(self, list pieces, Py_ssize_t size)
    cpdef drop(self)

@cython.locals(state=StreamState)
cpdef StreamState open_state(stream_id, long long receive_window, long long send_window)
