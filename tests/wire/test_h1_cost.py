"""Reading costs time linear in the input, and memory bounded by the limits, whatever is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from tests.wire.cost import KIB, MIB, Input, bytes_held, cpu_seconds, growth, repeated, traced
from tests.wire.reading import bytewise
from tricorn.wire.errors import Refusal
from tricorn.wire.h1 import DATA, END, NEED_DATA, HeadLimits, RequestReader

PIECE = 64 * KIB
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
ONE_CHUNK = "Transfer-Encoding: chunked\r\n\r\n6400000\r\n"
# Limits out of the way, so that the reader's own cost shows.
WIDE = HeadLimits(request_line=MIB, field_section=MIB, fields=MIB)


LINEAR = [
    Input("a long target, byte by byte", lambda n: b"GET /" + b"a" * n, 8 * KIB, True),
    Input("a long field value, byte by byte", lambda n: HEAD + b"X: " + b"a" * n, 8 * KIB, True),
    Input("many fields, byte by byte", lambda n: HEAD + repeated(b"X: y\r\n", n), 8 * KIB, True),
    Input("a long field value", lambda n: HEAD + b"X: " + b"a" * n + b"\r\n\r\n", 16 * KIB),
    Input("many fields", lambda n: HEAD + repeated(b"X: y\r\n", n) + b"\r\n", 16 * KIB),
    Input("colons", lambda n: HEAD + b"X: " + b":" * n + b"\r\n\r\n", 16 * KIB),
    Input("white space in a value", lambda n: HEAD + b"X: a" + b" " * n + b"b\r\n\r\n", 16 * KIB),
    Input(
        "commas in Connection", lambda n: HEAD + b"Connection: " + b"," * n + b"\r\n\r\n", 16 * KIB
    ),
    Input(
        "a hundred long Connection lines",
        lambda n: HEAD + (b"Connection: " + b"x" * (n // 100) + b"\r\n") * 100 + b"\r\n",
        16 * KIB,
    ),
    Input("a long path of escapes", lambda n: b"GET /" + repeated(b"%ff", n), 16 * KIB),
    Input(
        "a long path of broken escapes",
        lambda n: b"GET /" + b"%" * n + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        16 * KIB,
    ),
    Input("a long Host", lambda n: b"GET / HTTP/1.1\r\nHost: " + b"a" * n + b"\r\n\r\n", 16 * KIB),
    Input(
        "a long Host of escapes",
        lambda n: b"GET / HTTP/1.1\r\nHost: " + repeated(b"%41", n) + b"!@\r\n\r\n",
        16 * KIB,
    ),
    Input(
        "content, byte by byte",
        lambda n: b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + b"x" * n,
        8 * KIB,
        True,
    ),
    Input("one chunk, byte by byte", lambda n: CHUNKED + b"fffffff\r\n" + b"x" * n, 8 * KIB, True),
    Input("one-byte chunks", lambda n: CHUNKED + repeated(b"1\r\nx\r\n", n), 16 * KIB),
    Input(
        "one-byte chunks, byte by byte",
        lambda n: CHUNKED + repeated(b"1\r\nx\r\n", n),
        8 * KIB,
        True,
    ),
    Input(
        "a trailer section, byte by byte",
        lambda n: CHUNKED + b"0\r\n" + repeated(b"X: 23456\r\n", n),
        2000,
        True,
    ),
    Input("a trailer field, byte by byte", lambda n: CHUNKED + b"0\r\nX: " + b"y" * n, 2000, True),
    Input("pipelined requests", lambda n: repeated(HEAD + b"\r\n", n), 16 * KIB),
    Input("pipelined requests, byte by byte", lambda n: repeated(HEAD + b"\r\n", n), 8 * KIB, True),
    Input(
        "pipelined requests behind empty lines",
        lambda n: repeated(b"\r\n" + HEAD + b"\r\n", n),
        16 * KIB,
    ),
    Input(
        "pipelined chunked requests",
        lambda n: repeated(CHUNKED + b"1\r\nx\r\n0\r\nX: y\r\n\r\n", n),
        16 * KIB,
    ),
]


class TestTime:
    @pytest.mark.parametrize("kind", LINEAR, ids=str)
    def test_four_times_the_bytes_cost_less_than_six_times_the_time(self, kind: Input) -> None:
        def work(size: int) -> Callable[[], None]:
            pieces = kind.pieces(size)

            def run() -> None:
                for _ in range(4):  # enough to be measured
                    drain(pieces, WIDE)

            return run

        assert growth(work(kind.size), work(4 * kind.size)) < 6

    def test_the_measure_finds_quadratic_cost(self) -> None:
        def work(size: int) -> Callable[[], None]:
            def run() -> None:
                text = b""
                for _ in range(size):
                    text = b"".join((text, b"0123456789"))

            return run

        assert growth(work(1500), work(6000)) > 6


def drain(pieces: Iterable[bytes], limits: HeadLimits) -> None:
    """Read all that can be read, and go on to the next request at each end."""
    reader = RequestReader(limits)
    try:
        for piece in pieces:
            reader.feed(piece)
            while (code := reader.next()) != NEED_DATA:
                if code == END:
                    reader.start_next()
    except Refusal:
        pass


# A start, and what follows it for 100 MiB.
FLOODS = {
    "a method": (b"", b"A"),
    "a target": (b"GET /", b"a"),
    "a query": (b"GET /?", b"a=b&"),
    "an escaped path": (b"GET /", b"%41"),
    "an authority": (b"GET http://", b"a"),
    "a version": (b"GET / HTTP/1.1", b"1"),
    "empty lines": (b"", b"\r\n"),
    "spaces before a request": (b"", b" "),
    "zero bytes": (b"", b"\x00"),
    "a field name": (HEAD, b"x"),
    "a field value": (HEAD + b"X: ", b"y"),
    "white space of a field": (HEAD + b"X:", b" "),
    "obs-text": (HEAD + b"X: ", b"\xff"),
    "Host": (b"GET / HTTP/1.1\r\nHost: ", b"a"),
    "Content-Length": (HEAD + b"Content-Length: ", b"1"),
    "Transfer-Encoding": (HEAD + b"Transfer-Encoding: ", b"chunked, "),
    "Connection": (HEAD + b"Connection: ", b"close, "),
    "short fields": (HEAD, b"X: y\r\n"),
    "fields without a colon": (HEAD, b"X\r\n"),
    "fields without a name": (HEAD, b":\r\n"),
    "folded lines": (HEAD + b"X: y\r\n", b" z\r\n"),
    "a chunk size": (CHUNKED, b"0"),
    "a chunk extension": (CHUNKED + b"1;", b"a"),
    "chunk extensions": (CHUNKED + b"1", b";a=b"),
    "a quoted chunk extension": (CHUNKED + b'1;a="', b'\\"'),
    "chunks with extensions": (CHUNKED, b"1;" + b"a" * 200 + b"\r\nx\r\n"),
    "a trailer name": (CHUNKED + b"0\r\n", b"x"),
    "a trailer value": (CHUNKED + b"0\r\nX: ", b"y"),
    "short trailers": (CHUNKED + b"0\r\n", b"X: y\r\n"),
}
flooded = pytest.mark.parametrize(("start", "unit"), FLOODS.values(), ids=list(FLOODS))


class TestFloods:
    @flooded
    def test_100_mib_cost_under_1_mib_and_a_fifth_of_a_second(
        self, start: bytes, unit: bytes
    ) -> None:
        flood = repeated(unit, PIECE)
        with traced() as memory:
            before, _ = memory()
            self.pour(start, flood)
            _, peak = memory()
        assert peak - before < MIB
        tries = (cpu_seconds(lambda: self.pour(start, flood)) for _ in range(5))
        assert any(seconds < 0.2 for seconds in tries)

    @flooded
    def test_the_refusal_comes_when_the_limit_is_passed(self, start: bytes, unit: bytes) -> None:
        reader = RequestReader(HeadLimits())
        reader.feed(start)
        fed = len(start)
        small = repeated(unit, KIB)
        with pytest.raises(Refusal):
            while fed < 100 * KIB:
                while reader.next() != NEED_DATA:
                    pass
                reader.feed(small)
                fed += len(small)
        assert fed <= 8192 + 65536 + 4 * KIB

    @flooded
    def test_byte_by_byte_it_costs_no_more_memory(self, start: bytes, unit: bytes) -> None:
        reader = RequestReader(HeadLimits())
        most = 0
        with pytest.raises(Refusal):
            for piece in bytewise(start + repeated(unit, 100 * KIB)):
                reader.feed(piece)
                while reader.next() != NEED_DATA:
                    pass
                most = max(most, reader.buffered)
        assert most <= 8192 + 65536 + 8

    def pour(self, start: bytes, flood: bytes) -> None:
        """Feed 100 MiB, deaf to the refusal."""
        reader = RequestReader(HeadLimits())
        reader.feed(start)
        for _ in range(100 * MIB // len(flood)):
            reader.feed(flood)
            try:
                while reader.next() != NEED_DATA:
                    pass
            except Refusal:
                assert reader.buffered < MIB, "a refused reader keeps what it is fed"


class TestMemory:
    @pytest.mark.parametrize("framing", ["Content-Length: 104857600\r\n\r\n", ONE_CHUNK])
    def test_content_passes_through(self, framing: str) -> None:
        reader = RequestReader(HeadLimits())
        reader.feed(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing.encode())
        piece = b"x" * PIECE
        read = 0
        for _ in range(100 * MIB // PIECE):
            reader.feed(piece)
            while (code := reader.next()) != NEED_DATA:
                read += len(reader.data) if code == DATA else 0
            assert reader.buffered == 0
        assert read == 100 * MIB

    def test_a_reader_that_is_done_holds_little(self) -> None:
        assert bytes_held(self.used_reader) < 4 * KIB

    def used_reader(self) -> RequestReader:
        reader = RequestReader(HeadLimits())
        drained = HEAD + b"\r\n"
        reader.feed(drained)
        while (code := reader.next()) != NEED_DATA:
            if code == END:
                reader.start_next()
        return reader
