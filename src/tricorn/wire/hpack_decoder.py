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
    ENTRIES,
    ENTRY_ROOM,
    STATIC_ENTRIES,
    DynamicTable,
    Entry,
    Pair,
    size_of,
)
from tricorn.wire.scan import cut, is_field_value, is_lower_name, is_same, taken

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

# An integer may have bytes that add nothing, but no byte behind this shift. What that one adds
# is bounded so that all fits into 31 bits; nothing that an integer says here comes near.
_LAST_SHIFT: Final = 28
_LAST_MOST: Final = 3
# Of C when compiled, as an imported name isn't.
_STATIC_SIZE: Final = STATIC_ENTRIES
_STATIC: Final = ENTRIES
_FIELD: Final = ENTRY_ROOM
_REMEMBERED: Final = 4096  # bytes of a block; a larger one isn't kept
_ROOM: Final = 1024  # bytes of a Huffman string for which room is kept


class HpackDecoder:
    """The client's side of a connection's field compression.

    `table` is the SETTINGS_HEADER_TABLE_SIZE that the client is told, in bytes. A list is of at
    most `section` bytes, with 32 more for each field (RFC 9113 §6.5.2), and of at most `fields`
    fields. After `HpackError` the connection has to end.

    After `decode()`, `repeated` says whether the list is the last one again. `malformed` says
    whether a field breaks RFC 9113 §8.2: a name that isn't a token in lower case, with a colon
    before it or none; a value with a control character, or with white space around it; a field
    about the connection, or a TE that says more than "trailers".
    """

    def __init__(self, table: int, section: int, fields: int) -> None:
        self.table_limit = table
        self.section_limit = section
        self.field_limit = fields
        self.repeated = False
        self.malformed = False
        # Until the client says otherwise, which it has to where `table` is less.
        self.table = DynamicTable(DEFAULT_SIZE)
        # The last block, if decoding it again would come to the same.
        self.last_block: bytes | None = None
        self.last: tuple[Pair, ...] = ()
        self.listed: list[Pair] = []  # the same as a list
        self.last_size = 0
        # Its first literal, and the bytes around that.
        self.literal_at = -1
        self.literal_size = 0
        self.before = b""
        self.behind = b""
        # Of the block being read.
        self.block = b""
        self.at = 0
        self.end = 0
        self.size = 0
        self.literal_start = 0  # of the first literal
        self.literal_end = 0
        self.table_changed = False
        self.faulty = False  # the literal read last is malformed
        self.room = bytearray()

    def decode(self, block: bytes) -> tuple[Pair, ...]:
        """Return the field list of a whole field block.

        Raises `HpackError`, or `FieldSectionTooLarge` when all is decoded.
        """
        if self.last_block is not None:
            self.repeated = block == self.last_block
            if self.repeated:
                return self.last
            if self.literal_at >= 0 and self._differs_in_literal(block):
                return self.last
        self.last_block = None
        self.repeated = False
        self.malformed = False
        self.table_changed = False
        self._begin(block)
        self.literal_at = -1
        listed = self._fields(block)
        fields = tuple(listed)
        if not self.table_changed and self.end <= _REMEMBERED:
            self._remember(block, fields, listed)
        self.block = b""
        return fields

    def _begin(self, block: bytes) -> None:
        self.block = block
        self.at = 0
        self.end = len(block)

    def _remember(self, block: bytes, fields: tuple[Pair, ...], listed: list[Pair]) -> None:
        self.last_block = block
        self.listed = listed
        self.last = fields
        self.last_size = self.size
        if self.malformed:
            self.literal_at = -1
        elif self.literal_at >= 0:
            self.before = cut(block, 0, self.literal_start)
            self.behind = cut(block, self.literal_end, len(block))

    def _differs_in_literal(self, block: bytes) -> bool:
        """Whether a block is the last one but for the first literal; `last` is its list then.

        So a client's requests are that differ in their paths alone. What stands before the
        literal leads to where the last block's led, and what stands behind it stays as it was,
        since a literal that isn't indexed changes nothing.
        """
        start = len(self.before)
        end = len(block) - len(self.behind)
        if start >= end or not is_same(block, 0, start, self.before):
            return False
        if not is_same(block, end, len(block), self.behind):
            return False
        text = block
        if text[start] >= _SIZE_UPDATE:
            return False
        self._begin(block)
        self.at = start
        # This fails where decoding the whole block would.
        pair = self._literal(text, _LITERAL_PREFIX)
        name, value = pair
        literal_size = len(name) + len(value)
        size = self.last_size + literal_size - self.literal_size
        if self.at != end or self.faulty or size > self.section_limit:
            return False
        self.listed[self.literal_at] = pair
        self.last = tuple(self.listed)
        self.last_size = size
        self.literal_size = literal_size
        self.last_block = block
        self.block = b""
        return True

    def _fields(self, block: bytes) -> list[Pair]:
        text = block
        fields: list[Pair] = []
        size = count = 0
        while self.at < self.end:
            first = text[self.at]
            if first >= _INDEXED:
                index = first & _INDEXED_PREFIX
                if index < _INDEXED_PREFIX:
                    self.at += 1
                else:
                    index = self._integer(text, _INDEXED_PREFIX)
                entry = self._entry(index)
            elif first & _INCREMENTAL:
                entry = self._new_entry(text)
            elif first & _SIZE_UPDATE:
                self._resize(text, count)
                continue
            else:
                entry = self._passing(text, count)
            count += 1
            size += entry.size
            if entry.malformed:
                self.malformed = True
            if size <= self.section_limit and count <= self.field_limit:
                fields.append(entry.pair)
        self.size = size
        if size > self.section_limit or count > self.field_limit:
            self.block = b""
            raise FieldSectionTooLarge(f"{count} fields of {size} bytes")
        return fields

    def _entry(self, index: int) -> Entry:
        """Return the field of an index (RFC 7541 §2.3.3): of the dynamic table the newest first."""
        if index <= _STATIC_SIZE:
            if index == 0:
                raise HpackError("index 0")
            return _STATIC[index]
        entries = self.table.entries
        age = index - _STATIC_SIZE
        size = len(entries)
        if age > size - self.table.first:
            raise HpackError("index beyond the tables")
        entry: Entry = entries[size - age]
        return entry

    def _new_entry(self, text: bytes) -> Entry:
        """Read a literal that is indexed (RFC 7541 §6.2.1)."""
        pair = self._literal(text, _INCREMENTAL_PREFIX)
        entry = Entry(pair, self.faulty)
        self.table.insert(entry)
        self.table_changed = True
        return entry

    def _passing(self, text: bytes, count: int) -> Entry:
        """Read a literal that isn't indexed (RFC 7541 §6.2.2, §6.2.3)."""
        start = self.at
        pair = self._literal(text, _LITERAL_PREFIX)
        if self.literal_at < 0:
            self.literal_at = count
            self.literal_start = start
            self.literal_end = self.at
            self.literal_size = size_of(pair) - _FIELD
        return Entry(pair, self.faulty)

    def _literal(self, text: bytes, prefix: int) -> Pair:
        """Read a name, or its index, and a value, and note in `faulty` if it is malformed."""
        index = self._integer(text, prefix)
        if index:
            entry = self._entry(index)
            name = entry.pair[0]
            # What is malformed about the entry may be its value.
            well = not entry.malformed or _is_name(name)
        else:
            name = self._string(text)
            well = _is_name(name)
        value = self._string(text)
        self.faulty = not (well and _is_value_of(name, value))
        return name, value

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
        while self.at < self.end:
            byte = text[self.at]
            self.at += 1
            if shift == _LAST_SHIFT and byte > _LAST_MOST:
                break
            value += (byte & 0x7F) << shift
            if byte < 0x80:
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
        return taken(room, count)


def _is_name(name: bytes) -> bool:
    return is_lower_name(name) and name not in CONNECTION_SPECIFIC


def _is_value_of(name: bytes, value: bytes) -> bool:
    if len(name) == 2 and name == b"te" and value.lower() != b"trailers":
        return False
    return is_field_value(value)
