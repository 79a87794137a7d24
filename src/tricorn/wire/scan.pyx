# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""Leaf: the loops over single bytes, for the compiler.

The twin of `scan.py`, which holds the documentation of each function. Both answer
alike; one test class and a differential test run on both.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.mem cimport PyMem_Realloc
from cpython.object cimport PyObject
from cpython.sequence cimport PySequence_Fast_GET_ITEM, PySequence_Fast_GET_SIZE
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.string cimport memchr, memcmp, memcpy

from tricorn.wire.errors import Refusal, ResponseError
from tricorn.wire import fields as _fields

ctypedef const unsigned char* cstring

cdef extern from *:
    """
    #include <string.h>
    #include <stdint.h>

    /* One pass without an early exit, so that the compiler may use vectors. */
    static inline int tricorn_bad_value(const unsigned char *text, Py_ssize_t size) {
        unsigned char bad = 0;
        for (Py_ssize_t i = 0; i < size; i++) {
            unsigned char c = text[i];
            bad |= (unsigned char)((c < 0x20) & (c != 0x09)) | (unsigned char)(c == 0x7f);
        }
        return bad;
    }

    static inline int tricorn_bad_target(const unsigned char *text, Py_ssize_t size) {
        unsigned char bad = 0;
        for (Py_ssize_t i = 0; i < size; i++) {
            unsigned char c = text[i];
            bad |= (unsigned char)(c < 0x21) | (unsigned char)(c > 0x7e) | (unsigned char)(c == 0x23);
        }
        return bad;
    }

    static inline Py_ssize_t tricorn_head_end(const char *text, Py_ssize_t size) {
        const char *at = text, *stop = text + size;
        while (stop - at >= 4) {
            const char *cr = memchr(at, '\\r', (size_t)(stop - at) - 3);
            if (cr == NULL) return -1;
            if (cr[1] == '\\n' && cr[2] == '\\r' && cr[3] == '\\n') return cr - text + 4;
            at = cr + 1;
        }
        return -1;
    }
    """
    int tricorn_bad_value(cstring text, Py_ssize_t size) nogil
    int tricorn_bad_target(cstring text, Py_ssize_t size) nogil
    Py_ssize_t tricorn_head_end(const char* text, Py_ssize_t size) nogil

cdef int REPEATED = _fields.REPEATED
cdef int HAS_CONTENT_LENGTH = _fields.HAS_CONTENT_LENGTH
cdef int HAS_DATE = _fields.HAS_DATE
cdef int HAS_SERVER = _fields.HAS_SERVER
cdef int WANTS_CLOSE = _fields.WANTS_CLOSE
_tokens = _fields.tokens

# Token bytes map to themselves in lower case, all others to 0.
cdef unsigned char LOWER[256]

# The interned names, in a table open to the right: `hash & MASK`, then the next.
cdef enum:
    SLOTS = 512
    LONGEST = 64       # a longer name is not interned

cdef struct Known:
    PyObject* name
    Py_ssize_t size
    int place          # in `special`, -1 for none
    int response       # one of the RESPONSE_ kinds
    int flag           # what `encode_fields` reports when it is there
    int connection     # one of CONNECTION_SPECIFIC

cdef Known TABLE[SLOTS]
_keep = []             # owns the names in TABLE

cdef enum:
    RESPONSE_PLAIN = 0
    RESPONSE_CODING = 1
    RESPONSE_CONNECTION = 2


cdef inline unsigned int _mix(unsigned int value, unsigned char byte) noexcept nogil:
    return (value ^ byte) * 16777619u


cdef Known* _lookup(cstring lowered, Py_ssize_t size, unsigned int value) noexcept:
    cdef unsigned int slot = (value ^ (value >> 15)) & (SLOTS - 1)
    while TABLE[slot].name is not NULL:
        if TABLE[slot].size == size and memcmp(
            PyBytes_AS_STRING(<object>TABLE[slot].name), lowered, <size_t>size
        ) == 0:
            return &TABLE[slot]
        slot = (slot + 1) & (SLOTS - 1)
    return NULL


