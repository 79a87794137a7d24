"""Decoding and encoding cost time linear in the bytes, whatever a client or an app sends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hpack import Encoder, NeverIndexedHeaderTuple

from tests.support.h2_frames import integer, literal, string
from tests.wire.cost import KIB, growth
from tricorn.wire.errors import FieldSectionTooLarge, HpackError
from tricorn.wire.hpack_decoder import HpackDecoder
from tricorn.wire.hpack_encoder import HpackEncoder


def huffman(value: bytes) -> bytes:
    return Encoder().encode([NeverIndexedHeaderTuple(b"a", value)])


def entry(value: bytes) -> bytes:
    return b"\x40\x01a" + string(value)


BLOCKS: dict[str, Callable[[int], bytes]] = {
    "indexes": lambda size: b"\x82" * size,
    "indexes of a large entry": lambda size: entry(b"b" * 4000) + b"\xbe" * size,
    "entries that come and go": lambda size: entry(b"") * (size // 4),
    "entries larger than the table": lambda size: entry(b"b" * 5000) * (size // 4096),
    "one entry that drives out all": lambda size: (
        (entry(b"") * 99 + entry(b"b" * 4000)) * (size // 4096)
    ),
    "size updates": lambda size: b"\x20\x3f\xe1\x1f" * (size // 4),
    "literals": lambda size: literal(b"a", b"") * (size // 4),
    "a long value": lambda size: literal(b"a", b"b" * size),
    "a long name": lambda size: literal(b"a" * size, b""),
    "malformed entries": lambda size: b"\x40\x01A\x00" * (size // 4),
    "a long value of short codes": lambda size: huffman(b"a" * size),
    "a long value of long codes": lambda size: huffman(b"\n\r\x16\xf9" * (size // 16)),
    "a code that never ends": lambda size: b"\x00\x01a" + integer(size, 7, 0x80) + b"\xff" * size,
    "an integer that never ends": lambda size: b"\xff" + b"\x80" * size,
}
SIZE = 8 * KIB


def decode_all(blocks: list[bytes]) -> None:
    decoder = HpackDecoder(4096, 1 << 24, 1 << 20)
    for block in blocks:
        try:
            decoder.decode(block)
        except (HpackError, FieldSectionTooLarge):
            pass


@pytest.mark.parametrize("write", BLOCKS.values(), ids=list(BLOCKS))
def test_four_times_the_block_costs_less_than_six_times_the_time(
    write: Callable[[int], bytes],
) -> None:
    small, large = write(SIZE), write(4 * SIZE)
    assert growth(lambda: decode_all([small]), lambda: decode_all([large])) < 6


LISTS: dict[str, Callable[[int], list[tuple[bytes, bytes]]]] = {
    "passing fields": lambda size: [(b"etag", b"1")] * (size // 8),
    "entries that come and go": lambda size: [
        (b"a", b"%d" % number) for number in range(size // 8)
    ],
    "names that come and go": lambda size: [(b"%d" % number, b"") for number in range(size // 8)],
    "a long value of short codes": lambda size: [(b"etag", b"a" * size)],
    "a long value of long codes": lambda size: [(b"etag", b"\xff" * size)],
    "a long name": lambda size: [(b"a" * size, b"")],
}


@pytest.mark.parametrize("write", LISTS.values(), ids=list(LISTS))
def test_four_times_the_list_costs_less_than_six_times_the_time(
    write: Callable[[int], list[tuple[bytes, bytes]]],
) -> None:
    small, large = write(SIZE), write(4 * SIZE)
    assert growth(lambda: encode(small), lambda: encode(large)) < 6


def encode(fields: list[tuple[bytes, bytes]]) -> None:
    HpackEncoder().encode(fields)
