cimport cython

cdef bytes _GUID

cdef class _Offer:
    cdef public list keys, versions, subprotocols, extensions
    @cython.locals(name=bytes, value=bytes)
    cdef _read(self, list fields)
    cdef agreed(self, bytes accept, bint deflate)

@cython.locals(offer=_Offer)
cpdef read_handshake(str method, list fields, bint has_content, bint deflate)
@cython.locals(offer=_Offer)
cpdef read_connect(bytes protocol, list fields, bint has_content, bint ended, bint deflate)
cpdef list answer_fields(handshake, subprotocol)
cpdef bytes accept_value(bytes key)
cdef bytes _key(list keys)
cdef list _subprotocols(list lines)
cdef list _extensions(bytes value)
cdef Py_ssize_t _skip_commas(bytes value, Py_ssize_t at) except -1