def _fill():
    cdef unsigned int value, slot
    cdef bytes name
    response = {
        b"transfer-encoding": RESPONSE_CODING,
        b"connection": RESPONSE_CONNECTION,
    }
    flags = {
        b"content-length": HAS_CONTENT_LENGTH,
        b"date": HAS_DATE,
        b"server": HAS_SERVER,
    }
    for index in range(256):
        LOWER[index] = 0
    for index in _fields.TOKEN_BYTES:
        LOWER[index] = index + 32 if 65 <= index <= 90 else index
    for name in dict.fromkeys(
        (*_fields.COMMON_NAMES, *response, *flags, *sorted(_fields.CONNECTION_SPECIFIC))
    ):
        value = 2166136261u
        for byte in name:
            value = _mix(value, byte)
        slot = (value ^ (value >> 15)) & (SLOTS - 1)
        while TABLE[slot].name is not NULL:
            slot = (slot + 1) & (SLOTS - 1)
        _keep.append(name)
        TABLE[slot].name = <PyObject*>name
        TABLE[slot].size = len(name)
        TABLE[slot].place = _fields.SPECIAL_FIELDS.get(name, -1)
        TABLE[slot].response = response.get(name, RESPONSE_PLAIN)
        TABLE[slot].flag = flags.get(name, 0)
        TABLE[slot].connection = name in _fields.CONNECTION_SPECIFIC


_fill()

cdef dict METHODS = {
    name.encode(): name
    for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT")
}
cdef str GET = "GET"
cdef str POST = "POST"


cpdef tuple scan_request_line(bytes data, Py_ssize_t start, Py_ssize_t end):
    cdef cstring text = <cstring>PyBytes_AS_STRING(data)
    cdef cstring first, second
    cdef Py_ssize_t index
    cdef str method
    cdef bytes raw
    if start < 0 or end > PyBytes_GET_SIZE(data) or end < start:
        raise IndexError("outside the data")
    first = <cstring>memchr(text + start, 0x20, <size_t>(end - start))
    second = NULL
    if first is not NULL:
        second = <cstring>memchr(first + 1, 0x20, <size_t>(text + end - first - 1))
    if second is NULL or memchr(second + 1, 0x20, <size_t>(text + end - second - 1)) is not NULL:
        raise Refusal(400, "malformed request line")
    if first == text + start:
        raise Refusal(400, "malformed method")
    if first - text - start == 3 and memcmp(text + start, b"GET", 3) == 0:
        method = GET
    else:
        for index in range(start, first - text):
            if LOWER[text[index]] == 0:
                raise Refusal(400, "malformed method")
        raw = PyBytes_FromStringAndSize(<const char*>text + start, first - text - start)
        method = METHODS.get(raw)
        if method is None:
            method = raw.decode("ascii")
    if second == first + 1 or tricorn_bad_target(first + 1, second - first - 1):
        raise Refusal(400, "request target has a character that is not allowed")
    if (
        text + end - second != 9
        or memcmp(second + 1, b"HTTP/", 5) != 0
        or not (0x30 <= second[6] <= 0x39)
        or second[7] != 0x2E
        or not (0x30 <= second[8] <= 0x39)
    ):
        raise Refusal(400, "malformed HTTP version")
    return (
        method,
        PyBytes_FromStringAndSize(<const char*>first + 1, second - first - 1),
        (second[6] - 0x30) * 10 + (second[8] - 0x30),
    )


