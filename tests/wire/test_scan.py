"""The leaf that exists twice: one test class for both, and a differential test between them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.speeds import versions
from tests.wire.grammar import TROUBLE, patient
from tricorn.wire import fields as names
from tricorn.wire import scan as imported
from tricorn.wire.errors import Refusal, ResponseError

VERSIONS = versions(imported)
INTERPRETED = VERSIONS["interpreted"]
FUNCTIONS = [
    "scan_request_line",
    "scan_fields",
    "find_head_end",
    "find_line_end",
    "find_byte",
    "is_same",
    "cut",
    "taken",
    "has_isolated_line_end",
    "joined",
    "encode_chunks",
    "encode_fields",
    "list_fields",
    "are_same_fields",
    "is_lower_name",
    "is_field_value",
]


@pytest.fixture(params=list(VERSIONS.values()), ids=list(VERSIONS))
def scan(request: pytest.FixtureRequest) -> ModuleType:
    """Each version that there is."""
    module: ModuleType = request.param
    return module


def scanned(
    scan: ModuleType, lines: bytes, most: int = 100
) -> tuple[int, list[tuple[bytes, bytes]], list[bytes | None]]:
    """Flags, fields and special values of a field section that stands between other bytes."""
    fields: list[tuple[bytes, bytes]] = []
    special: list[bytes | None] = [None] * names.SPECIALS
    data = b"xx" + lines + b"\r\nyy"
    flags = scan.scan_fields(data, 2, 2 + len(lines), fields, special, most)
    return flags, fields, special


class TestScan:
    def test_it_has_every_function(self, scan: ModuleType) -> None:
        for name in FUNCTIONS:
            assert callable(getattr(scan, name))

    # The request line

    def test_a_request_line_inside_other_bytes(self, scan: ModuleType) -> None:
        data = b"xxGET /a?b HTTP/1.1\r\nHost: a"
        assert scan.scan_request_line(data, 2, 19) == ("GET", b"/a?b", 11)

    def test_common_methods_are_shared_strings(self, scan: ModuleType) -> None:
        first = scan.scan_request_line(b"POST / HTTP/1.0", 0, 15)
        second = scan.scan_request_line(b"POST / HTTP/1.0", 0, 15)
        assert first[0] is second[0]
        assert first == ("POST", b"/", 10)

    def test_any_digits_are_a_version(self, scan: ModuleType) -> None:
        for text, number in ((b"0.9", 9), (b"1.2", 12), (b"2.0", 20), (b"9.9", 99)):
            line = b"x / HTTP/" + text
            assert scan.scan_request_line(line, 0, len(line)) == ("x", b"/", number)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"", "request line"),
            (b"GET", "request line"),
            (b"GET /", "request line"),
            (b"GET  / HTTP/1.1", "request line"),
            (b"GET / HTTP/1.1 ", "request line"),
            (b"G(T / HTTP/1.1", "method"),
            (b" / HTTP/1.1", "method"),
            (b"G\xc3T / HTTP/1.1", "method"),
            (b"GET  HTTP/1.1", "target"),
            (b"GET /\x00 HTTP/1.1", "target"),
            (b"GET /# HTTP/1.1", "target"),
            (b"GET /\x7f HTTP/1.1", "target"),
            (b"GET /\xff HTTP/1.1", "target"),
            (b"GET / HTTP/1.1\r", "version"),
            (b"GET / HTTP/11", "version"),
            (b"GET / http/1.1", "version"),
            (b"GET / HTTP/1.10", "version"),
            (b"GET / HTTP/1.\xb9", "version"),
            (b"GET / HTTP/1.", "version"),
        ],
    )
    def test_what_is_no_request_line(self, scan: ModuleType, line: bytes, reason: str) -> None:
        with pytest.raises(Refusal, match=reason) as caught:
            scan.scan_request_line(b"x" + line + b"y", 1, 1 + len(line))
        assert caught.value.status == 400

    # Field lines

    def test_no_fields(self, scan: ModuleType) -> None:
        assert scanned(scan, b"") == (0, [], [None] * names.SPECIALS)

    def test_fields_in_order_with_names_in_lower_case(self, scan: ModuleType) -> None:
        lines = b"Accept: a\r\nX-Y:\t b \t\r\nACCEPT:\r\n"
        _, fields, _ = scanned(scan, lines)
        assert fields == [(b"accept", b"a"), (b"x-y", b"b"), (b"accept", b"")]

    def test_common_names_are_shared_bytes(self, scan: ModuleType) -> None:
        for spelt in (b"accept-language", b"Accept-Language"):
            _, fields, _ = scanned(scan, spelt + b": a\r\n" + spelt + b": b\r\n")
            assert fields[0][0] is fields[1][0]

    def test_a_name_longer_than_any_table(self, scan: ModuleType) -> None:
        for size in (63, 64, 65, 300):
            _, fields, _ = scanned(scan, b"X" * size + b": v\r\n")
            assert fields == [(b"x" * size, b"v")]

    @pytest.mark.parametrize(("name", "place"), list(names.SPECIAL_FIELDS.items()))
    def test_special_fields_are_put_in_their_places(
        self, scan: ModuleType, name: bytes, place: int
    ) -> None:
        flags, _, special = scanned(scan, name.upper() + b": v \r\n")
        assert flags == 1 << place
        assert special[place] == b"v"
        flags, _, special = scanned(scan, name + b": v\r\nX: y\r\n" + name.title() + b": w\r\n")
        assert flags == 1 << place | 1 << place + names.REPEATED
        assert special[place] == b"v,w"

    @pytest.mark.parametrize("byte", [*range(9), *range(10, 32), 127])
    def test_no_control_byte_in_a_value(self, scan: ModuleType, byte: int) -> None:
        for value in (b"%c", b"%cv", b"v%c", b"vvvvvvvvvvvvvvvvvvv%cvvvvvvvvvvvvvvvvvvvvvvvvvvv"):
            with pytest.raises(Refusal, match="control character"):
                scanned(scan, b"X:" + value % byte + b"\r\n")

    def test_every_other_byte_in_a_value(self, scan: ModuleType) -> None:
        for byte in [9, *range(32, 127), *range(128, 256)]:
            _, fields, _ = scanned(scan, b"X: a%cb\r\n" % byte)
            assert fields == [(b"x", b"a%cb" % byte)]

    def test_every_byte_in_a_name(self, scan: ModuleType) -> None:
        for byte in range(256):
            line = b"X%cY: v\r\n" % byte
            if byte in names.TOKEN_BYTES:
                assert scanned(scan, line)[1] == [((b"X%cY" % byte).lower(), b"v")]
            elif byte == ord(":"):
                assert scanned(scan, line)[1] == [(b"x", b"Y: v")]
            else:
                with pytest.raises(Refusal, match="field"):
                    scanned(scan, line)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b" X: v", "folding"),
            (b"\tX: v", "folding"),
            (b"X", "colon"),
            (b"", "colon"),
            (b": v", "empty field name"),
            (b"X : v", "before the colon"),
            (b"X\t: v", "before the colon"),
            (b"X\x00: v", "field name"),
        ],
    )
    def test_what_is_no_field_line(self, scan: ModuleType, line: bytes, reason: str) -> None:
        for lines in (line + b"\r\n", b"A: b\r\n" + line + b"\r\n"):
            with pytest.raises(Refusal, match=reason) as caught:
                scanned(scan, lines)
            assert caught.value.status == 400

    def test_more_lines_than_may_be(self, scan: ModuleType) -> None:
        assert len(scanned(scan, b"A: b\r\n" * 3, most=3)[1]) == 3
        with pytest.raises(Refusal) as caught:
            scanned(scan, b"A: b\r\n" * 4, most=3)
        assert caught.value.status == 431

    # Line ends

    @pytest.mark.parametrize("kind", [bytes, bytearray])
    def test_the_end_of_a_head(self, scan: ModuleType, kind: Callable[[bytes], Any]) -> None:
        data = kind(b"a\r\n\r\nb\r\n\r\n")
        assert [scan.find_head_end(data, start) for start in (0, 1, 2, 6, 7)] == [5, 5, 10, 10, -1]
        for nothing in (b"", b"\r\n\r", b"\r\n\n\r\n", b"\r\r\n\n", b"\n\n", b"a\r\nb\r\nc"):
            assert scan.find_head_end(kind(nothing), 0) == -1

    @pytest.mark.parametrize("kind", [bytes, bytearray])
    def test_the_end_of_a_line(self, scan: ModuleType, kind: Callable[[bytes], Any]) -> None:
        data = kind(b"a\rb\r\r\n\r\n")
        assert [scan.find_line_end(data, start) for start in (0, 4, 5, 6, 7)] == [4, 4, 6, 6, -1]
        for nothing in (b"", b"\r", b"\n", b"\n\r", b"a\r"):
            assert scan.find_line_end(kind(nothing), 0) == -1

    @pytest.mark.parametrize("kind", [bytes, bytearray])
    def test_an_isolated_line_end(self, scan: ModuleType, kind: Callable[[bytes], Any]) -> None:
        for good in (b"", b"a", b"\r\n", b"a\r\nb\r\n\r\n", b"a\r", b"\r"):
            assert not scan.has_isolated_line_end(kind(good), 0)
        for bad in (b"\n", b"a\n", b"\r\n\n", b"\ra", b"\r\r\n", b"a\rb", b"\r\r"):
            assert scan.has_isolated_line_end(kind(bad), 0)

    def test_a_line_end_is_seen_across_the_start(self, scan: ModuleType) -> None:
        assert not scan.has_isolated_line_end(b"a\r\nb", 2)
        assert scan.has_isolated_line_end(b"a\n\nb", 2)
        assert not scan.has_isolated_line_end(b"a\nb", 2)

    def test_bytes_are_found_and_compared(self, scan: ModuleType) -> None:
        assert scan.find_byte(b"a?b?", 63) == 1
        assert scan.find_byte(b"ab", 63) == -1
        assert scan.find_byte(b"", 63) == -1
        assert scan.is_same(b"xabcx", 1, 4, b"abc")
        assert not scan.is_same(b"xabcx", 1, 4, b"abd")
        assert not scan.is_same(b"xabcx", 1, 4, b"abcx")
        assert not scan.is_same(b"xabcx", 1, 4, b"ab")
        assert scan.is_same(b"x", 1, 1, b"")

    def test_cut(self, scan: ModuleType) -> None:
        assert scan.cut(b"xabcx", 1, 4) == b"abc"
        assert scan.cut(b"xabcx", 0, 5) == b"xabcx"
        assert scan.cut(b"x", 1, 1) == b""
        for start, end in ((-1, 1), (0, 2), (1, 0)):
            with pytest.raises(IndexError):
                scan.cut(b"x", start, end)

    def test_the_front_of_a_buffer(self, scan: ModuleType) -> None:
        room = bytearray(b"abc")
        assert [scan.taken(room, size) for size in range(4)] == [b"", b"a", b"ab", b"abc"]
        assert type(scan.taken(room, 3)) is bytes
        for size in (-1, 4):
            with pytest.raises(IndexError):
                scan.taken(room, size)

    def test_parts_are_joined(self, scan: ModuleType) -> None:
        assert scan.joined(b"a", b"", b"bc", b"d", b"\x00e") == b"abcd\x00e"
        assert scan.joined(b"", b"", b"", b"", b"") == b""

    def test_names_of_http2(self, scan: ModuleType) -> None:
        for name in (b"", b":", b"::a", b"a:", b"A", b"aB", b":Path", b"a b", b"a\n", b"\na"):
            assert not scan.is_lower_name(name), name
        for name in (b"a", b":path", b"x-y", b"x" * 300):
            assert scan.is_lower_name(name), name
        for byte in range(256):
            lower = byte in names.TOKEN_BYTES.lower()
            assert scan.is_lower_name(b"a" + bytes([byte])) == lower
            assert scan.is_lower_name(b":" + bytes([byte])) == lower

    def test_values_of_http2(self, scan: ModuleType) -> None:
        for value in (b" ", b"\t", b" a", b"a ", b"\ta", b"a\t", b"a\n", b"\na"):
            assert not scan.is_field_value(value), value
        for value in (b"", b"a", b"a\t b", b"\xa0", b"x" * 300):
            assert scan.is_field_value(value), value
        for byte in range(256):
            control = (byte < 32 and byte != 9) or byte == 127
            assert scan.is_field_value(b"a" + bytes([byte]) + b"a" * 40) == (not control)

    def test_fields_are_compared(self, scan: ModuleType) -> None:
        fields = [(b"a", b"1"), (b"b", b"2")]
        assert scan.are_same_fields(fields, [(b"a", b"1"), (b"b", b"2")], -1)
        assert scan.are_same_fields(tuple(fields), fields, -1)
        assert scan.are_same_fields([], (), -1)
        assert not scan.are_same_fields(fields, fields[:1], -1)
        assert not scan.are_same_fields(fields, [(b"a", b"1"), (b"b", b"22")], -1)
        assert not scan.are_same_fields(fields, [(b"a", b"1"), (b"c", b"2")], 1)
        # But for the value of one.
        assert scan.are_same_fields(fields, [(b"a", b"1"), (b"b", b"3")], 1)
        assert not scan.are_same_fields(fields, [(b"a", b"1"), (b"b", b"3")], 0)

    def test_only_pairs_of_bytes_are_compared(self, scan: ModuleType) -> None:
        class Pair(tuple[bytes, bytes]):
            pass

        whole = (b"a", b"1")
        for pair in (
            [b"a", b"1"],
            Pair(whole),
            (bytearray(b"a"), b"1"),
            (b"a", bytearray(b"1")),
            (b"a", b"1", b""),
            (b"a",),
            b"a1",
        ):
            assert not scan.are_same_fields([pair], [whole], -1)
            assert not scan.are_same_fields([whole], [pair], -1)
            assert not scan.are_same_fields([pair], [pair], 0)

    # An app's response fields

    @pytest.mark.parametrize("size", [1, 9, 10, 15, 16, 17, 255, 256, 4095, 4096, 65536, 1 << 20])
    def test_chunks_say_their_size_in_hexadecimal(self, scan: ModuleType, size: int) -> None:
        head, _, rest = scan.encode_chunks(b"", [b"x" * size], b"").partition(b"\r\n")
        assert int(head, 16) == size
        assert not head.startswith(b"0")
        assert rest == b"x" * size + b"\r\n"

    def test_chunks_stand_between_what_goes_before_and_behind(self, scan: ModuleType) -> None:
        chunks = [b"a", b"bcd", b"efg", b"h" * 17]
        serialised = b"1\r\na\r\n3\r\nbcd\r\n3\r\nefg\r\n11\r\n" + b"h" * 17 + b"\r\n"
        assert (
            scan.encode_chunks(b"before", chunks, b"behind") == b"before" + serialised + b"behind"
        )
        assert scan.encode_chunks(b"", [], b"behind") == b"behind"

    def test_fields_that_are_nearly_the_last_ones(self, scan: ModuleType) -> None:
        """Each block is what the list holds when it is encoded, whatever was encoded before."""
        pair = [b"a", b"1"]
        fields: list[Any] = [(b"content-length", b"5"), pair]
        assert scan.encode_fields(fields) == (b"content-length: 5\r\na: 1\r\n", 1, 5)
        pair[1] = b"2"
        assert scan.encode_fields(fields)[0] == b"content-length: 5\r\na: 2\r\n"
        fields[1] = (b"a", b"2")
        for value in (b"2", b"3", b"22", b""):
            for _ in range(2):
                fields[1] = (b"a", bytes(bytearray(value)))
                block, flags, length = scan.encode_fields(fields)
                assert block == b"content-length: 5\r\na: " + value + b"\r\n"
                assert (flags, length) == (1, 5)
        fields.append((b"connection", b"close"))
        closes = scan.encode_fields(fields)
        assert scan.encode_fields(list(fields)) == closes
        assert closes[1] != 1
        del fields[0], fields[1]
        assert scan.encode_fields(fields) == (b"a: \r\n", 0, -1)
        assert scan.encode_fields([]) == (b"", 0, -1)
        with pytest.raises(ResponseError):
            scan.encode_fields([(b"a", b"\n")])
        with pytest.raises(ResponseError):
            scan.encode_fields([(b"a", "")])
        assert scan.encode_fields(fields) == (b"a: \r\n", 0, -1)

    def test_fields_are_written_in_lower_case(self, scan: ModuleType) -> None:
        fields = [(b"X-A", b"1"), (b"Content-Type", b"a/b"), (b"x-a", b"")]
        lines = b"x-a: 1\r\ncontent-type: a/b\r\nx-a: \r\n"
        assert scan.encode_fields(fields) == (lines, 0, -1)
        assert scan.encode_fields([]) == (b"", 0, -1)

    def test_any_iterables_of_bytes_like_things(self, scan: ModuleType) -> None:
        lines = b"a: b\r\nc: d\r\n"
        for fields in (
            ((b"a", b"b"), (b"c", b"d")),
            [[b"a", b"b"], [b"c", b"d"]],
            iter([(b"a", b"b"), (b"c", b"d")]),
            {b"a": b"b", b"c": b"d"}.items(),
            [(bytearray(b"a"), memoryview(b"b")), iter((b"c", b"d"))],
        ):
            assert scan.encode_fields(fields)[0] == lines

    def test_what_frames_is_the_servers(self, scan: ModuleType) -> None:
        fields = [(b"Transfer-Encoding", b"gzip"), (b"Connection", b"x, Close"), (b"a", b"b")]
        assert scan.encode_fields(fields) == (b"a: b\r\n", names.WANTS_CLOSE, -1)
        assert scan.encode_fields([(b"connection", b"keep-alive")]) == (b"", 0, -1)

    def test_flags(self, scan: ModuleType) -> None:
        assert scan.encode_fields([(b"Date", b"x")])[1] == names.HAS_DATE
        assert scan.encode_fields([(b"SERVER", b"x")])[1] == names.HAS_SERVER
        lines, flags, length = scan.encode_fields([(b"Content-Length", b"12")])
        assert (lines, flags, length) == (b"content-length: 12\r\n", names.HAS_CONTENT_LENGTH, 12)

    @pytest.mark.parametrize("value", [b"0", b"007", b"9" * 18, b"9223372036854775807"])
    def test_lengths(self, scan: ModuleType, value: bytes) -> None:
        assert scan.encode_fields([(b"content-length", value)])[2] == int(value)

    @pytest.mark.parametrize(
        "value",
        [
            b"",
            b" 1",
            b"1 ",
            b"+1",
            b"-1",
            b"1_0",
            b"1,1",
            b"1.0",
            b"\xb2",
            b"1" * 20,
            b"9223372036854775808",
        ],
    )
    def test_what_is_no_length(self, scan: ModuleType, value: bytes) -> None:
        with pytest.raises(ResponseError, match="Content-Length"):
            scan.encode_fields([(b"content-length", value)])

    def test_two_lengths(self, scan: ModuleType) -> None:
        for second in (b"0", b"1"):
            with pytest.raises(ResponseError, match="two"):
                scan.encode_fields([(b"Content-Length", b"0"), (b"content-length", second)])

    def test_no_control_byte_leaves(self, scan: ModuleType) -> None:
        for byte in range(256):
            pair = (b"x", b"v%cw" % byte)
            if byte == 127 or (byte < 32 and byte != 9):
                with pytest.raises(ResponseError, match="control"):
                    scan.encode_fields([pair])
            else:
                assert scan.encode_fields([pair])[0] == b"x: v%cw\r\n" % byte

    def test_only_tokens_are_names(self, scan: ModuleType) -> None:
        for byte in range(256):
            pair = (b"x%cy" % byte, b"v")
            if byte in names.TOKEN_BYTES:
                assert scan.encode_fields([pair])[0] == pair[0].lower() + b": v\r\n"
            else:
                with pytest.raises(ResponseError, match="token"):
                    scan.encode_fields([pair])
        with pytest.raises(ResponseError, match="token"):
            scan.encode_fields([(b"", b"v")])

    @pytest.mark.parametrize(
        "pair",
        [
            ("a", b"b"),
            (b"a", "b"),
            (b"a", 1),
            (b"a", None),
            (b"a",),
            (b"a", b"b", b"c"),
            b"ab",
            "ab",
            None,
            1,
            (),
        ],
    )
    def test_what_is_no_pair_of_bytes(self, scan: ModuleType, pair: Any) -> None:
        with pytest.raises(ResponseError):
            scan.encode_fields([(b"x", b"y"), pair])

    def test_large_fields_after_small_ones(self, scan: ModuleType) -> None:
        for size in (10, 100_000, 10, 300_000, 0):
            value = b"v" * size
            assert scan.encode_fields([(b"a", value), (b"b", value)])[0] == (
                b"a: " + value + b"\r\nb: " + value + b"\r\n"
            )

    def test_a_pair_that_encodes_others_while_it_is_unpacked(self, scan: ModuleType) -> None:
        class Nested:
            def __iter__(self) -> Any:
                scan.encode_fields([(b"inner", b"x" * 50_000)])
                return iter((b"outer", b"1"))

        fields = [(b"a", b"b"), Nested(), (b"c", b"d")]
        assert scan.encode_fields(fields)[0] == b"a: b\r\nouter: 1\r\nc: d\r\n"

    def test_two_threads_do_not_mix_their_fields(self, scan: ModuleType) -> None:
        """Two servers may run in two threads of one process."""
        wrong: list[bytes] = []

        def encode(mark: bytes) -> None:
            fields = [(b"a", mark * 50), (b"connection", b"x, " * 50 + mark), (b"b", mark * 50)]
            right = b"a: " + mark * 50 + b"\r\nb: " + mark * 50 + b"\r\n"
            for _ in range(3000):
                lines = scan.encode_fields(fields)[0]
                if lines != right:
                    wrong.append(lines)
                    return

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=encode, args=(mark,)) for mark in (b"1", b"2")]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        assert wrong == []


# The two versions against each other

pieces = st.one_of(
    st.sampled_from([*TROUBLE, b"X: y", b"Host: a", b"GET / HTTP/1.1", b"accept-encoding: "]),
    st.binary(max_size=4),
)
raw = st.lists(pieces, max_size=8).map(b"".join)
sections = st.lists(raw, max_size=5).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
common = st.sampled_from([*names.COMMON_NAMES, b"date", b"server", b"x" * 64, b"x" * 65, b""])
field_names = st.one_of(common, common.map(bytes.title), common.map(bytes.upper), raw)
field_values = st.one_of(st.sampled_from([b"0", b"12", b"close", b"a, close"]), raw)
response_fields = st.lists(st.tuples(field_names, field_values), max_size=5)


def outcome(work: Callable[[], Any]) -> Any:
    """What it answers, or how it refuses."""
    try:
        return work()
    except (Refusal, ResponseError) as error:
        return type(error), error.args


@pytest.mark.skipif(len(VERSIONS) < 2, reason="only one version is installed: interpreted")
class TestBothAnswerAlike:
    @patient
    @given(raw, st.integers(0, 3))
    def test_request_lines(self, data: bytes, margin: int) -> None:
        for line in (data, b"GET " + data, b"GET /" + data + b" HTTP/1.1"):
            start = min(margin, len(line))
            where = (b"x" * start + line, start, start + len(line))
            assert outcome(partial(imported.scan_request_line, *where)) == outcome(
                partial(INTERPRETED.scan_request_line, *where)
            )

    @patient
    @given(sections, st.integers(0, 5))
    def test_field_sections(self, lines: bytes, most: int) -> None:
        assert outcome(lambda: scanned(imported, lines, most)) == outcome(
            lambda: scanned(INTERPRETED, lines, most)
        )

    @patient
    @given(raw, st.integers(0, 20))
    def test_line_ends(self, data: bytes, start: int) -> None:
        start = min(start, len(data))
        for name in ("find_head_end", "find_line_end", "has_isolated_line_end"):
            expected = getattr(INTERPRETED, name)(data, start)
            assert getattr(imported, name)(data, start) == expected
            assert getattr(imported, name)(bytearray(data), start) == expected

    @patient
    @given(response_fields)
    def test_response_fields(self, fields: list[tuple[bytes, bytes]]) -> None:
        assert outcome(lambda: imported.encode_fields(fields)) == outcome(
            lambda: INTERPRETED.encode_fields(fields)
        )

    @patient
    @given(response_fields)
    def test_response_fields_of_http2(self, fields: list[tuple[bytes, bytes]]) -> None:
        def listed(scan: ModuleType) -> Any:
            into: list[tuple[bytes, bytes]] = []
            return outcome(lambda: scan.list_fields(fields, into)), into

        assert listed(imported) == listed(INTERPRETED)

    @patient
    @given(response_fields, response_fields, st.integers(-1, 2))
    def test_comparing_fields(self, one: list[Any], other: list[Any], but: int) -> None:
        for pair in ((one, other), (one, one[:1] + other[1:]), (tuple(one), list(one))):
            expected = INTERPRETED.are_same_fields(*pair, but)
            assert imported.are_same_fields(*pair, but) == expected
