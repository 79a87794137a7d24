cimport cython

from tricorn.wire.hpack_huffman cimport compress, compressed_size, cstring
from tricorn.wire.hpack_table cimport DynamicTable, Entry, size_of
from tricorn.wire.scan cimport taken

cdef int _INDEXED, _INDEXED_PREFIX, _INCREMENTAL, _INCREMENTAL_PREFIX, _NEVER, _PLAIN, _LITERAL_PREFIX
cdef int _SIZE_UPDATE, _SIZE_PREFIX, _HUFFMAN, _LENGTH_PREFIX, _NEWEST, _COOKIE, _HAS_VALUES, _FORM
cdef Py_ssize_t _SHORT_COOKIE, _ROOM, _KEPT_ROOM, _NOTED, _REMEMBERED
cdef Py_ssize_t _AS_LITERAL
cdef dict _NAMES, _FIELDS

cdef class SentTable(DynamicTable):
    cdef public dict numbers, names

    cdef add(self, tuple pair, bytes name)
    @cython.locals(name=bytes)
    cdef gone(self, tuple pair, Py_ssize_t number)

@cython.final
cdef class HpackEncoder:
    cdef public Py_ssize_t table_limit, smallest, at
    cdef public SentTable table
    cdef public bint told, table_changed
    cdef public list last_fields, pairs, sent
    cdef public bytes last_block
    cdef public bytearray room

    cpdef resize(self, Py_ssize_t size)
    @cython.locals(place=Py_ssize_t, pair=tuple, block=bytes)
    cpdef bytes encode(self, list fields)
    cdef _tell_size(self)
    @cython.locals(index=Py_ssize_t)
    cdef bint _again(self, Py_ssize_t sent) except -1
    cdef _note(self, Py_ssize_t place, tuple pair, Py_ssize_t sent)
    @cython.locals(name=bytes, value=bytes, index=Py_ssize_t, form=int, code=int, static=int)
    cdef Py_ssize_t _field(self, tuple pair) except? -1
    @cython.locals(value=bytes)
    cdef int _static_index(self, tuple pair, int code) except -1
    cdef Py_ssize_t _index_of(self, Py_ssize_t number) except -1
    @cython.locals(prefix=int)
    cdef _literal(self, int form, Py_ssize_t index, bytes name, bytes value)
    @cython.locals(missing=Py_ssize_t)
    cdef _reserve(self, Py_ssize_t size)
    @cython.locals(into=cython.p_uchar, at=Py_ssize_t)
    cdef _integer(self, int first, int prefix, Py_ssize_t value)
    @cython.locals(text=cstring, size=Py_ssize_t, short=Py_ssize_t, into=cython.p_uchar, at=Py_ssize_t, place=Py_ssize_t)
    cdef _string(self, bytes string)