cpdef int scan_fields(
    bytes data, Py_ssize_t start, Py_ssize_t end, list fields, list special, Py_ssize_t most
) except -1:
    cdef cstring text = <cstring>PyBytes_AS_STRING(data)
    cdef cstring at = text + start
    cdef cstring stop = text + end
    cdef cstring line_end
    cdef cstring value
    cdef cstring value_end
    cdef unsigned char lowered[LONGEST]
    cdef unsigned char c
    cdef unsigned int mixed
    cdef Py_ssize_t size
    cdef Known* known
    cdef int flags = 0, place
    cdef object name, content
    cdef Py_ssize_t count = PyList_GET_SIZE(fields)
    if start < 0 or end > PyBytes_GET_SIZE(data) or end < start:
        raise IndexError("outside the data")
    while at < stop:
        # The caller cut at CRLFs, so the last two bytes of the range are one.
        line_end = <cstring>memchr(at, 0x0D, <size_t>(stop - at))
        while line_end is not NULL and line_end[1] != 0x0A:
            line_end = <cstring>memchr(line_end + 1, 0x0D, <size_t>(stop - line_end - 1))
        if line_end is NULL:
            line_end = stop
        count += 1
        if count > most:
            raise Refusal(431, f"more than {most} fields")
        size = 0
        mixed = 2166136261u
        while at + size < line_end:
            c = LOWER[at[size]]
            if c == 0:
                break
            mixed = _mix(mixed, c)
            if size < LONGEST:
                lowered[size] = c
            size += 1
        if size == 0 or at + size >= line_end or at[size] != 0x3A:
            raise _bad_line(at, line_end - at)
        known = NULL
        if size <= LONGEST:
            known = _lookup(lowered, size, mixed)
        value = at + size + 1
        if known is not NULL:
            name = <object>known.name
            place = known.place
        else:
            place = -1
            if size <= LONGEST:
                name = PyBytes_FromStringAndSize(<const char*>lowered, size)
            else:
                name = PyBytes_FromStringAndSize(<const char*>at, size).lower()
        value_end = line_end
        while value < value_end and (value[0] == 0x20 or value[0] == 0x09):
            value += 1
        while value_end > value and (value_end[-1] == 0x20 or value_end[-1] == 0x09):
            value_end -= 1
        if tricorn_bad_value(value, value_end - value):
            raise Refusal(400, "control character in a field value")
        content = PyBytes_FromStringAndSize(<const char*>value, value_end - value)
        fields.append((name, content))
        if place >= 0:
            if special[place] is None:
                special[place] = content
                flags |= 1 << place
            else:
                special[place] = special[place] + b"," + content
                flags |= 1 << (place + REPEATED)
        at = line_end + 2
    return flags


cdef object _bad_line(cstring line, Py_ssize_t size):
    cdef cstring colon
    if size and (line[0] == 0x20 or line[0] == 0x09):
        return Refusal(400, "obsolete line folding")
    colon = <cstring>memchr(line, 0x3A, <size_t>size)
    if colon is NULL:
        return Refusal(400, "field line without a colon")
    if colon == line:
        return Refusal(400, "empty field name")
    if colon[-1] == 0x20 or colon[-1] == 0x09:
        return Refusal(400, "white space before the colon of a field")
    return Refusal(400, "malformed field name")


cdef inline int _look_into(data, cstring* text, Py_ssize_t* size) except -1:
    """Point at the content of a bytes or bytearray object."""
    if isinstance(data, bytes):
        text[0] = <cstring>PyBytes_AS_STRING(data)
        size[0] = PyBytes_GET_SIZE(data)
    else:
        text[0] = <cstring>PyByteArray_AS_STRING(<bytearray?>data)
        size[0] = PyByteArray_GET_SIZE(data)
    return 0


cpdef Py_ssize_t find_head_end(data, Py_ssize_t start) except -2:
    cdef Py_ssize_t size, found
    cdef cstring text
    _look_into(data, &text, &size)
    if start < 0 or start > size:
        raise IndexError("outside the data")
    found = tricorn_head_end(<const char*>text + start, size - start)
    return -1 if found < 0 else start + found


cpdef Py_ssize_t find_line_end(data, Py_ssize_t start) except -2:
    cdef Py_ssize_t size
    cdef cstring text
    cdef cstring at
    _look_into(data, &text, &size)
    if start < 0:
        raise IndexError("outside the data")
    while start < size - 1:
        # Not the last byte: a CRLF needs one behind it.
        at = <cstring>memchr(text + start, 0x0D, <size_t>(size - 1 - start))
        if at is NULL:
            return -1
        if at[1] == 0x0A:
            return at - text
        start = at - text + 1
    return -1


