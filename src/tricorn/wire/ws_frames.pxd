cimport cython

from tricorn.wire.mask cimport ascii_frame, frame_head, frame_of, frame_of_start, text_payload
from tricorn.wire.ws_deflate cimport Deflater, deflate_alone

cdef int _FINAL, _COMPRESSED, _TEXT_FRAME, _BINARY_FRAME
cdef Py_ssize_t _SHORT, _FILLS_WINDOW, _TAIL_SIZE

cpdef bytes frame(int opcode, bytes payload)

cdef class FrameCache:
    cdef public object payload
    cdef public bytes plain
    cdef public list pieces
    cdef public Deflater first
    cdef public dict alone, engines

    cpdef bytes text(self, text, Deflater deflater)
    cpdef bytes binary(self, data, Deflater deflater)
    cpdef list text_pieces(self, str text)
    cpdef list binary_pieces(self, bytes data)
    cpdef forget(self)
    cdef _start(self, payload)
    @cython.locals(bits=int, whole=bytes, known=bytes, fits_all=bint, own=bint)
    cdef bytes _compressed(self, int first, payload, Deflater deflater)
    cdef object _engine(self, int bits)

cdef bytes _as_bytes(payload)
@cython.locals(whole=bytes)
cdef bytes _text_frame(text)
cdef bytes _deflated_frame(int first, bytes data)
@cython.locals(plain=str)
cdef bytes _utf8(text)
cdef object _payload(str text)
