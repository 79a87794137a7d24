"""Writing frames, and encoding once what goes to many."""

from __future__ import annotations

import zlib

import pytest

from tricorn.wire.ws_deflate import WINDOW_BITS, Deflater, DeflateTerms
from tricorn.wire.ws_frames import (
    BINARY,
    COMPRESS_FROM,
    PING,
    PONG,
    TEXT,
    FrameCache,
    close_frame,
    frame,
)


def split(data: bytes) -> tuple[int, bytes]:
    """First byte and payload of a server's frame, read by RFC 6455 §5.2 alone."""
    first, size = data[0], data[1]
    assert size < 128, "a server's frame is not masked"
    start = 2
    if size == 126:
        size, start = int.from_bytes(data[2:4], "big"), 4
        assert size > 125
    elif size == 127:
        size, start = int.from_bytes(data[2:10], "big"), 10
        assert size > 65535
    assert len(data) == start + size
    return first, data[start:]


class Peer:
    """A client: what it agreed to, and an inflater that has seen all its compressed frames."""

    def __init__(self, bits: int = 12, context: bool = True) -> None:
        self.deflater = Deflater(DeflateTerms(bits, 15, context, True, b""))
        self.bits = bits
        self.context = context
        self.inflater = zlib.decompressobj(-bits)

    def read(self, data: bytes) -> bytes:
        first, payload = split(data)
        if not first & 0x40:
            return payload
        if not self.context:
            self.inflater = zlib.decompressobj(-self.bits)
        return self.inflater.decompress(payload + b"\0\0\xff\xff")


class TestFrame:
    @pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 70000])
    def test_every_form_of_length(self, size: int) -> None:
        payload = bytes(index & 255 for index in range(size))
        assert split(frame(BINARY, payload)) == (0x82, payload)

    def test_control_frames_are_short(self) -> None:
        assert split(frame(PING, b"x" * 125)) == (0x89, b"x" * 125)
        with pytest.raises(ValueError, match="125 bytes, not 126"):
            frame(PONG, b"x" * 126)


class TestClose:
    def test_code_and_reason(self) -> None:
        assert split(close_frame(1000, "")) == (0x88, b"\x03\xe8")
        assert split(close_frame(4999, "é")) == (0x88, b"\x13\x87\xc3\xa9")

    def test_no_code(self) -> None:
        assert split(close_frame(1005, "x")) == (0x88, b"")

    def test_a_long_reason_is_cut_between_characters(self) -> None:
        assert split(close_frame(1000, "é" * 70))[1][2:].decode() == "é" * 61
        assert split(close_frame(1000, "x" * 200))[1][2:] == b"x" * 123

    @pytest.mark.parametrize("code", [0, 999, 1004, 1006, 1015, 2999, 5000, 70000, -1])
    def test_codes_that_must_not_be_sent(self, code: int) -> None:
        with pytest.raises(ValueError, match="close code must be"):
            close_frame(code, "")


