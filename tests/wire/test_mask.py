"""The leaf of masking and frames: one test class for both versions, and one against the other."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.speeds import versions
from tests.wire.grammar import patient
from tests.wire.ws_peer import masked
from tricorn.wire import mask as imported

FUNCTIONS = [
    "unmask",
    "unmask_before",
    "unmask_text",
    "unmask_onto",
    "ascii_text",
    "utf8_end",
    "frame_of",
    "frame_of_start",
    "ascii_frame",
]


VERSIONS = versions(imported)
INTERPRETED = VERSIONS["interpreted"]
KEYS = [b"\x37\xfa\x21\x3d", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x80\0\0\x01"]
SIZES = [*range(34), 63, 64, 65, 100, 1000, 4099, 65536, 65549]


@pytest.fixture(params=list(VERSIONS.values()), ids=list(VERSIONS))
def mask(request: pytest.FixtureRequest) -> ModuleType:
    """Each version that there is."""
    module: ModuleType = request.param
    return module


def payload(size: int) -> bytes:
    return bytes(index * 7 + (index >> 8) & 255 for index in range(size))


class TestMask:
    def test_it_has_every_function(self, mask: ModuleType) -> None:
        for name in FUNCTIONS:
            assert callable(getattr(mask, name))

    # Unmasking

    @pytest.mark.parametrize("key", KEYS)
    def test_a_payload_between_other_bytes(self, mask: ModuleType, key: bytes) -> None:
        """RFC 6455 §5.3."""
        for size in SIZES:
            plain = payload(size)
            data = b"xyz" + key + masked(plain, key) + b"zyx"
            assert mask.unmask(data, 3, size) == plain
            for tail in (b"", b"tail"):
                assert mask.unmask_before(data, 3, size, tail) == plain + tail

    @pytest.mark.parametrize("key", KEYS)
    def test_a_text(self, mask: ModuleType, key: bytes) -> None:
        for size in SIZES[1:]:
            for text in ("a" * size, "a" * (size - 1) + "é", "€" + "b" * size, "𝄞" * size):
                plain = text.encode()
                data = b"x" + key + masked(plain, key) + b"\xff"
                assert mask.unmask_text(data, 1, len(plain)) == text
        assert mask.unmask_text(key, 0, 0) == ""

    @pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
    @pytest.mark.parametrize("before", [0, 1, 8, 100])
    def test_a_bad_text(self, mask: ModuleType, bad: bytes, before: int) -> None:
        plain = b"x" * before + bad
        with pytest.raises(UnicodeDecodeError):
            mask.unmask_text(KEYS[0] + masked(plain), 0, len(plain))

    def test_pieces_of_a_payload(self, mask: ModuleType) -> None:
        plain = payload(99)
        data = b"xx" + masked(plain)
        for cuts in ([1] * 99, [3, 0, 60, 36], [99], [8, 16, 75], [5] * 19 + [4]):
            message, at = bytearray(b"before"), 0
            for size in cuts:
                start = 2 + at
                ascii_piece = mask.unmask_onto(
                    message, data, start, start + size, KEYS[0], at & 3, 99 - at
                )
                assert ascii_piece == plain[at : at + size].isascii()
                at += size
            assert message == b"before" + plain

    def test_a_text_of_ascii_pieces(self, mask: ModuleType) -> None:
        for size in SIZES:
            assert mask.ascii_text(bytearray(b"a" * size)) == "a" * size

    # UTF-8

    def test_utf8_as_it_arrives(self, mask: ModuleType) -> None:
        text = "aé€𝄞\U0010ffff" + "z" * 20 + "\ud7ff\ue000"
        message, checked = bytearray(), 0
        for byte in text.encode():
            message.append(byte)
            checked = mask.utf8_end(message, checked)
            assert checked >= 0
            assert message[:checked].decode().startswith(text[: len(message[:checked].decode())])
            assert len(message) - checked < 4
        assert checked == len(message)

    def test_every_two_and_three_bytes(self, mask: ModuleType) -> None:
        """Against Python's own decoder: could some continuation make it good?"""
        continuations = [
            b"",
            b"\x90\x80\x80",
            b"\xa0\x80",
            b"\x80",
            b"\x9f",
            b"\xa0",
            b"\xbf",
            b"\x80\x80",
            b"\xbf\xbf",
        ]
        for first in range(256):
            for second in range(0, 256, 3 if first < 0xE0 else 1):
                data = bytes((first, second))
                hopes = [data + more for more in [*continuations, b"\x80\x80\x80"]]
                hopeful = any(self.decodes(hope) for hope in hopes)
                assert (mask.utf8_end(bytearray(data), 0) >= 0) == hopeful, data

    def decodes(self, data: bytes) -> bool:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return True

    def test_utf8_from_a_place(self, mask: ModuleType) -> None:
        assert mask.utf8_end(bytearray(b"\xff\xffabc\xe2\x82"), 2) == 5
        assert mask.utf8_end(bytearray(b"abc"), 3) == 3
        assert mask.utf8_end(bytearray(), 0) == 0
        for before in range(20):
            assert mask.utf8_end(bytearray(b"a" * before + b"\xff"), 0) == -1

    # Frames

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 70001])
    def test_frames(self, mask: ModuleType, size: int) -> None:
        """RFC 6455 §5.2."""
        plain = b"x" * size
        if size < 126:
            head = bytes((0x82, size))
        elif size < 65536:
            head = b"\x82\x7e" + size.to_bytes(2, "big")
        else:
            head = b"\x82\x7f" + size.to_bytes(8, "big")
        assert mask.frame_of(0x82, plain) == head + plain
        assert mask.frame_of_start(0x82, plain + b"tail", size) == head + plain
        assert mask.ascii_frame(plain.decode()) == b"\x81" + head[1:] + plain

    @pytest.mark.parametrize("text", ["é", "€" * 50, "𝄞" * 40000])
    def test_a_frame_of_other_text(self, mask: ModuleType, text: str) -> None:
        assert mask.ascii_frame(text) is None

    def test_a_lone_surrogate(self, mask: ModuleType) -> None:
        assert mask.ascii_frame("ab\udc80") is None
        with pytest.raises(UnicodeEncodeError) as caught:
            mask.text_payload("ab\udc80")
        assert caught.value.start == 2

    @pytest.mark.parametrize("text", ["", "a" * 70000, "é" * 40000])
    def test_a_frame_in_two_pieces(self, mask: ModuleType, text: str) -> None:
        payload = mask.text_payload(text)
        assert len(payload) == len(text.encode())
        head = mask.frame_head(0x81, len(payload))
        assert head + bytes(payload) == mask.frame_of(0x81, text.encode())
        assert b"".join([head, memoryview(payload)[1:]]) == head + text.encode()[1:]
        with pytest.raises(TypeError, match="read-only"):
            memoryview(payload)[:1] = b"b"

    def test_a_payload_holds_its_text(self, mask: ModuleType) -> None:
        payload = mask.text_payload("".join(["held", "alone"]))
        with memoryview(payload) as view:
            del payload
            assert bytes(view) == b"heldalone"


