"""Encoding HPACK (RFC 7541): from a field list to the field block that stands for it.

What is likely to come again goes into the client's dynamic table, and is an index from then on.
A list that is the last one again is the same block again.
"""

from __future__ import annotations

from typing import Final

from tricorn.wire.hpack_huffman import compress, compressed_size
from tricorn.wire.hpack_table import (
    DEFAULT_SIZE,
    STATIC,
    STATIC_ENTRIES,
    DynamicTable,
    Entry,
    Pair,
    size_of,
)
from tricorn.wire.scan import taken

# How a field representation begins (RFC 7541 §6): bits, and the prefix that is left.
_INDEXED: Final = 0x80
_INDEXED_PREFIX: Final = 0x7F
_INCREMENTAL: Final = 0x40
_INCREMENTAL_PREFIX: Final = 0x3F
_NEVER: Final = 0x10
_PLAIN: Final = 0
_LITERAL_PREFIX: Final = 0x0F
_SIZE_UPDATE: Final = 0x20
_SIZE_PREFIX: Final = 0x1F
_HUFFMAN: Final = 0x80
_LENGTH_PREFIX: Final = 0x7F

_NEWEST: Final = STATIC_ENTRIES + 1
_COOKIE: Final = STATIC.index((b"cookie", b""))
# A shorter cookie might be guessed, byte by byte, from the sizes of blocks (RFC 7541 §7.1.3).
_SHORT_COOKIE: Final = 20
# More than a field's representation takes beside its name and value, and two size updates.
_ROOM: Final = 32
_KEPT_ROOM: Final = 1024  # bytes; what a larger block needed is given back
_NOTED: Final = 32  # fields of a list
_AS_LITERAL: Final = -1000  # no index
_REMEMBERED: Final = 4096  # bytes of a block; a larger one isn't kept

# Values that are another one each time would only drive out those that aren't.
_PASSING: Final = frozenset(
    {
        b":path",
        b"age",
        b"content-length",
        b"etag",
        b"if-modified-since",
        b"if-none-match",
        b"location",
        b"set-cookie",
    }
)
_SECRET: Final = frozenset({b"authorization", b"proxy-authorization"})


def _first_indexes() -> dict[bytes, int]:
    """Return the lowest static index of each name."""
    return {name: index for index, (name, _) in reversed([*enumerate(STATIC)][1:])}


def _known_names() -> dict[bytes, int]:
    """Return of each static name its index, and in the low byte how a literal begins.

    With a bit where the table has values of it.
    """
    forms = dict.fromkeys(_PASSING, _PLAIN) | dict.fromkeys(_SECRET, _NEVER)
    known = {
        name: index << 8 | forms.get(name, _INCREMENTAL) for name, index in _first_indexes().items()
    }
    for name, _ in _FIELDS:
        known[name] |= _HAS_VALUES
    return known


_HAS_VALUES: Final = 0x80
_FORM: Final = 0x7F
# Other static fields have empty values.
_FIELDS: Final = {pair: index for index, pair in enumerate(STATIC) if pair[1]}
_NAMES: Final = _known_names()


class SentTable(DynamicTable):
    """The dynamic table as the client has it, and where to find a field in it."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.numbers: dict[Pair, int] = {}
        self.names: dict[bytes, int] = {}  # of the newest entry with a name

    def add(self, pair: Pair, name: bytes) -> None:
        """Insert an entry that isn't larger than the table."""
        self.insert(Entry(pair))
        self.numbers[pair] = self.newest
        self.names[name] = self.newest

    def gone(self, pair: Pair, number: int) -> None:
        """Forget where an entry was that has gone."""
        if self.numbers.get(pair) == number:
            del self.numbers[pair]
        name = pair[0]
        if self.names.get(name) == number:
            del self.names[name]


