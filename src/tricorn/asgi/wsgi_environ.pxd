cimport cython

cdef dict _VARIABLES
cdef int _VARIABLES_LIMIT
cdef str _DROPPED

cdef str _variable(bytes name)
cpdef dict environ_of(dict scope, dict shared)
cdef _put_addresses(dict environ, dict scope)
@cython.locals(name=bytes, value=bytes, variable=str, text=str)
cdef _put_fields(dict environ, fields)
cdef tuple _split_path(dict scope, str root, str path)