@pytest.mark.skipif(len(VERSIONS) < 2, reason="there is one version")
class TestBoth:
    @patient
    @given(st.binary(max_size=40), st.integers(0, 3), st.binary(max_size=40))
    def test_they_answer_alike(self, data: bytes, phase: int, before: bytes) -> None:
        size = max(len(data) - 4, 0)
        if len(data) >= 4:
            assert imported.unmask(data, 0, size) == INTERPRETED.unmask(data, 0, size)
        key = (data + b"key!")[:4]
        messages = bytearray(before), bytearray(before)
        first = imported.unmask_onto(messages[0], data, 0, len(data), key, phase, 7)
        assert INTERPRETED.unmask_onto(messages[1], data, 0, len(data), key, phase, 7) == first
        assert messages[0] == messages[1]
        for message in (bytearray(data), messages[0]):
            assert imported.utf8_end(message, 0) == INTERPRETED.utf8_end(message, 0)

    @patient
    @given(st.text(max_size=200))
    def test_texts(self, text: str) -> None:
        plain = text.encode()
        data = KEYS[0] + masked(plain)
        assert imported.ascii_frame(text) == INTERPRETED.ascii_frame(text)
        assert bytes(imported.text_payload(text)) == plain
        assert imported.unmask_text(data, 0, len(plain)) == text

    @patient
    @given(st.binary(max_size=8), st.text(max_size=6))
    def test_broken_texts(self, broken: bytes, text: str) -> None:
        for message in (text.encode() + broken, broken + text.encode()):
            ends = [version.utf8_end(bytearray(message), 0) for version in VERSIONS.values()]
            assert ends[0] == ends[1]

    def test_places_outside_the_data_are_refused(self) -> None:
        for at, size in ((-1, 1), (0, 7), (10, 0), (0, -1), (7, 0)):
            with pytest.raises(IndexError):
                imported.unmask(b"keyk123456"[:10], at, size)
        with pytest.raises(IndexError):
            imported.utf8_end(bytearray(b"a"), 2)
        with pytest.raises(IndexError):
            imported.unmask_onto(bytearray(), b"abc", 2, 4, b"keyk", 0, 0)