cpdef Py_ssize_t find_byte(bytes data, int byte) except -2:
    cdef cstring text = <cstring>PyBytes_AS_STRING(data)
    cdef cstring at = <cstring>memchr(text, byte, <size_t>PyBytes_GET_SIZE(data))
    return -1 if at is NULL else at - text


cpdef bint is_same(bytes data, Py_ssize_t start, Py_ssize_t end, bytes other) except -1:
    if start < 0 or end > PyBytes_GET_SIZE(data) or end < start:
        raise IndexError("outside the data")
    return end - start == PyBytes_GET_SIZE(other) and memcmp(
        PyBytes_AS_STRING(data) + start, PyBytes_AS_STRING(other), <size_t>(end - start)
    ) == 0


cpdef bytes cut(bytes data, Py_ssize_t start, Py_ssize_t end):
    if start < 0 or end > PyBytes_GET_SIZE(data) or end < start:
        raise IndexError("outside the data")
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(data) + start, end - start)


cpdef bytes taken(bytearray room, Py_ssize_t size):
    if size < 0 or size > PyByteArray_GET_SIZE(room):
        raise IndexError("outside the data")
    return PyBytes_FromStringAndSize(PyByteArray_AS_STRING(room), size)


cpdef bint has_isolated_line_end(data, Py_ssize_t start) except -1:
    cdef Py_ssize_t size, index
    cdef cstring text
    _look_into(data, &text, &size)
    if start < 0:
        raise IndexError("outside the data")
    for index in range(start, size):
        if text[index] == 0x0A:
            if index == 0 or text[index - 1] != 0x0D:
                return True
        elif text[index] == 0x0D and index + 1 < size and text[index + 1] != 0x0A:
            return True
    return False


cdef inline char* _append(char* at, bytes part) noexcept:
    memcpy(at, PyBytes_AS_STRING(part), <size_t>PyBytes_GET_SIZE(part))
    return at + PyBytes_GET_SIZE(part)


cpdef bytes joined(bytes first, bytes second, bytes third, bytes fourth, bytes body):
    cdef bytes whole
    cdef char* at
    if first is None or second is None or third is None or fourth is None or body is None:
        raise TypeError("every part must be bytes")
    whole = PyBytes_FromStringAndSize(
        NULL,
        PyBytes_GET_SIZE(first) + PyBytes_GET_SIZE(second) + PyBytes_GET_SIZE(third)
        + PyBytes_GET_SIZE(fourth) + PyBytes_GET_SIZE(body),
    )
    at = PyBytes_AS_STRING(whole)
    at = _append(at, first)
    at = _append(at, second)
    at = _append(at, third)
    at = _append(at, fourth)
    _append(at, body)
    return whole


cdef int _write_size(char* at, Py_ssize_t size) noexcept:
    """Write a chunk's size and CRLF, 18 bytes at most; return how many."""
    cdef int digits = 1, index
    cdef Py_ssize_t rest = size >> 4
    while rest:
        digits += 1
        rest >>= 4
    for index in range(digits - 1, -1, -1):
        at[index] = b"0123456789abcdef"[size & 15]
        size >>= 4
    at[digits] = 0x0D
    at[digits + 1] = 0x0A
    return digits + 2


cpdef bytes encode_chunks(bytes before, list chunks, bytes behind):
    cdef Py_ssize_t size, index, count, last = -1
    cdef int digits = 0
    cdef char line[18]
    cdef bytes data, whole
    cdef char* at
    if before is None or chunks is None or behind is None:
        raise TypeError("every part must be there")
    size = PyBytes_GET_SIZE(before) + PyBytes_GET_SIZE(behind)
    count = PyList_GET_SIZE(chunks)
    for index in range(count):
        data = <bytes?>PyList_GET_ITEM(chunks, index)
        # Chunks are mostly of one size.
        if PyBytes_GET_SIZE(data) != last:
            last = PyBytes_GET_SIZE(data)
            digits = _write_size(line, last)
        size += digits + last + 2
    whole = PyBytes_FromStringAndSize(NULL, size)
    at = _append(PyBytes_AS_STRING(whole), before)
    for index in range(count):
        data = <bytes>PyList_GET_ITEM(chunks, index)
        if PyBytes_GET_SIZE(data) != last:
            last = PyBytes_GET_SIZE(data)
            digits = _write_size(line, last)
        memcpy(at, line, <size_t>digits)
        at = _append(at + digits, data)
        at[0] = 0x0D
        at[1] = 0x0A
        at += 2
    _append(at, behind)
    return whole


