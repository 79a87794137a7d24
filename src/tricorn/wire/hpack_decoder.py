"""Decoding HPACK (RFC 7541): from a field block's bytes to the field list it stands for.

A client's requests are mostly alike. What it has put into the dynamic table is a pair made and
checked once, and a block that is the last one again is the same list again.
"""

from __future__ import annotations

from typing import Final

from tricorn.wire.errors import FieldSectionTooLarge, HpackError
from tricorn.wire.fields import CONNECTION_SPECIFIC
from tricorn.wire.hpack_huffman import expand, most_expanded
from tricorn.wire.hpack_table import (
    DEFAULT_SIZE,
    ENTRY_ROOM,
    STATIC,
    STATIC_ENTRIES,
    DynamicTable,
    Pair,
)
from tricorn.wire.scan import is_field_value, is_lower_name

# How a field representation begins (RFC 7541 §6): bits, and the prefix that is left.
_INDEXED: Final = 0x80
_INDEXED_PREFIX: Final = 0x7F
_INCREMENTAL: Final = 0x40
_INCREMENTAL_PREFIX: Final = 0x3F
_SIZE_UPDATE: Final = 0x20
_SIZE_PREFIX: Final = 0x1F
_LITERAL_PREFIX: Final = 0x0F
_HUFFMAN: Final = 0x80
_LENGTH_PREFIX: Final = 0x7F

_MOST_INTEGER: Final = (1 << 32) - 1
_MOST_SHIFT: Final = 28  # of an integer's last byte: 35 bits, some of which may add nothing
_FORBIDDEN: Final = STATIC.index((b"transfer-encoding", b""))
# Integers of C when compiled, as an imported name isn't.
_NEWEST: Final = STATIC_ENTRIES + 1
_FIELD: Final = ENTRY_ROOM
_STATIC_FIELDS: Final = STATIC
_REMEMBERED: Final = 4096  # bytes of a block; a larger one isn't kept
_ROOM: Final = 1024  # bytes of a Huffman string for which room is kept


