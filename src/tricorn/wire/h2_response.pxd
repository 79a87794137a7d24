cimport cython

from tricorn.wire.h1_response cimport DefaultFields
from tricorn.wire.scan cimport are_same_fields, list_fields

cdef Py_ssize_t _REMEMBERED
cdef AppFields _last

@cython.final
cdef class ResponseHead:
    cdef public tuple status, date
    cdef public Py_ssize_t size
    cdef public DefaultFields defaults
    cdef public list lines

@cython.final
cdef class AppFields:
    cdef public list given, lines
    cdef public int flags
    cdef public long long length
    cdef public ResponseHead last

    @cython.locals(last=ResponseHead)
    cpdef list head(self, tuple status, Py_ssize_t size, DefaultFields defaults)
    cpdef AppFields without_length(self)

@cython.locals(known=AppFields, lines=list)
cpdef AppFields read_app_fields(fields)

@cython.locals(size=Py_ssize_t)
cdef bint _may_be_kept(list fields) except -1
