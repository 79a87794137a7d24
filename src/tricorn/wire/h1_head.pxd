cimport cython

from tricorn.wire.h1_content cimport ContentReader, check_line_ends
from tricorn.wire.scan cimport (
    cut, find_byte, find_head_end, find_line_end, is_same, scan_fields, scan_request_line,
)

cdef int _NEED_DATA, _HEAD, _NO_CONTENT
cdef Py_ssize_t _REMEMBERED, _METHOD_LIMIT
cdef int _CONNECTION, _EXPECT, _UPGRADE, _TE
cdef list _NO_FIELDS, _NO_SPECIAL, _NO_OPTIONS
cdef bytes _valid_host
cdef tuple _last_read
cdef int _LENGTH_FIELD, _CODING_FIELD, _LENGTH_TWICE, _OPTIONS
cdef object _TOO_LARGE
cdef bytes _DIGITS
cdef int _HOST, _HOST_TWICE, _IS_FORWARDED, _PLAIN
cdef bytes _TOKEN_START

cdef class HeadReader(ContentReader):
    cdef public Py_ssize_t line_limit, section_limit
    cdef public bint skipped_line
    cdef public bytes target, raw_path, query, upgrade
    cdef public str method, path, version
    cdef public list fields
    cdef public bytes last_head, last_line, last_section
    cdef public list last_fields, last_special
    cdef public int last_flags
    cdef public bint is_absolute, same_line, is_1_1, keep_alive, expect_continue, te_trailers, forwarded

    cdef prepare_head(self, Py_ssize_t line_limit, Py_ssize_t section_limit)
    cpdef forget(self)
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cdef int _read_head(self) except -1
    cdef int _read_partial_head(self) except -1
    cdef bint _may_skip_line(self) except -1
    @cython.locals(most=Py_ssize_t)
    cdef _check_partial(self, head, Py_ssize_t start)
    @cython.locals(data=bytes, start=Py_ssize_t, line_end=Py_ssize_t, section=Py_ssize_t, special=list, flags=int)
    cdef _take_head(self, Py_ssize_t end)
    cdef _repeat(self, Py_ssize_t end)
    cdef _take_line(self, Py_ssize_t start, Py_ssize_t end)
    cdef int _take_fields(self, Py_ssize_t start, Py_ssize_t end, list special) except -1
    cdef _use_authority(self)
    @cython.locals(target=bytes, question=Py_ssize_t)
    cdef _take_target(self)
    cdef _check_host(self, int flags, bytes host)
    @cython.locals(coding=bytes, length=bytes)
    cdef _take_framing(self, int flags, list special)
    cdef object _parse_length(self, bytes value, int flags)
    @cython.locals(options=bytes, upgrade=bytes, expect=bytes, te=bytes, named=list)
    cdef _take_connection(self, list special)