# One buffer for all responses of the process: the functions here never give up
# the interpreter lock while they use it.
cdef char* _block = NULL
cdef Py_ssize_t _block_size = 0


cdef int _reserve(Py_ssize_t size) except -1:
    global _block, _block_size
    cdef char* larger
    if size > _block_size:
        size = size * 2 if size > 4096 else 8192
        larger = <char*>PyMem_Realloc(_block, <size_t>size)
        if larger is NULL:
            raise MemoryError()
        _block = larger
        _block_size = size
    return 0


# What was encoded last: an app's responses are mostly alike, and comparing costs a quarter.
# Only pairs of bytes in tuples, which nobody can change meanwhile.
cdef list _last_fields = None
cdef tuple _last_encoded = None

cdef enum:
    REMEMBERED = 1024  # bytes of an encoded block; more isn't kept


cdef inline bint _is_equal(PyObject* one, PyObject* other) noexcept:
    """Whether an object is the bytes that `other` is."""
    if one is other:
        return True
    return type(<object>one) is bytes and PyBytes_GET_SIZE(<object>one) == PyBytes_GET_SIZE(
        <object>other
    ) and memcmp(
        PyBytes_AS_STRING(<object>one),
        PyBytes_AS_STRING(<object>other),
        <size_t>PyBytes_GET_SIZE(<object>one),
    ) == 0


cdef bint _are_last(list fields) noexcept:
    cdef Py_ssize_t index, count = PyList_GET_SIZE(fields)
    cdef PyObject* pair
    cdef PyObject* last
    if _last_fields is None or PyList_GET_SIZE(_last_fields) != count:
        return False
    for index in range(count):
        pair = PyList_GET_ITEM(fields, index)
        last = PyList_GET_ITEM(_last_fields, index)
        if pair is last:
            continue
        if type(<object>pair) is not tuple or PyTuple_GET_SIZE(<object>pair) != 2:
            return False
        if not _is_equal(
            PyTuple_GET_ITEM(<object>pair, 0), PyTuple_GET_ITEM(<object>last, 0)
        ) or not _is_equal(PyTuple_GET_ITEM(<object>pair, 1), PyTuple_GET_ITEM(<object>last, 1)):
            return False
    return True


