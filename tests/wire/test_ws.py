"""Reading what a WebSocket client sends, rule by rule with its clause."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.reading import bytewise
from tests.wire.ws_peer import KEY, head, hear, masked, sent
from tricorn.wire.errors import Violation
from tricorn.wire.ws import (
    BINARY,
    CLOSE,
    NEED_DATA,
    PING,
    PONG,
    TEXT,
    MessageLimits,
    MessageReader,
)

EURO = "€".encode()


def check(
    data: bytes, events: list[tuple[Any, ...]], code: int | None = None, **limits: int
) -> str:
    """The bytes give these events and this fault, whole and byte by byte."""
    whole = hear([data], MessageLimits(**limits))
    assert whole.events == events
    assert whole.code == code
    assert hear(bytewise(data), MessageLimits(**limits)) == whole
    return "" if whole.fault is None else whole.fault[1]


class TestMessages:
    def test_the_examples_of_rfc_6455_5_7(self) -> None:
        check(bytes.fromhex("8185 37fa213d 7f9f4d5158"), [(TEXT, "Hello")])
        check(bytes.fromhex("8a85 37fa213d 7f9f4d5158"), [(PONG, b"Hello")])

    @pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 125, 126, 127, 65535, 65536])
    def test_every_form_of_length(self, size: int) -> None:
        text = ("abcdefg" * (size // 7 + 1))[:size]
        check(sent(1, text.encode()), [(TEXT, text)])
        check(sent(2, text.encode()), [(BINARY, text.encode())])

    @pytest.mark.parametrize("text", ["", "é", "€uro", "x" * 40 + "𝄞", "\x00", "\U0010ffff"])
    def test_text_beyond_ascii(self, text: str) -> None:
        check(sent(1, text.encode()), [(TEXT, text)])

    def test_fragments_are_one_message(self) -> None:
        frames = [sent(1, b"Hel", final=False), sent(0, b"", final=False), sent(0, b"lo")]
        check(b"".join(frames), [(TEXT, "Hello")])

    def test_a_character_may_be_cut_between_fragments(self) -> None:
        frames = [sent(1, EURO[:1], final=False), sent(0, EURO[1:2], final=False)]
        check(b"".join([*frames, sent(0, EURO[2:])]), [(TEXT, "€")])

    def test_control_frames_between_fragments(self) -> None:
        """RFC 6455 §5.4: they may be injected in the middle of a message."""
        data = sent(2, b"a", final=False) + sent(9, b"p") + sent(0, b"b") + sent(10, b"q")
        check(data, [(PING, b"p"), (BINARY, b"ab"), (PONG, b"q")])

    def test_each_frame_has_its_own_key(self) -> None:
        data = sent(2, b"abcdef", final=False, key=b"\0\0\0\0") + sent(0, b"ghi", key=b"\xff" * 4)
        check(data, [(BINARY, b"abcdefghi")])

    def test_messages_that_come_together(self) -> None:
        check(
            sent(1, b"a") + sent(1, b"b") + sent(2, b"c"),
            [(TEXT, "a"), (TEXT, "b"), (BINARY, b"c")],
        )

    def test_a_reader_that_waits_holds_no_message(self) -> None:
        reader = MessageReader(MessageLimits())
        reader.feed(sent(1, b"a" * 99) + sent(2, b"b" * 99))
        assert (reader.next(), reader.next(), reader.next()) == (TEXT, BINARY, NEED_DATA)
        assert (reader.text, reader.data, reader.unread()) == ("", b"", 0)
        assert reader.bytes_in == b""

    def test_a_reader_within_a_message_holds_no_more_than_that(self) -> None:
        reader = MessageReader(MessageLimits())
        message = sent(2, b"b" * 99)
        reader.feed(sent(1, b"a" * 99) + message[:50])
        assert (reader.next(), reader.next()) == (TEXT, NEED_DATA)
        assert (reader.bytes_in, reader.unread()) == (b"", 0)
        reader.feed(message[50:])
        assert reader.next() == BINARY
        assert reader.data == b"b" * 99

    def test_what_waits_is_counted(self) -> None:
        reader = MessageReader(MessageLimits())
        message = sent(1, b"abc")
        reader.feed(message)
        reader.feed(message + message[:3])
        assert reader.unread() == 2 * len(message) + 3
        assert reader.next() == TEXT
        assert reader.unread() == len(message) + 3
        assert (reader.next(), reader.next()) == (TEXT, NEED_DATA)
        assert reader.unread() == 3


class TestFrames:
    @pytest.mark.parametrize("rsv", range(1, 8))
    @pytest.mark.parametrize("opcode", [0, 1, 2, 8, 9, 10])
    def test_reserved_bits(self, rsv: int, opcode: int) -> None:
        """RFC 6455 §5.2: must be 0 unless an extension was agreed to."""
        check(sent(opcode, rsv=rsv)[:1], [], 1002)

    @pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    def test_unknown_opcodes(self, opcode: int) -> None:
        """RFC 6455 §5.2."""
        assert check(sent(opcode)[:1], [], 1002) == "unknown opcode"

    @pytest.mark.parametrize("opcode", [1, 2, 8, 9, 10])
    def test_a_frame_must_be_masked(self, opcode: int) -> None:
        """RFC 6455 §5.1."""
        assert check(bytes((0x80 | opcode, 0)), [], 1002) == "frame is not masked"

    @pytest.mark.parametrize(
        ("form", "size"), [(16, 0), (16, 125), (64, 0), (64, 126), (64, 65535)]
    )
    def test_a_length_has_its_shortest_form(self, form: int, size: int) -> None:
        """RFC 6455 §5.2: the minimal number of bytes MUST be used."""
        assert "shortest" in check(head(2, size, form=form), [], 1002)

    def test_a_length_of_64_bits(self) -> None:
        """RFC 6455 §5.2: the most significant bit MUST be 0."""
        assert "top bit" in check(head(2, 1 << 63), [], 1002)

    def test_a_length_of_63_bits(self) -> None:
        check(head(2, (1 << 63) - 1), [], 1009)
        check(head(2, (1 << 63) - 1), [], 1009, message=(1 << 63) - 1)
        check(head(2, 1 << 59), [], message=(1 << 63) - 1)

    @pytest.mark.parametrize("opcode", [8, 9, 10])
    def test_control_frames_are_short_and_whole(self, opcode: int) -> None:
        """RFC 6455 §5.5."""
        assert "125" in check(head(opcode, 126)[:2], [], 1002)
        assert "fragmented" in check(head(opcode, 0, final=False)[:1], [], 1002)

    def test_a_continuation_continues_something(self) -> None:
        """RFC 6455 §5.4."""
        check(sent(0)[:1], [], 1002)
        check(sent(1, b"a") + sent(0, b"b")[:1], [(TEXT, "a")], 1002)
        check(sent(1, b"a", final=False) + sent(0, b"b") + sent(0), [(TEXT, "ab")], 1002)

    @pytest.mark.parametrize("opcode", [1, 2])
    def test_no_message_within_a_message(self, opcode: int) -> None:
        """RFC 6455 §5.4."""
        check(sent(1, b"a", final=False) + sent(opcode, b"b")[:1], [], 1002)


class TestText:
    @pytest.mark.parametrize(
        "bad",
        [
            b"\x80",
            b"\xc0",
            b"\xc1",
            b"\xc3\x28",
            b"\xe0\x80",
            b"\xe2\x28",
            b"\xed\xa0",
            b"\xf0\x80",
            b"\xf4\x90",
            b"\xf5",
            b"\xff",
            b"\xe2\x82\x28",
            b"\xf0\x90\x80\x28",
        ],
    )
    @pytest.mark.parametrize("before", [b"", b"abc", b"x" * 64, EURO])
    def test_it_fails_at_the_byte_that_makes_it_bad(self, bad: bytes, before: bytes) -> None:
        """RFC 6455 §8.1, RFC 3629 §4."""
        data = head(1, 200) + KEY + masked(before + bad)
        good = hear(bytewise(data[:-1]))
        assert good.fault is None
        assert check(data, [], 1007) == "text is not UTF-8"
        check(sent(1, before + bad), [], 1007)
        check(sent(1, before, final=False) + sent(0, bad + b"z", final=False), [], 1007)

    @pytest.mark.parametrize("cut", [b"\xc3", b"\xe2", b"\xe2\x82", b"\xf0\x9d\x84"])
    def test_it_ends_with_a_character(self, cut: bytes) -> None:
        check(sent(1, b"a" + cut), [], 1007)
        check(sent(1, b"a" + cut, final=False) + sent(0), [], 1007)
        check(sent(1, b"a" + cut, final=False) + sent(9), [(PING, b"")])

    def test_binary_may_be_anything(self) -> None:
        check(sent(2, bytes(range(256))), [(BINARY, bytes(range(256)))])


class TestClose:
    def test_without_a_code(self) -> None:
        check(sent(8), [(CLOSE, 1005, "")])

    @pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 4999])
    def test_with_a_code(self, code: int) -> None:
        check(sent(8, code.to_bytes(2, "big")), [(CLOSE, code, "")])
        check(sent(8, code.to_bytes(2, "big") + b"by\xc3\xa9"), [(CLOSE, code, "byé")])

    @pytest.mark.parametrize(
        "code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
    )
    def test_codes_that_must_not_be_sent(self, code: int) -> None:
        """RFC 6455 §7.4."""
        check(sent(8, code.to_bytes(2, "big")), [], 1002)

    def test_half_a_code(self) -> None:
        """RFC 6455 §5.5.1: if there is a body, its first two bytes are the code."""
        check(sent(8, b"\x03"), [], 1002)

    @pytest.mark.parametrize("reason", [b"\xff", b"\xe2\x82", b"a\xed\xa0\x80"])
    def test_a_reason_that_is_no_text(self, reason: bytes) -> None:
        """RFC 6455 §5.5.1."""
        check(sent(8, b"\x03\xe8" + reason), [], 1007)

    def test_the_longest_reason(self) -> None:
        check(sent(8, b"\x03\xe8" + b"x" * 123), [(CLOSE, 1000, "x" * 123)])

    def test_nothing_behind_it_is_read(self) -> None:
        """RFC 6455 §1.4: after it, all further data is discarded."""
        check(sent(8) + b"\xff\xff\xff", [(CLOSE, 1005, "")])
        reader = MessageReader(MessageLimits())
        reader.feed(sent(8) + sent(1, b"a"))
        assert reader.next() == CLOSE
        reader.feed(sent(1, b"a"))
        assert (reader.next(), reader.unread()) == (NEED_DATA, 0)

    def test_within_a_message(self) -> None:
        check(sent(1, b"a", final=False) + sent(8, b"\x03\xe9"), [(CLOSE, 1001, "")])


class TestLimits:
    def test_a_message_of_just_the_limit(self) -> None:
        check(sent(2, b"x" * 300), [(BINARY, b"x" * 300)], message=300)
        halves = sent(2, b"x" * 150, final=False) + sent(0, b"x" * 150)
        check(halves, [(BINARY, b"x" * 300)], message=300)

    def test_the_head_that_announces_too_much(self) -> None:
        """RFC 6455 §7.4.1: 1009, before a byte of the payload has come."""
        assert check(head(2, 301), [], 1009, message=300) == "message longer than 300 bytes"
        check(sent(1, b"x" * 150, final=False) + head(0, 151), [], 1009, message=300)
        check(head(2, 1), [], 1009, message=0)
        check(sent(2), [(BINARY, b"")], message=0)

    def test_control_frames_have_no_part_in_it(self) -> None:
        check(sent(9, b"x" * 100), [(PING, b"x" * 100)], message=10)

    def test_the_next_message_counts_from_nothing(self) -> None:
        data = sent(2, b"xx", final=False) + sent(0, b"x")
        check(data * 2, [(BINARY, b"xxx")] * 2, message=3)

    def test_fragments(self) -> None:
        data = sent(1, b"a", final=False) + sent(0, b"b", final=False) + sent(0, b"c")
        check(data, [(TEXT, "abc")], fragments=3)
        assert "2 fragments" in check(data, [], 1008, fragments=2)
        check(data * 2, [(TEXT, "abc")] * 2, fragments=3)

    def test_control_frames(self) -> None:
        data = sent(9, b"a") * 2 + sent(10, b"b")
        check(data, [(PING, b"a"), (PING, b"a"), (PONG, b"b")], controls=3)
        check(data, [(PING, b"a"), (PING, b"a")], 1008, controls=2)

    def test_control_frames_are_allowed_anew(self) -> None:
        reader = MessageReader(MessageLimits(controls=2))
        for _ in range(3):
            reader.feed(sent(9) * 2)
            assert (reader.next(), reader.next(), reader.next()) == (PING, PING, NEED_DATA)
            reader.allow_controls()

    def test_a_close_is_always_allowed(self) -> None:
        check(sent(9) + sent(8), [(PING, b""), (CLOSE, 1005, "")], controls=1)


class TestFaults:
    def test_a_fault_is_for_ever(self) -> None:
        reader = MessageReader(MessageLimits())
        reader.feed(b"\xff")
        for _ in range(2):
            with pytest.raises(Violation) as caught:
                reader.next()
            assert caught.value.code == 1002
            reader.feed(sent(1, b"a"))
            assert reader.unread() == 0

    def test_messages_before_it_are_heard(self) -> None:
        check(sent(1, b"a") + sent(9, b"b") + b"\xff", [(TEXT, "a"), (PING, b"b")], 1002)

    def test_reasons_fit_a_close_frame(self) -> None:
        for data in (b"\xc3", b"\xff", b"\x80", sent(1, b"\xff"), head(1, 1 << 62), b"\xc1"):
            fault = hear([data]).fault
            assert fault is not None
            assert fault[1].isascii() and len(fault[1]) <= 123
