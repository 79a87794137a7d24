cimport cython

cdef int _FIELD, _GONE

@cython.final
cdef class Entry:
    cdef readonly tuple pair
    cdef readonly Py_ssize_t size
    cdef readonly bint malformed

@cython.locals(name=bytes, value=bytes)
cpdef Py_ssize_t size_of(tuple pair) except -1

cdef class DynamicTable:
    cdef public Py_ssize_t most, used, first
    cdef public Py_ssize_t cut, newest
    cdef public list entries

    @cython.locals(size=Py_ssize_t)
    cpdef insert(self, Entry entry)
    cpdef resize(self, Py_ssize_t most)
    @cython.locals(entry=Entry)
    cdef _shrink(self, Py_ssize_t most)
    cdef gone(self, tuple pair, Py_ssize_t number)