cpdef tuple encode_fields(fields):
    global _last_fields, _last_encoded
    cdef bint are_tuples = True
    cdef tuple encoded
    cdef Py_ssize_t used = 0, size, index
    cdef int flags = 0
    cdef object length = -1
    cdef object pair
    cdef bytes name, value, lines, options = None
    cdef cstring raw
    cdef Known* known
    cdef unsigned int mixed
    cdef unsigned char c
    cdef unsigned char* out
    cdef object first, second
    if type(fields) is not list:
        return encode_fields(list(fields))
    if _are_last(<list>fields):
        return _last_encoded
    # What is remembered must be what was encoded, whoever changes the list meanwhile.
    fields = (<list>fields)[:]
    for pair in <list>fields:
        if type(pair) is tuple and PyTuple_GET_SIZE(pair) == 2:
            first = <object>PyTuple_GET_ITEM(pair, 0)
            second = <object>PyTuple_GET_ITEM(pair, 1)
        elif type(pair) is list and PyList_GET_SIZE(pair) == 2:
            first = <object>PyList_GET_ITEM(pair, 0)
            second = <object>PyList_GET_ITEM(pair, 1)
            are_tuples = False
        else:
            first = second = None
        if type(first) is not bytes or type(second) is not bytes:
            # Unpacking another type runs code that could come back in here while
            # the shared buffer is in use, so that happens before any is written.
            return encode_fields([_plain_pair(other) for other in <list>fields])
        name = first
        value = second
        size = PyBytes_GET_SIZE(name)
        _reserve(used + size + PyBytes_GET_SIZE(value) + 4)
        raw = <cstring>PyBytes_AS_STRING(name)
        out = <unsigned char*>_block + used
        mixed = 2166136261u
        for index in range(size):
            c = LOWER[raw[index]]
            if c == 0:
                raise ResponseError(f"header name {name!r} is not a token")
            mixed = _mix(mixed, c)
            out[index] = c
        if size == 0:
            raise ResponseError(f"header name {name!r} is not a token")
        if tricorn_bad_value(<cstring>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)):
            raise ResponseError(
                f"value of header {name!r} has a control character: {value!r}"
            )
        known = _lookup(out, size, mixed)
        if known is not NULL:
            if known.response == RESPONSE_CODING:
                continue
            if known.response == RESPONSE_CONNECTION:
                options = value if options is None else options + b"," + value
                continue
            flags |= known.flag
            if known.flag == HAS_CONTENT_LENGTH:
                length = _only_length(value, length)
        used += size
        _block[used] = 0x3A
        _block[used + 1] = 0x20
        used += 2
        size = PyBytes_GET_SIZE(value)
        memcpy(_block + used, PyBytes_AS_STRING(value), <size_t>size)
        used += size
        _block[used] = 0x0D
        _block[used + 1] = 0x0A
        used += 2
    lines = PyBytes_FromStringAndSize(_block, used)
    # Only now: Python code may give way to a thread that uses the shared buffer.
    if options is not None and b"close" in _tokens(options):
        flags |= WANTS_CLOSE
    encoded = (lines, flags, length)
    if are_tuples and used <= REMEMBERED:
        # Both or neither: nothing between them runs other code.
        _last_fields = <list>fields
        _last_encoded = encoded
    return encoded


cpdef tuple list_fields(fields, list into):
    cdef Py_ssize_t size, index
    cdef int flags = 0
    cdef object length = -1
    cdef object pair, first, second
    cdef bytes name, value, lower
    cdef cstring raw
    cdef unsigned char lowered[LONGEST]
    cdef bint same
    cdef Known* known
    cdef unsigned int mixed
    cdef unsigned char c
    if type(fields) is not list:
        return list_fields(list(fields), into)
    for pair in <list>fields:
        if type(pair) is tuple and PyTuple_GET_SIZE(pair) == 2:
            first = <object>PyTuple_GET_ITEM(pair, 0)
            second = <object>PyTuple_GET_ITEM(pair, 1)
            if type(first) is not bytes or type(second) is not bytes:
                pair = _plain_pair(pair)
        else:
            pair = _plain_pair(pair)
        name = <bytes>PyTuple_GET_ITEM(pair, 0)
        value = <bytes>PyTuple_GET_ITEM(pair, 1)
        size = PyBytes_GET_SIZE(name)
        raw = <cstring>PyBytes_AS_STRING(name)
        mixed = 2166136261u
        same = True
        for index in range(size):
            c = LOWER[raw[index]]
            if c == 0:
                raise ResponseError(f"header name {name!r} is not a token")
            if c != raw[index]:
                same = False
            mixed = _mix(mixed, c)
            if index < LONGEST:
                lowered[index] = c
        if size == 0:
            raise ResponseError(f"header name {name!r} is not a token")
        raw = <cstring>PyBytes_AS_STRING(value)
        if tricorn_bad_value(raw, PyBytes_GET_SIZE(value)):
            raise ResponseError(
                f"value of header {name!r} has a control character: {value!r}"
            )
        known = NULL
        if size <= LONGEST:
            known = _lookup(lowered, size, mixed)
        if known is not NULL:
            if known.connection:
                continue
            flags |= known.flag
            if known.flag == HAS_CONTENT_LENGTH:
                length = _only_length(value, length)
        size = PyBytes_GET_SIZE(value)
        if size and (
            raw[0] == 0x20 or raw[0] == 0x09 or raw[size - 1] == 0x20 or raw[size - 1] == 0x09
        ):
            into.append((name if same else name.lower(), value.strip(b" \t")))
        elif same:
            into.append(pair)
        else:
            into.append((name.lower(), value))
    return flags, length


