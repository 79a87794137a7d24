cimport cython

from tricorn.wire.mask cimport ascii_text, unmask, unmask_before, unmask_onto, unmask_text, utf8_end
from tricorn.wire.ws_deflate cimport Inflater

cdef int _CONTINUATION, _OPCODE_TEXT, _OPCODE_BINARY, _OPCODE_CLOSE, _OPCODE_PING, _OPCODE_PONG
cdef int _FINAL, _COMPRESSED, _RESERVED, _CONTROL, _AGAIN, _NOTHING
cdef long long _LARGEST

cdef class MessageReader:
    cdef public long long limit, wire_limit, fragment_limit, control_limit
    cdef public long long controls, wire_size, fragments, left
    cdef public Inflater inflater
    cdef public object violation
    cdef public bint closed, compressed, in_frame, final, is_ascii
    cdef public bytes bytes_in
    cdef public Py_ssize_t at, checked
    cdef public int opcode, phase
    cdef public bytearray message
    cdef public bytes key
    cdef public str text
    cdef public bytes data
    cdef public int close_code
    cdef public str close_reason

    cpdef feed(self, bytes data)
    cpdef Py_ssize_t unread(self)
    cpdef allow_controls(self)
    @cython.locals(code=int)
    cpdef int next(self) except -1
    cdef _let_go(self)
    cdef _stop(self)
    @cython.locals(data=bytes, at=Py_ssize_t, available=Py_ssize_t, first=int, second=int, size=cython.longlong, key_at=Py_ssize_t)
    cdef int _read_frame(self) except -2
    @cython.locals(opcode=int)
    cdef _check_first(self, int first)
    @cython.locals(size=cython.longlong, least=cython.longlong)
    cdef long long _long_size(self, bytes data, Py_ssize_t start, Py_ssize_t end) except -1
    @cython.locals(before=cython.longlong, compressed=bint)
    cdef _check_size(self, int first, long long size)
    @cython.locals(end=Py_ssize_t, payload=bytes)
    cdef int _read_control(self, int opcode, Py_ssize_t key_at, Py_ssize_t size) except -2
    cdef int _read_close(self, bytes payload) except -2
    @cython.locals(payload=bytes)
    cdef int _read_whole(self, int first, Py_ssize_t key_at, Py_ssize_t size) except -2
    cdef _start_frame(self, int first, Py_ssize_t key_at, long long size)
    @cython.locals(start=Py_ssize_t, size=Py_ssize_t)
    cdef int _read_payload(self) except -2
    @cython.locals(piece=bytearray, message=bytearray, whole=bint, ascii_piece=bint)
    cdef _take(self, Py_ssize_t start, Py_ssize_t end)
    @cython.locals(code=int, plain=bint)
    cdef int _finish_message(self) except -2
    cdef str _decoded_message(self)

cdef bytes _TAIL
cdef str _decoded(bytes payload)
