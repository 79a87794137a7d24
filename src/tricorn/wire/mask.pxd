cpdef bytes unmask(bytes data, Py_ssize_t at, Py_ssize_t size)
cpdef bytes unmask_before(bytes data, Py_ssize_t at, Py_ssize_t size, bytes tail)
cpdef str unmask_text(bytes data, Py_ssize_t at, Py_ssize_t size)
cpdef bint unmask_onto(bytearray message, bytes data, Py_ssize_t start, Py_ssize_t end, bytes key, int phase, long long ahead) except -1
cpdef str ascii_text(bytearray message)
cpdef Py_ssize_t utf8_end(bytearray message, Py_ssize_t start) except -2
cpdef bytes frame_of(int first, bytes payload)
cpdef bytes frame_of_start(int first, bytes data, Py_ssize_t size)
cpdef bytes ascii_frame(str text)
cpdef bytes frame_head(int first, Py_ssize_t size)
cpdef object text_payload(str text)