class TestCache:
    def test_uncompressed_all_get_the_same_frame(self) -> None:
        cache = FrameCache()
        text = "x" * 500
        assert split(cache.text(text, None)) == (0x81, text.encode())
        assert cache.text(text, None) is cache.text(text, None)
        data = bytes(500)
        assert split(cache.binary(data, None)) == (0x82, data)
        assert cache.binary(data, None) is cache.binary(data, None)

    def test_the_same_frame_in_two_pieces(self) -> None:
        cache = FrameCache()
        for text in ("x" * 500, "é" * 70000, "x" * 500):
            pieces = cache.text_pieces(text)
            assert b"".join(pieces) == cache.text(text, None)
            assert cache.text_pieces(text) is pieces
        data = bytes(70000)
        assert b"".join(cache.binary_pieces(data)) == cache.binary(data, None)
        cache.forget()
        assert cache.pieces is None
        with pytest.raises(ValueError, match="lone surrogate at index 3"):
            cache.text_pieces("xyz\ud800")

    def test_another_message_is_another_frame(self) -> None:
        cache = FrameCache()
        for text in ("a", "b", "é", ""):
            assert split(cache.text(text, None)) == (0x81, text.encode())

    def test_short_messages_are_not_compressed(self) -> None:
        peer = Peer()
        data = FrameCache().text("x" * (COMPRESS_FROM - 1), peer.deflater)
        assert split(data)[0] == 0x80 | TEXT
        assert split(FrameCache().text("x" * COMPRESS_FROM, peer.deflater))[0] == 0xC0 | TEXT

    def test_a_broadcast_is_compressed_once_for_all_but_the_first(self) -> None:
        cache = FrameCache()
        peers = [Peer() for _ in range(5)] + [Peer(9), Peer(9), Peer(context=False)]
        for number in range(6):
            text = f'{{"message": {number}, "of": "a broadcast"}}' * 5
            frames = [cache.text(text, peer.deflater) for peer in peers]
            for peer, data in zip(peers, frames, strict=True):
                assert peer.read(data) == text.encode()
            assert len({id(data) for data in frames}) <= 3
            assert frames[1] is frames[4]
            assert frames[5] is frames[6]

    @pytest.mark.parametrize("context", [True, False])
    @pytest.mark.parametrize("bits", [9, 12, 15])
    def test_large_messages_between_short_ones(self, bits: int, context: bool) -> None:
        cache, peers = FrameCache(), [Peer(bits, context) for _ in range(3)]
        for size in (300, 5000, 5000, 300, 70000, 100, 4096, 4095, 300):
            text = "".join(chr(65 + index * index % 58) for index in range(size))
            for peer in peers:
                assert peer.read(cache.text(text, peer.deflater)) == text.encode()
                assert peer.read(cache.binary(text.encode(), peer.deflater)) == text.encode()

    def test_a_large_message_needs_no_compressor_of_the_connection(self) -> None:
        cache, peer = FrameCache(), Peer()
        text = "a large message " * 256
        assert len(text) == 1 << WINDOW_BITS
        frame = cache.text(text, peer.deflater)
        assert peer.read(frame) == text.encode()
        assert peer.deflater.is_fresh
        assert cache.text(text, Peer().deflater) is frame
        assert peer.read(cache.text(text[1:], peer.deflater)) == text[1:].encode()
        assert not peer.deflater.is_fresh

    def test_one_connection_keeps_its_context(self) -> None:
        cache, peer = FrameCache(), Peer()
        text = "".join(chr(65 + index * 7 % 58) for index in range(300))
        sizes = []
        for _ in range(3):
            data = cache.text(text, peer.deflater)
            sizes.append(len(data))
            assert peer.read(data) == text.encode()
        assert sizes[1] < sizes[0] / 3

    def test_what_only_resembles_a_str_or_bytes(self) -> None:
        class Odd(str):
            def __str__(self) -> str:
                return "another text"

            def encode(self, *options: str) -> bytes:  # type: ignore[override]
                return b"another text"

        for size in (5, 200):
            peer, cache = Peer(), FrameCache()
            text = Odd("x" * size)
            assert peer.read(cache.text(text, peer.deflater)) == b"x" * size
            changing = bytearray(b"y" * size)
            assert peer.read(cache.binary(changing, peer.deflater)) == b"y" * size  # type: ignore
            changing[0] = 0x7A
            assert peer.read(cache.binary(changing, None))[:2] == b"zy"  # type: ignore[arg-type]
            with pytest.raises(TypeError):
                cache.binary(5, None)  # type: ignore[arg-type]

    def test_forget(self) -> None:
        cache = FrameCache()
        text = "x" * 500
        data = cache.text(text, None)
        cache.forget()
        assert cache.payload is None
        assert cache.text(text, None) == data

    @pytest.mark.parametrize("size", [1, 200])
    def test_a_lone_surrogate(self, size: int) -> None:
        cache, peer = FrameCache(), Peer()
        text = "x" * size + "\ud800"
        for deflater in (None, peer.deflater):
            with pytest.raises(ValueError, match=f"lone surrogate at index {size}"):
                cache.text(text, deflater)
        assert peer.read(cache.text("y" * 99, peer.deflater)) == b"y" * 99
