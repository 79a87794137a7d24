cimport cython

from tricorn.wire.hpack_huffman cimport cstring, expand, most_expanded
from tricorn.wire.hpack_table cimport DynamicTable, Entry, size_of
from tricorn.wire.scan cimport cut, is_field_value, is_lower_name, is_same, taken

cdef int _INDEXED, _INDEXED_PREFIX, _INCREMENTAL, _INCREMENTAL_PREFIX, _SIZE_UPDATE, _SIZE_PREFIX
cdef int _LITERAL_PREFIX, _HUFFMAN, _LENGTH_PREFIX, _LAST_SHIFT, _LAST_MOST, _STATIC_SIZE
cdef Py_ssize_t _REMEMBERED, _ROOM, _FIELD
cdef tuple _STATIC

@cython.final
cdef class HpackDecoder:
    cdef public Py_ssize_t table_limit, section_limit, field_limit
    cdef public bint repeated, malformed, table_changed, faulty
    cdef public DynamicTable table
    cdef public bytes last_block, block, before, behind
    cdef public tuple last
    cdef public list listed
    cdef public Py_ssize_t last_size, literal_at, literal_size, literal_start, literal_end, at, end, size
    cdef public bytearray room

    @cython.locals(fields=tuple, listed=list)
    cpdef tuple decode(self, bytes block)
    cdef _begin(self, bytes block)
    cdef _remember(self, bytes block, tuple fields, list listed)
    @cython.locals(text=cstring, start=Py_ssize_t, end=Py_ssize_t, size=Py_ssize_t, literal_size=Py_ssize_t, pair=tuple, name=bytes, value=bytes)
    cdef bint _differs_in_literal(self, bytes block) except -1
    @cython.locals(text=cstring, fields=list, size=Py_ssize_t, count=Py_ssize_t, first=int, index=Py_ssize_t, entry=Entry)
    cdef list _fields(self, bytes block)
    @cython.locals(entries=list, age=Py_ssize_t, size=Py_ssize_t, entry=Entry)
    cdef Entry _entry(self, Py_ssize_t index)
    @cython.locals(pair=tuple, entry=Entry)
    cdef Entry _new_entry(self, cstring text)
    @cython.locals(start=Py_ssize_t, pair=tuple)
    cdef Entry _passing(self, cstring text, Py_ssize_t count)
    @cython.locals(index=Py_ssize_t, well=bint, name=bytes, value=bytes, entry=Entry)
    cdef tuple _literal(self, cstring text, int prefix)
    @cython.locals(size=Py_ssize_t)
    cdef _resize(self, cstring text, Py_ssize_t count)
    @cython.locals(value=Py_ssize_t, shift=int, byte=Py_ssize_t)
    cdef Py_ssize_t _integer(self, cstring text, int prefix) except -1
    @cython.locals(is_huffman=int, size=Py_ssize_t, start=Py_ssize_t)
    cdef bytes _string(self, cstring text)
    @cython.locals(most=Py_ssize_t, room=bytearray, count=Py_ssize_t)
    cdef bytes _expanded(self, Py_ssize_t start, Py_ssize_t size)

cdef bint _is_name(bytes name) except -1
cdef bint _is_value_of(bytes name, bytes value) except -1
