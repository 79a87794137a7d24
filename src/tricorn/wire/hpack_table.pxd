cimport cython

cdef int _FIELD, _GONE

cdef class DynamicTable:
    cdef public Py_ssize_t most, used, first
    cdef public long long cut, newest
    cdef public list entries

    @cython.locals(size=Py_ssize_t)
    cpdef bint insert(self, tuple pair) except -1
    cpdef resize(self, Py_ssize_t most)
    @cython.locals(place=Py_ssize_t)
    cpdef tuple entry(self, long long number)
    @cython.locals(pair=tuple)
    cdef _shrink(self, Py_ssize_t most)
    cdef gone(self, tuple pair, long long number)

@cython.locals(name=bytes, value=bytes)
cdef Py_ssize_t size_of(tuple pair) except -1