class ReceivedTable(DynamicTable):
    """The client's dynamic table; it knows which of the entries are malformed fields."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.malformed: set[int] = set()  # their numbers

    def gone(self, pair: Pair, number: int) -> None:
        if self.malformed:
            self.malformed.discard(number)


class HpackDecoder:
    """The client's side of a connection's field compression.

    `table` is the SETTINGS_HEADER_TABLE_SIZE that the client is told, in bytes. A list is of at
    most `section` bytes, with 32 more for each field (RFC 9113 §6.5.2), and of at most `fields`
    fields. After `HpackError` the connection has to end.

    After `decode()`, `malformed` says whether a field breaks RFC 9113 §8.2: a name that isn't a
    token in lower case, with a colon before it or none; a value with a control character, or
    with white space around it; a field about the connection, or a TE that says more than
    "trailers".
    """

    def __init__(self, table: int, section: int, fields: int) -> None:
        self.table_limit = table
        self.section_limit = section
        self.field_limit = fields
        self.malformed = False
        # Until the client says otherwise, which it has to where `table` is less.
        self.table = ReceivedTable(DEFAULT_SIZE)
        # The last block, if decoding it again would come to the same.
        self.last_block: bytes | None = None
        self.last: tuple[Pair, ...] = ()
        # Of the block being read.
        self.block = b""
        self.at = 0
        self.end = 0
        self.table_changed = False
        self.faulty = False  # the field being read is malformed
        self.room = bytearray()

    def decode(self, block: bytes) -> tuple[Pair, ...]:
        """Return the field list of a whole field block.

        It is the same object again where the block is, unless the table has changed meanwhile.
        Raises `HpackError`, or `FieldSectionTooLarge` when all is decoded.
        """
        if self.last_block is not None and block == self.last_block:
            return self.last
        self.last_block = None
        self.malformed = self.faulty = False
        self.table_changed = False
        self.at = 0
        self.end = len(block)
        self.block = block
        fields = tuple(self._fields(block))
        if not self.table_changed and self.end <= _REMEMBERED:
            self.last_block = block
            self.last = fields
        return fields

    def _fields(self, block: bytes) -> list[Pair]:
        text = block
        fields: list[Pair] = []
        size = count = 0
        while self.at < self.end:
            first = text[self.at]
            if first & _INDEXED:
                pair = self._entry(self._integer(text, _INDEXED_PREFIX))
            elif first & _INCREMENTAL:
                pair = self._literal(text, _INCREMENTAL_PREFIX)
                self._insert(pair)
            elif first & _SIZE_UPDATE:
                self._resize(text, count)
                continue
            else:
                pair = self._literal(text, _LITERAL_PREFIX)
            if self.faulty:
                self.faulty = False
                self.malformed = True
            name, value = pair
            count += 1
            size += len(name) + len(value) + _FIELD
            if size <= self.section_limit and count <= self.field_limit:
                fields.append(pair)
        self.block = b""
        if size > self.section_limit or count > self.field_limit:
            raise FieldSectionTooLarge(f"{count} fields of {size} bytes")
        return fields

    def _entry(self, index: int) -> Pair:
        """Return the field of an index (RFC 7541 §2.3.3), and note whether it is malformed."""
        if index < _NEWEST:
            if index == 0:
                raise HpackError("index 0")
            if index == _FORBIDDEN:
                self.faulty = True
            return _STATIC_FIELDS[index]
        number = self.table.newest - (index - _NEWEST)
        pair = self.table.entry(number)
        if pair is None:
            raise HpackError("index beyond the tables")
        if self.table.malformed and number in self.table.malformed:
            self.faulty = True
        return pair

    def _literal(self, text: bytes, prefix: int) -> Pair:
        """Read a name, or its index, and a value (RFC 7541 §6.2)."""
        index = self._integer(text, prefix)
        if index:
            name = self._entry(index)[0]
            # What is malformed about the entry may be its value.
            well = not self.faulty or _is_name(name)
        else:
            name = self._string(text)
            well = _is_name(name)
        value = self._string(text)
        self.faulty = not (well and _is_value_of(name, value))
        return name, value

    def _insert(self, pair: Pair) -> None:
        self.table_changed = True
        if self.table.insert(pair) and self.faulty:
            self.table.malformed.add(self.table.newest)

    def _resize(self, text: bytes, count: int) -> None:
        """Take a size update, which may only stand before all fields (RFC 7541 §4.2, §6.3)."""
        if count:
            raise HpackError("size update behind a field")
        size = self._integer(text, _SIZE_PREFIX)
        if size > self.table_limit:
            raise HpackError("size update beyond the limit")
        if size != self.table.most:
            self.table_changed = True
            self.table.resize(size)

    def _integer(self, text: bytes, prefix: int) -> int:
        """Read an integer (RFC 7541 §5.1) that begins in a byte's last bits."""
        value = text[self.at] & prefix
        self.at += 1
        if value < prefix:
            return value
        shift = 0
        while self.at < self.end and shift <= _MOST_SHIFT:
            byte = text[self.at]
            self.at += 1
            value += (byte & 0x7F) << shift
            if byte < 0x80:
                if value > _MOST_INTEGER:
                    break
                return value
            shift += 7
        raise HpackError("integer that doesn't end, or is too large")

    def _string(self, text: bytes) -> bytes:
        """Read a string (RFC 7541 §5.2)."""
        if self.at >= self.end:
            raise HpackError("block that ends within a field")
        is_huffman = text[self.at] & _HUFFMAN
        size = self._integer(text, _LENGTH_PREFIX)
        start = self.at
        if size > self.end - start:
            raise HpackError("string longer than the block")
        self.at = start + size
        if is_huffman:
            return self._expanded(start, size)
        return text[start : start + size]

    def _expanded(self, start: int, size: int) -> bytes:
        most = most_expanded(size)
        if len(self.room) < most:
            self.room = bytearray(most)
        room = self.room
        if most > _ROOM:
            self.room = bytearray()
        count = expand(self.block, start, start + size, room)
        into = room
        return bytes(into[:count])


def _is_name(name: bytes) -> bool:
    return is_lower_name(name) and name not in CONNECTION_SPECIFIC


def _is_value_of(name: bytes, value: bytes) -> bool:
    if len(name) == 2 and name == b"te" and value.lower() != b"trailers":
        return False
    return is_field_value(value)
