# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Leaf: HTTP/2's shortest frames as bytes, for the compiler.

The twin of `h2_bytes.py`, which holds the documentation of each function.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from libc.stdint cimport uint32_t


cdef inline void _write_number(unsigned char* at, uint32_t number) noexcept:
    at[0] = <unsigned char>(number >> 24)
    at[1] = <unsigned char>(number >> 16)
    at[2] = <unsigned char>(number >> 8)
    at[3] = <unsigned char>number


cpdef bytes frame_head(Py_ssize_t length, int kind, int flags, uint32_t stream_id):
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, 9)
    cdef unsigned char* at = <unsigned char*>PyBytes_AS_STRING(frame)
    _write_number(at, <uint32_t>(length << 8 | kind))
    at[4] = <unsigned char>flags
    _write_number(at + 5, stream_id)
    return frame


cpdef bytes number_frame(int kind, uint32_t stream_id, uint32_t number):
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, 13)
    cdef unsigned char* at = <unsigned char*>PyBytes_AS_STRING(frame)
    _write_number(at, <uint32_t>(4 << 8 | kind))
    at[4] = 0
    _write_number(at + 5, stream_id)
    _write_number(at + 9, number)
    return frame
