cpdef tuple scan_request_line(bytes data, Py_ssize_t start, Py_ssize_t end)
cpdef int scan_fields(bytes data, Py_ssize_t start, Py_ssize_t end, list fields, list special, Py_ssize_t most) except -1
cpdef Py_ssize_t find_head_end(data, Py_ssize_t start) except -2
cpdef Py_ssize_t find_line_end(data, Py_ssize_t start) except -2
cpdef Py_ssize_t find_byte(bytes data, int byte) except -2
cpdef bint is_same(bytes data, Py_ssize_t start, Py_ssize_t end, bytes other) except -1
cpdef bytes cut(bytes data, Py_ssize_t start, Py_ssize_t end)
cpdef bytes taken(bytearray room, Py_ssize_t size)
cpdef bint has_isolated_line_end(data, Py_ssize_t start) except -1
cpdef bytes joined(bytes first, bytes second, bytes third, bytes fourth, bytes body)
cpdef bytes encode_chunks(bytes before, list chunks, bytes behind)
cpdef tuple encode_fields(fields)
cpdef tuple list_fields(fields, list into)
cpdef bint are_same_fields(one, other, Py_ssize_t but) except -1
cpdef bint is_target(bytes target) except -1
cpdef bint is_lower_name(bytes name) except -1
cpdef bint is_field_value(bytes value) except -1
cpdef str method_of(bytes method)
