cimport cython

from tricorn.wire.scan cimport cut, find_head_end, has_isolated_line_end, scan_fields

cdef int _NEED_DATA, _DATA, _END
cdef int _HEAD_WAIT, _LENGTH, _CHUNK_SIZE, _CHUNK_DATA, _CHUNK_END, _TRAILERS, _NO_CONTENT, _ENDED
cdef Py_ssize_t _TRAILER_LIMIT
cdef object _TOO_LARGE

cpdef check_line_ends(text, Py_ssize_t start, Py_ssize_t most)

cdef class ContentReader:
    cdef public Py_ssize_t field_limit, trailer_limit
    cdef public long long body_limit, left, content_read, extension_bytes, content_length
    cdef public int state
    cdef public bytes bytes_in, data
    cdef public Py_ssize_t at, searched, line_end
    cdef public bytearray partial
    cdef public bint chunked

    cdef prepare_content(self, Py_ssize_t section_limit, Py_ssize_t field_limit, long long body_limit)
    @cython.locals(waiting=Py_ssize_t)
    cpdef Py_ssize_t unread(self)
    cpdef bint ends_here(self)
    cdef _gather(self)
    cdef _settle(self)
    cdef _expect_content(self)
    @cython.locals(available=Py_ssize_t, whole=bytes)
    cdef int _read_data(self, int after) except -1
    cdef int _read_chunked(self) except -1
    cdef bint _read_chunk_end(self) except -1
    cdef bint _read_chunk_size(self) except -1
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cdef int _read_trailers(self) except -1
    cdef int _read_partial_trailers(self) except -1
    @cython.locals(most=Py_ssize_t)
    cdef _check_partial_trailers(self, section, Py_ssize_t start)
    cdef _check_trailers(self, Py_ssize_t start, Py_ssize_t end)
