# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Leaf: masking, UTF-8 as it arrives, and building frames, for the compiler.

The twin of `mask.py`, which holds the documentation of each function. Both answer alike;
one test class and a differential test run on both.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_DecodeUTF8
from libc.string cimport memcpy

ctypedef const unsigned char* cstring

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    /* Words of eight bytes, which the compiler makes vectors of. Returns all bytes of the
       result ORed together, so that one pass also tells whether they are ASCII. */
    static inline uint64_t tricorn_unmask(
        unsigned char *restrict out, const unsigned char *restrict in, Py_ssize_t size,
        const unsigned char *key4
    ) {
        unsigned char twice[8];
        uint64_t key, word, seen = 0;
        Py_ssize_t at = 0;
        memcpy(twice, key4, 4);
        memcpy(twice + 4, key4, 4);
        memcpy(&key, twice, 8);
        for (; at + 8 <= size; at += 8) {
            memcpy(&word, in + at, 8);
            word ^= key;
            seen |= word;
            memcpy(out + at, &word, 8);
        }
        for (; at < size; at++) {
            unsigned char byte = in[at] ^ twice[at & 7];
            out[at] = byte;
            seen |= byte;
        }
        return seen;
    }

    #define TRICORN_NOT_ASCII UINT64_C(0x8080808080808080)

    /* How many bytes from the front are ASCII, counted in eights. */
    static inline Py_ssize_t tricorn_ascii_run(const unsigned char *text, Py_ssize_t size) {
        Py_ssize_t at = 0;
        uint64_t word;
        for (; at + 8 <= size; at += 8) {
            memcpy(&word, text + at, 8);
            if (word & TRICORN_NOT_ASCII) break;
        }
        return at;
    }

    /* RFC 3629 §4. Up to where there are whole characters; -1: no continuation is good. */
    static Py_ssize_t tricorn_utf8_end(const unsigned char *text, Py_ssize_t size) {
        Py_ssize_t at = 0;
        while (at < size) {
            unsigned char first = text[at], low = 0x80, high = 0xbf;
            Py_ssize_t more, index;
            if (first < 0x80) {
                Py_ssize_t run = tricorn_ascii_run(text + at, size - at);
                at += run ? run : 1;
                continue;
            }
            if (first < 0xc2 || first > 0xf4) return -1;
            more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
            if (first == 0xe0) low = 0xa0;
            else if (first == 0xed) high = 0x9f;
            else if (first == 0xf0) low = 0x90;
            else if (first == 0xf4) high = 0x8f;
            for (index = 1; index <= more; index++) {
                if (at + index == size) return at;
                if (text[at + index] < low || text[at + index] > high) return -1;
                low = 0x80;
                high = 0xbf;
            }
            at += more + 1;
        }
        return at;
    }
    """
    ctypedef unsigned long long uint64_t
    uint64_t TRICORN_NOT_ASCII
    uint64_t tricorn_unmask(unsigned char* out, cstring data, Py_ssize_t size, cstring key) nogil
    Py_ssize_t tricorn_utf8_end(cstring text, Py_ssize_t size) nogil

cdef extern from "Python.h":
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    unsigned char* PyUnicode_1BYTE_DATA(object text)
    bint PyUnicode_IS_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)


cdef inline int _check(bytes data, Py_ssize_t at, Py_ssize_t size) except -1:
    """Refuse a key and payload that aren't within the data."""
    if data is None or at < 0 or size < 0 or PyBytes_GET_SIZE(data) - at - 4 < size:
        raise IndexError("outside the data")
    return 0


cpdef bytes unmask(bytes data, Py_ssize_t at, Py_ssize_t size):
    cdef cstring text
    cdef bytes plain
    _check(data, at, size)
    text = <cstring>PyBytes_AS_STRING(data) + at
    plain = PyBytes_FromStringAndSize(NULL, size)
    if size:  # b"" is shared
        tricorn_unmask(<unsigned char*>PyBytes_AS_STRING(plain), text + 4, size, text)
    return plain


cpdef bytes unmask_before(bytes data, Py_ssize_t at, Py_ssize_t size, bytes tail):
    cdef cstring text
    cdef unsigned char* out
    cdef bytes plain
    _check(data, at, size)
    if tail is None:
        raise TypeError("a tail must be bytes")
    text = <cstring>PyBytes_AS_STRING(data) + at
    plain = PyBytes_FromStringAndSize(NULL, size + PyBytes_GET_SIZE(tail))
    if size + PyBytes_GET_SIZE(tail):  # b"" is shared
        out = <unsigned char*>PyBytes_AS_STRING(plain)
        tricorn_unmask(out, text + 4, size, text)
        memcpy(out + size, PyBytes_AS_STRING(tail), <size_t>PyBytes_GET_SIZE(tail))
    return plain


cpdef str unmask_text(bytes data, Py_ssize_t at, Py_ssize_t size):
    cdef cstring text
    cdef unsigned char* out
    cdef str plain
    _check(data, at, size)
    if size == 0:
        return ""
    text = <cstring>PyBytes_AS_STRING(data) + at
    plain = PyUnicode_New(size, 127)
    out = PyUnicode_1BYTE_DATA(plain)
    if tricorn_unmask(out, text + 4, size, text) & TRICORN_NOT_ASCII:
        return PyUnicode_DecodeUTF8(<const char*>out, size, NULL)
    return plain


