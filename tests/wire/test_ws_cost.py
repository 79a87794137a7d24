"""Reading messages costs time linear in the input, and memory bounded by the limits."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterable

import pytest

from tests.wire.cost import KIB, MIB, Input, bytes_held, growth, repeated, traced
from tests.wire.ws_peer import KEY, head, sent
from tricorn.wire.errors import Violation
from tricorn.wire.ws import NEED_DATA, MessageLimits, MessageReader
from tricorn.wire.ws_deflate import DeflateTerms, Inflater
from tricorn.wire.ws_frames import FrameCache

TERMS = DeflateTerms(12, 15, True, True, b"")
WIDE = MessageLimits(message=1 << 40, fragments=1 << 40, controls=1 << 40)
EURO = "€".encode()
NULL = b"\0\0\0\0"  # a key that leaves the payload as it is: quick to write


def compressed(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return (engine.compress(data) + engine.flush(zlib.Z_SYNC_FLUSH))[:-4]


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def framed(opcode: int, payload: bytes, **form: int) -> bytes:
    return head(opcode, len(payload), **form) + NULL + payload


def fragments(unit: bytes, size: int) -> bytes:
    """A message in fragments of `unit`."""
    frame = head(0, len(unit), final=False) + NULL + unit
    return head(1, 0, final=False) + NULL + repeated(frame, size) + sent(0)


LINEAR = [
    Input("one text, byte by byte", lambda n: framed(1, b"a" * n), 8 * KIB, True),
    Input(
        "one text of €, byte by byte", lambda n: framed(1, repeated("€".encode(), n)), 8192, True
    ),
    Input("one text of €", lambda n: framed(1, repeated(EURO, n)), 256 * KIB),
    Input("bytes, byte by byte", lambda n: framed(2, bytes(n)), 8 * KIB, True),
    Input("bytes", lambda n: framed(2, bytes(n)), 128 * KIB),
    Input("empty fragments", lambda n: fragments(b"", n), 16 * KIB),
    Input("fragments of a byte", lambda n: fragments(b"a", n), 16 * KIB),
    Input("fragments of a byte, byte by byte", lambda n: fragments(b"a", n), 8 * KIB, True),
    Input("pings", lambda n: repeated(sent(9, b"x"), n), 16 * KIB),
    Input("pings, byte by byte", lambda n: repeated(sent(9, b"x" * 125), n), 8 * KIB, True),
    Input("empty messages", lambda n: repeated(sent(1), n), 16 * KIB),
    Input("short messages, byte by byte", lambda n: repeated(sent(1, b"a" * 9), n), 8 * KIB, True),
    Input("a bomb", lambda n: framed(2, compressed(bytes(16 * n)), rsv=4), 128 * KIB),
    Input(
        "noise", lambda n: framed(2, compressed(bytes(range(256)) * (n // 256)), rsv=4), 64 * KIB
    ),
    Input("stored blocks", lambda n: framed(2, repeated(b"\0\0\0\xff\xff", n), rsv=4), 64 * KIB),
    Input(
        "stored blocks, byte by byte",
        lambda n: framed(2, repeated(b"\0\0\0\xff\xff", n), rsv=4),
        8 * KIB,
        True,
    ),
]


def drain(pieces: Iterable[bytes], limits: MessageLimits = WIDE) -> MessageReader:
    """Read all that can be read."""
    reader = MessageReader(limits, Inflater(TERMS))
    try:
        for piece in pieces:
            reader.feed(piece)
            while reader.next() != NEED_DATA:
                pass
    except Violation:
        pass
    return reader


class TestTime:
    @pytest.mark.parametrize("kind", LINEAR, ids=str)
    def test_four_times_the_bytes_cost_less_than_six_times_the_time(self, kind: Input) -> None:
        def work(size: int) -> Callable[[], None]:
            pieces = kind.pieces(size)
            return lambda: drain(pieces) and None

        assert growth(work(kind.size), work(4 * kind.size)) < 6


# What a client may send for ever, within a limit of 64 KiB a message.
FLOODS = {
    "empty fragments": head(1, 0, final=False) + NULL + (head(0, 0, final=False) + NULL) * 10_000,
    "fragments of a byte": head(1, 0, final=False)
    + NULL
    + (head(0, 1, final=False) + NULL + b"a") * 10_000,
    "a message of many pieces": head(2, 60_000) + NULL + b"a" * 19_999,
    "a text of many pieces": head(1, 60_000) + NULL + b"a" * 19_999,
    "a bomb": framed(2, compressed(bytes(MIB)), rsv=4)[:-1],
    "empty messages": (head(1, 0) + KEY) * 10_000,
    "pings": (head(9, 125) + KEY + b"x" * 125) * 1000,
}


class TestMemory:
    @pytest.mark.parametrize("flood", FLOODS.values(), ids=list(FLOODS))
    @pytest.mark.parametrize("size", [1, 7, 4096])
    def test_a_message_costs_its_bytes(self, flood: bytes, size: int) -> None:
        limits = MessageLimits(message=64 * KIB, fragments=1 << 40, controls=1 << 40)
        reader = MessageReader(limits, Inflater(TERMS))
        pieces = [flood[at : at + size] for at in range(0, len(flood), size)]
        with traced() as memory:
            for piece in pieces:
                reader.feed(piece)
                try:
                    while reader.next() != NEED_DATA:
                        pass
                except Violation:
                    break
                assert reader.unread() < 150, "what can't be a head is taken at once"
            _, peak = memory()
        # The message, a copy of it while it grows or is handed out, and a step of inflating.
        assert peak < 4 * 64 * KIB

    def test_a_reader_that_is_done_holds_little(self) -> None:
        message = sent(1, b"a" * 1000, final=False) + sent(0, b"b" * 1000) + sent(2, b"c" * 1000)
        assert bytes_held(lambda: drain([message])) < 2 * KIB

    def test_a_head_that_announces_much_costs_nothing(self) -> None:
        reader = MessageReader(MessageLimits())
        with traced() as memory:
            reader.feed(head(2, 16 * MIB) + KEY + b"a")
            assert reader.next() == NEED_DATA
            _, peak = memory()
        assert peak < 4 * KIB

    def test_a_cache_that_forgot_holds_little(self) -> None:
        cache = FrameCache()
        with traced() as memory:
            cache.text("x" * MIB, None)
            cache.forget()
            after, _ = memory()
        assert after < 4 * KIB