cdef inline bint _is_plain(PyObject* pair) noexcept:
    return (
        type(<object>pair) is tuple
        and PyTuple_GET_SIZE(<object>pair) == 2
        and type(<object>PyTuple_GET_ITEM(<object>pair, 0)) is bytes
        and type(<object>PyTuple_GET_ITEM(<object>pair, 1)) is bytes
    )


cpdef bint are_same_fields(one, other, Py_ssize_t but) except -1:
    cdef Py_ssize_t index, count
    cdef PyObject* pair
    cdef PyObject* known
    if type(one) is not list and type(one) is not tuple:
        raise TypeError("fields must be in a list or a tuple")
    if type(other) is not list and type(other) is not tuple:
        raise TypeError("fields must be in a list or a tuple")
    count = PySequence_Fast_GET_SIZE(one)
    if PySequence_Fast_GET_SIZE(other) != count:
        return False
    for index in range(count):
        pair = PySequence_Fast_GET_ITEM(one, index)
        known = PySequence_Fast_GET_ITEM(other, index)
        if not _is_plain(pair):
            return False
        if pair is known:
            continue
        if not _is_plain(known):
            return False
        if not _is_equal(
            PyTuple_GET_ITEM(<object>pair, 0), PyTuple_GET_ITEM(<object>known, 0)
        ):
            return False
        if index != but and not _is_equal(
            PyTuple_GET_ITEM(<object>pair, 1), PyTuple_GET_ITEM(<object>known, 1)
        ):
            return False
    return True


cpdef bint is_target(bytes target) except -1:
    cdef Py_ssize_t size = PyBytes_GET_SIZE(target)
    return size > 0 and not tricorn_bad_target(<cstring>PyBytes_AS_STRING(target), size)


cpdef bint is_lower_name(bytes name) except -1:
    cdef cstring text = <cstring>PyBytes_AS_STRING(name)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(name), index
    cdef Py_ssize_t start = 1 if size and text[0] == 0x3A else 0
    if start == size:
        return False
    for index in range(start, size):
        # A zero is in lower case, and no token.
        if LOWER[text[index]] != text[index] or text[index] == 0:
            return False
    return True


cpdef bint is_field_value(bytes value) except -1:
    cdef cstring text = <cstring>PyBytes_AS_STRING(value)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value)
    if size == 0:
        return True
    if text[0] == 0x20 or text[0] == 0x09 or text[size - 1] == 0x20 or text[size - 1] == 0x09:
        return False
    return not tricorn_bad_value(text, size)


cpdef str method_of(bytes method):
    cdef cstring text = <cstring>PyBytes_AS_STRING(method)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(method), index
    if size == 3 and memcmp(text, b"GET", 3) == 0:
        return GET
    known = METHODS.get(method)
    if known is not None:
        return known
    if size == 0:
        raise Refusal(400, "malformed method")
    for index in range(size):
        if LOWER[text[index]] == 0:
            raise Refusal(400, "malformed method")
    return method.decode("ascii")


cdef tuple _plain_pair(pair):
    try:
        name, value = pair
    except (TypeError, ValueError):
        raise ResponseError(f"a header must be a (name, value) pair, not {pair!r}") from None
    return _as_bytes(name, "name"), _as_bytes(value, "value")


cdef bytes _as_bytes(value, part):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(memoryview(value))
    raise ResponseError(f"a header's {part} must be bytes, not {type(value).__name__}: {value!r}")


cdef object _only_length(bytes value, before):
    cdef Py_ssize_t size = PyBytes_GET_SIZE(value), index
    cdef cstring text = <cstring>PyBytes_AS_STRING(value)
    cdef long long number = 0
    if before >= 0:
        raise ResponseError("a response has one Content-Length, the app sent two")
    for index in range(size):
        if not (0x30 <= text[index] <= 0x39):
            break
        if size <= 18:
            number = number * 10 + (text[index] - 0x30)
    else:
        if 1 <= size <= 18:
            return number
        if size == 19 and value <= b"9223372036854775807":
            return int(value)
    raise ResponseError(f"Content-Length must be a whole number below 2**63, not {value!r}")
