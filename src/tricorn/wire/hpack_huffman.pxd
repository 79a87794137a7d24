cimport cython

ctypedef const unsigned char* cstring

cdef int _END_OF_STRING, _LONGEST, _SHORT, _SHORT_ONES, _ALL_ONES
cdef unsigned char _LENGTHS[256]
cdef unsigned short _SHORT_CODES[1024]
cdef unsigned int _CODES[256]
cdef short _ORDER[257]
cdef int _LIMITS[31]
cdef int _DISTANCES[31]

cpdef Py_ssize_t most_expanded(Py_ssize_t size) except -1
@cython.locals(code=cstring, into=cython.p_uchar, bits=cython.ulonglong, count=int, size=Py_ssize_t, at=Py_ssize_t, found=int, short=int, ones=int, held=cython.ulonglong)
cpdef Py_ssize_t expand(bytes text, Py_ssize_t start, Py_ssize_t end, bytearray room) except -1
@cython.locals(ones=int, found=int)
cdef Py_ssize_t _expand_rest(unsigned long long bits, int count, unsigned char* into, Py_ssize_t size) except -1
@cython.locals(window=int, missing=int, length=int, symbol=int)
cdef int _long_code(unsigned long long bits, int count) except -1
@cython.locals(text=cstring, bits=Py_ssize_t, at=Py_ssize_t)
cpdef Py_ssize_t compressed_size(bytes string) except -1
@cython.locals(text=cstring, into=cython.p_uchar, bits=cython.ulonglong, count=int, index=Py_ssize_t, byte=int)
cpdef Py_ssize_t compress(bytes string, Py_ssize_t size, bytearray room, Py_ssize_t at) except -1
