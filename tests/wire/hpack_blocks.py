"""Field blocks that a client could send, good and wild, made from a fuzzer's choices."""

from __future__ import annotations

from hpack import Encoder, HeaderTuple, NeverIndexedHeaderTuple

from tests.fuzz.choices import Choices
from tests.support.h2_frames import integer, string

NAMES = [b"a", b":path", b"x-name", b"A", b"te", b"", b"connection", b"x" * 60]
VALUES = [b"", b"1", b"/", b" a", b"trailers", b"y" * 130, b"\0", b"z" * 3000]
SIZES = [4096, 0, 33, 34, 100, 4097, 1000]
WILD = [
    *(b"\x80", b"\xff", b"\xff\xff\xff\xff\xff\x0f", b"\xff\x80\x00", b"\x00\x81\xff\x01a"),
    *(b"\x00\x7f", b"\x00\x84\xff\xff\xff\xff\x00", b"\x40", b"\x0f", b"\x7f\x9f\x80\x00\x00"),
]


class BlockWriter:
    """A client's encoder, which now and then writes what no encoder would."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.encoder = Encoder()

    def block(self) -> bytes:
        """The next block."""
        choices = self.choices
        if choices.below(4) == 3:
            self.encoder.header_table_size = SIZES[choices.below(5)]
        if choices.flag():
            kinds = (HeaderTuple, NeverIndexedHeaderTuple)
            fields = [kinds[choices.below(2)](*self.field()) for _ in range(choices.below(6))]
            return self.encoder.encode(fields, huffman=choices.flag())
        return b"".join(self.piece() for _ in range(choices.below(6)))

    def field(self) -> tuple[bytes, bytes]:
        """A name and a value, of the lists or any."""
        choices = self.choices
        name = choices.text() if choices.below(8) == 7 else NAMES[choices.below(len(NAMES))]
        value = choices.text() if choices.below(4) == 3 else VALUES[choices.below(len(VALUES))]
        return name, value

    def piece(self) -> bytes:
        """One field representation or a size update, or what looks like the beginning of one."""
        choices = self.choices
        kind = choices.below(8)
        if kind < 2:
            return integer(choices.below(80), 7, 0x80)
        if kind == 2:
            return integer(SIZES[choices.below(len(SIZES))], 5, 0x20)
        if kind == 3:
            return WILD[choices.below(len(WILD))]
        if kind == 4:
            return choices.text()
        first, prefix = ((0x40, 6), (0x00, 4), (0x10, 4))[kind - 5]
        index = choices.below(70)
        name, value = self.field()
        return integer(index, prefix, first) + (b"" if index else string(name)) + string(value)