cpdef bint unmask_onto(
    bytearray message, bytes data, Py_ssize_t start, Py_ssize_t end, bytes key, int phase,
    long long ahead,
) except -1:
    cdef uint64_t seen
    cdef unsigned char turned[4]
    cdef Py_ssize_t before, index
    if data is None or start < 0 or end < start or end > PyBytes_GET_SIZE(data):
        raise IndexError("outside the data")
    if message is None or key is None or PyBytes_GET_SIZE(key) != 4:
        raise TypeError("a message in progress and a key of four bytes are needed")
    for index in range(4):
        turned[index] = <unsigned char>PyBytes_AS_STRING(key)[(index + phase) & 3]
    before = PyByteArray_GET_SIZE(message)
    if ahead > 0 and before == 0:
        # A bytearray that shrinks by no more than half keeps its room.
        PyByteArray_Resize(message, end - start + <Py_ssize_t>min(ahead, <long long>(end - start)))
    PyByteArray_Resize(message, before + end - start)
    seen = tricorn_unmask(
        <unsigned char*>PyByteArray_AS_STRING(message) + before,
        <cstring>PyBytes_AS_STRING(data) + start,
        end - start,
        turned,
    )
    return seen & TRICORN_NOT_ASCII == 0


cpdef str ascii_text(bytearray message):
    cdef str text
    cdef Py_ssize_t size
    if message is None:
        raise TypeError("a message in progress is needed")
    size = PyByteArray_GET_SIZE(message)
    if size == 0:
        return ""
    text = PyUnicode_New(size, 127)
    memcpy(PyUnicode_1BYTE_DATA(text), PyByteArray_AS_STRING(message), <size_t>size)
    return text


cpdef Py_ssize_t utf8_end(bytearray message, Py_ssize_t start) except -2:
    cdef Py_ssize_t size, end
    if message is None:
        raise TypeError("a message in progress is needed")
    size = PyByteArray_GET_SIZE(message)
    if start < 0 or start > size:
        raise IndexError("outside the message")
    end = tricorn_utf8_end(<cstring>PyByteArray_AS_STRING(message) + start, size - start)
    return -1 if end < 0 else start + end


cdef inline int _head_size(Py_ssize_t size):
    return 2 if size < 126 else 4 if size < 65536 else 10


cdef inline void _write_head(unsigned char* at, int first, Py_ssize_t size) noexcept:
    cdef int index
    at[0] = <unsigned char>first
    if size < 126:
        at[1] = <unsigned char>size
    elif size < 65536:
        at[1] = 126
        at[2] = <unsigned char>(size >> 8)
        at[3] = <unsigned char>(size & 255)
    else:
        at[1] = 127
        for index in range(8):
            at[2 + index] = <unsigned char>((<uint64_t>size >> (56 - 8 * index)) & 255)


cdef bytes _framed(int first, cstring payload, Py_ssize_t size):
    cdef int head = _head_size(size)
    cdef bytes whole = PyBytes_FromStringAndSize(NULL, head + size)
    cdef unsigned char* at = <unsigned char*>PyBytes_AS_STRING(whole)
    _write_head(at, first, size)
    memcpy(at + head, payload, <size_t>size)
    return whole


cpdef bytes frame_head(int first, Py_ssize_t size):
    cdef bytes head = PyBytes_FromStringAndSize(NULL, _head_size(size))
    _write_head(<unsigned char*>PyBytes_AS_STRING(head), first, size)
    return head


cpdef bytes frame_of(int first, bytes payload):
    if payload is None:
        raise TypeError("a payload must be bytes")
    return _framed(first, <cstring>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))


cpdef bytes frame_of_start(int first, bytes data, Py_ssize_t size):
    if data is None or size < 0 or size > PyBytes_GET_SIZE(data):
        raise IndexError("outside the data")
    return _framed(first, <cstring>PyBytes_AS_STRING(data), size)


cpdef bytes ascii_frame(str text):
    if text is None:
        raise TypeError("a text must be a str")
    if not PyUnicode_IS_ASCII(text):
        return None
    return _framed(0x81, PyUnicode_1BYTE_DATA(text), PyUnicode_GET_LENGTH(text))


cdef class AsciiText:
    """The bytes of an ASCII text, where they are."""

    cdef str text

    def __len__(self):
        return PyUnicode_GET_LENGTH(self.text)

    def __getbuffer__(self, Py_buffer* view, int flags):
        PyBuffer_FillInfo(
            view, self, PyUnicode_1BYTE_DATA(self.text), PyUnicode_GET_LENGTH(self.text), 1, flags
        )


cpdef object text_payload(str text):
    cdef AsciiText payload
    if text is None:
        raise TypeError("a text must be a str")
    if not PyUnicode_IS_ASCII(text):
        return PyUnicode_AsUTF8String(text)
    payload = AsciiText.__new__(AsciiText)
    payload.text = text
    return payload
