from libc.stdint cimport uint32_t

cpdef bytes frame_head(Py_ssize_t length, int kind, int flags, uint32_t stream_id)
cpdef bytes number_frame(int kind, uint32_t stream_id, uint32_t number)
