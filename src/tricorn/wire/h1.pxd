cimport cython

from tricorn.wire.scan cimport (
    cut, find_byte, find_head_end, find_line_end, has_isolated_line_end, is_same, scan_fields,
    scan_request_line,
)

cdef int _HEAD_WAIT, _LENGTH, _CHUNK_SIZE, _CHUNK_DATA, _CHUNK_END, _TRAILERS, _NO_CONTENT, _ENDED
cdef Py_ssize_t _REMEMBERED, _TRAILER_LIMIT, _METHOD_LIMIT
cdef int _CONNECTION, _EXPECT, _UPGRADE, _TE
cdef list _NO_FIELDS, _NO_SPECIAL, _NO_OPTIONS
cdef bytes _valid_host, _read_section
cdef list _read_fields, _read_special
cdef int _read_flags
cdef int _LENGTH_FIELD, _CODING_FIELD, _LENGTH_TWICE, _OPTIONS
cdef object _TOO_LARGE
cdef bytes _DIGITS
cdef int _HOST, _HOST_TWICE, _IS_FORWARDED, _PLAIN
cdef bytes _TOKEN_START

cdef _check_line_ends(text, Py_ssize_t start, Py_ssize_t most)

@cython.final
cdef class RequestReader:
    cdef public Py_ssize_t line_limit, section_limit, field_limit, trailer_limit
    cdef public long long body_limit, left, content_read, extension_bytes, content_length
    cdef public int state
    cdef public object refusal
    cdef public bytes bytes_in
    cdef public Py_ssize_t at, searched, line_end
    cdef public bytearray partial
    cdef public bint skipped_line
    cdef public bytes data, target, raw_path, query, upgrade
    cdef public str method, path, version
    cdef public list fields
    cdef public bytes last_line, last_section
    cdef public list last_fields, last_special
    cdef public int last_flags
    cdef public bint same_line, is_1_1, keep_alive, chunked, expect_continue, te_trailers, forwarded

    cpdef feed(self, bytes data)
    @cython.locals(waiting=Py_ssize_t)
    cpdef Py_ssize_t unread(self)
    cpdef bint ends_here(self)
    cpdef forget(self)
    cpdef int next(self) except -1
    cpdef start_next(self)
    cdef int _step(self) except -1
    @cython.locals(start=Py_ssize_t, end=Py_ssize_t)
    cdef int _read_head(self) except -1
    cdef int _read_partial_head(self) except -1
    cdef bint _may_skip_line(self) except -1
    cdef _gather(self)
    cdef _settle(self)
    @cython.locals(most=Py_ssize_t)
    cdef _check_partial(self, head, Py_ssize_t start)
    @cython.locals(data=bytes, start=Py_ssize_t, line_end=Py_ssize_t, section=Py_ssize_t, special=list, flags=int)
    cdef _take_head(self, Py_ssize_t end)
    cdef _repeat(self, Py_ssize_t end)
    cdef _expect_content(self)
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
