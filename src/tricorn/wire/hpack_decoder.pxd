cimport cython

from tricorn.wire.hpack_huffman cimport cstring, expand, most_expanded
from tricorn.wire.hpack_table cimport DynamicTable
from tricorn.wire.scan cimport is_field_value, is_lower_name

cdef int _INDEXED, _INDEXED_PREFIX, _INCREMENTAL, _INCREMENTAL_PREFIX, _SIZE_UPDATE, _SIZE_PREFIX
cdef int _LITERAL_PREFIX, _HUFFMAN, _LENGTH_PREFIX, _MOST_SHIFT, _FORBIDDEN, _NEWEST
cdef long long _MOST_INTEGER
cdef Py_ssize_t _REMEMBERED, _ROOM, _FIELD
cdef tuple _STATIC_FIELDS

cdef class ReceivedTable(DynamicTable):
    cdef public set malformed

    cdef gone(self, tuple pair, long long number)

cdef class HpackDecoder:
    cdef public Py_ssize_t table_limit, section_limit, field_limit, at, end
    cdef public bint malformed, table_changed, faulty
    cdef public ReceivedTable table
    cdef public bytes last_block, block
    cdef public tuple last
    cdef public bytearray room

    @cython.locals(fields=tuple)
    cpdef tuple decode(self, bytes block)
    @cython.locals(text=cstring, fields=list, size=Py_ssize_t, count=Py_ssize_t, first=int, pair=tuple, name=bytes, value=bytes)
    cdef list _fields(self, bytes block)
    @cython.locals(number=cython.longlong, pair=tuple)
    cdef tuple _entry(self, long long index)
    @cython.locals(index=cython.longlong, well=bint, name=bytes, value=bytes)
    cdef tuple _literal(self, cstring text, int prefix)
    cdef _insert(self, tuple pair)
    @cython.locals(size=cython.longlong)
    cdef _resize(self, cstring text, Py_ssize_t count)
    @cython.locals(value=cython.longlong, shift=int, byte=cython.longlong)
    cdef long long _integer(self, cstring text, int prefix) except -1
    @cython.locals(is_huffman=int, size=cython.longlong, start=Py_ssize_t)
    cdef bytes _string(self, cstring text)
    @cython.locals(most=Py_ssize_t, room=bytearray, into=cython.p_uchar, count=Py_ssize_t)
    cdef bytes _expanded(self, Py_ssize_t start, Py_ssize_t size)

cdef bint _is_name(bytes name) except -1
cdef bint _is_value_of(bytes name, bytes value) except -1
