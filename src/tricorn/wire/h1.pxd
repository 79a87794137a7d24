cimport cython

from tricorn.wire.h1_head cimport HeadReader

cdef int _NEED_DATA, _HEAD, _END
cdef int _HEAD_WAIT, _LENGTH, _NO_CONTENT, _ENDED

@cython.final
cdef class RequestReader(HeadReader):
    cdef public object refusal

    cdef prepare(self, limits, body_limit)
    cpdef feed(self, bytes data)
    @cython.locals(last=bytes)
    cpdef int next(self) except -1
    cpdef start_next(self)
    cdef int _step(self) except -1

@cython.locals(reader=RequestReader)
cpdef RequestReader open_reader(limits, body_limit)