class HpackEncoder:
    """The server's side of a connection's field compression.

    `table` is the most bytes that the dynamic table may have, whatever the client allows.
    """

    def __init__(self, table: int = DEFAULT_SIZE) -> None:
        self.table_limit = table
        self.table = SentTable(DEFAULT_SIZE)
        self.smallest = DEFAULT_SIZE  # maximum since the last block, where that isn't `told`
        self.told = True  # the client knows the table's maximum
        # The last list, if encoding it again would come to the same.
        self.last_fields: list[Pair] | None = None
        self.last_block = b""
        # The pairs at the front of it, and what each was sent as: the number of its entry, or
        # the static table's index below zero.
        self.pairs: list[Pair] = []
        self.sent: list[int] = []
        # Of the block being written.
        self.room = bytearray(_ROOM)
        self.at = 0
        self.table_changed = False
        if table < DEFAULT_SIZE:
            self.resize(table)

    def resize(self, size: int) -> None:
        """Take the client's SETTINGS_HEADER_TABLE_SIZE (RFC 7541 §4.2), in bytes."""
        size = min(size, self.table_limit)
        if size == self.table.most:
            return
        self.smallest = size if self.told else min(size, self.smallest)
        self.told = False
        self.table.resize(size)
        self.last_fields = None

    def encode(self, fields: list[Pair]) -> bytes:
        """Return the field block of a list, which must not be changed afterwards.

        Names are in lower case. Where the list is the object that was encoded last, and the
        table as it was, the block is the same too.
        """
        if fields is self.last_fields:
            return self.last_block
        self.last_fields = None
        self.at = 0
        self.table_changed = False
        if not self.told:
            self._tell_size()
        for place, pair in enumerate(fields):
            if place < len(self.pairs) and self.pairs[place] is pair:
                if self._again(self.sent[place]):
                    continue
            self._note(place, pair, self._field(pair))
        block = taken(self.room, self.at)
        if len(self.room) > _KEPT_ROOM:
            self.room = bytearray(_ROOM)
        if not self.table_changed and len(block) <= _REMEMBERED:
            self.last_fields = fields
            self.last_block = block
        return block

    def _tell_size(self) -> None:
        """Say the table's maximum, and before it the least one there was meanwhile."""
        self.told = True
        self.table_changed = True
        if self.smallest < self.table.most:
            self._integer(_SIZE_UPDATE, _SIZE_PREFIX, self.smallest)
        self._integer(_SIZE_UPDATE, _SIZE_PREFIX, self.table.most)

    def _again(self, sent: int) -> bool:
        """Send a pair as it was sent before; False where there is no such index any more."""
        if sent < 0:
            if sent == _AS_LITERAL:
                return False
            index = -sent
        else:
            if sent < self.table.cut + self.table.first:
                return False
            index = self._index_of(sent)
        self._reserve(_ROOM)
        self._integer(_INDEXED, _INDEXED_PREFIX, index)
        return True

    def _note(self, place: int, pair: Pair, sent: int) -> None:
        if place < len(self.pairs):
            self.pairs[place] = pair
            self.sent[place] = sent
        elif place < _NOTED:
            self.pairs.append(pair)
            self.sent.append(sent)

    def _field(self, pair: Pair) -> int:
        """Send a pair in its form; return what `_again` is to be told."""
        name, value = pair
        self._reserve(len(name) + len(value) + _ROOM)
        index = 0
        form = _INCREMENTAL
        known = _NAMES.get(name)
        if known is not None:
            code: int = known
            index = code >> 8
            static = self._static_index(pair, code)
            if static:
                self._integer(_INDEXED, _INDEXED_PREFIX, static)
                return -static
            form = code & _FORM
            if index == _COOKIE and len(value) < _SHORT_COOKIE:
                form = _NEVER
        if form == _INCREMENTAL:
            number = self.table.numbers.get(pair)
            if number is not None:
                self._integer(_INDEXED, _INDEXED_PREFIX, self._index_of(number))
                return number
            if size_of(pair) * 4 > self.table.most * 3:
                # It would drive out most of what is there.
                form = _PLAIN
        if index == 0:
            number = self.table.names.get(name)
            if number is not None:
                index = self._index_of(number)
        self._literal(form, index, name, value)
        if form != _INCREMENTAL:
            return _AS_LITERAL
        self.table.add(pair, name)
        self.table_changed = True
        return self.table.newest

    def _static_index(self, pair: Pair, code: int) -> int:
        """Return the index of a field that the static table has whole, or 0."""
        if code & _HAS_VALUES:
            found = _FIELDS.get(pair)
            return 0 if found is None else found
        value = pair[1]
        return 0 if value else code >> 8

    def _index_of(self, number: int) -> int:
        return _NEWEST + self.table.newest - number

    def _literal(self, form: int, index: int, name: bytes, value: bytes) -> None:
        prefix = _INCREMENTAL_PREFIX if form == _INCREMENTAL else _LITERAL_PREFIX
        self._integer(form, prefix, index)
        if index == 0:
            self._string(name)
        self._string(value)

    def _reserve(self, size: int) -> None:
        """Have room for so many bytes more."""
        missing = self.at + size - len(self.room)
        if missing > 0:
            self.room += bytes(missing + len(self.room))

    def _integer(self, first: int, prefix: int, value: int) -> None:
        """Write an integer (RFC 7541 §5.1) behind the bits of its first byte."""
        into = self.room
        at = self.at
        if value < prefix:
            into[at] = first | value
        else:
            into[at] = first | prefix
            value -= prefix
            at += 1
            while value >= 0x80:
                into[at] = value & 0x7F | 0x80
                value >>= 7
                at += 1
            into[at] = value
        self.at = at + 1

    def _string(self, string: bytes) -> None:
        """Write a string (RFC 7541 §5.2) in whichever form is shorter."""
        size = len(string)
        short = compressed_size(string)
        if short < size:
            self._integer(_HUFFMAN, _LENGTH_PREFIX, short)
            self.at = compress(string, short, self.room, self.at)
            return
        self._integer(0, _LENGTH_PREFIX, size)
        text = string
        into = self.room
        at = self.at
        for place in range(size):
            into[at + place] = text[place]
        self.at = at + size
