cimport cython

cdef Py_ssize_t _STEP, _SLICE
cdef int _STREAM_ENDS, _TAIL_SIZE
cdef object _STEP_ROOM, _SYNC

cdef class Inflater:
    cdef public int window_bits, ends
    cdef public bint keeps_context
    cdef public object engine
    @cython.locals(room=Py_ssize_t, whole=bytes)
    cpdef bytes inflate(self, bytes data, long long limit)
    @cython.locals(at=Py_ssize_t)
    cpdef feed(self, bytes data, bytearray message, long long limit)
    cpdef finish(self, bytearray message, long long limit)
    cdef _end_message(self)
    @cython.locals(room=Py_ssize_t, piece=bytes)
    cdef _read(self, bytes data, bytearray message, long long limit, Py_ssize_t tail)
    @cython.locals(room=Py_ssize_t, piece=bytes)
    cdef _go_on(self, bytearray message, long long limit, Py_ssize_t tail)
    cdef _end_stream(self)

cdef class Deflater:
    cdef public int window_bits
    cdef public bint keeps_context
    cdef public object engine
    @cython.locals(begun=bytes, whole=bytes)
    cpdef bytes deflate(self, bytes data)
    cpdef rest(self)

cpdef bytes deflate_alone(engine, bytes data)
