"""Leaf: masking, UTF-8 as it arrives, and building frames, as Python does them fastest.

`mask.pyx` is the same module for the compiler. The compiled one wins at import; both
answer alike, and one test class and a differential test run on both.

A masked payload is what follows its masking key of four bytes; byte i of it was XORed
with byte i % 4 of the key (RFC 6455 §5.3).
"""

from __future__ import annotations

from codecs import utf_8_decode
from functools import cache
from typing import Any, Final

# From here on four translations, one a byte of the key, are faster than one XOR of two
# huge integers.
_LONG: Final = 1024


def unmask(data: bytes, at: int, size: int) -> bytes:
    """Unmask the `size` bytes behind the key that stands at `data[at]`."""
    start = at + 4
    if size >= _LONG:
        plain = bytearray(data[start : start + size])
        for place in range(4):
            plain[place::4] = plain[place::4].translate(_xor_table(data[at + place]))
        return bytes(plain)
    key = data[at:start] * ((size + 3) // 4)
    masked = int.from_bytes(data[start : start + size], "little")
    return (masked ^ int.from_bytes(key[:size], "little")).to_bytes(size, "little")


@cache
def _xor_table(value: int) -> bytes:
    return bytes(byte ^ value for byte in range(256))


def unmask_before(data: bytes, at: int, size: int, tail: bytes) -> bytes:
    """Unmask like `unmask`, and put `tail` behind."""
    return unmask(data, at, size) + tail


def unmask_text(data: bytes, at: int, size: int) -> str:
    """Unmask like `unmask`, and decode UTF-8. Raises `UnicodeDecodeError`."""
    return unmask(data, at, size).decode("utf-8")


def unmask_onto(
    message: bytearray, data: bytes, start: int, end: int, key: bytes, phase: int, ahead: int
) -> bool:
    """Unmask `data[start:end]` and append it; its first byte meets byte `phase` of the key.

    `ahead` bytes are to follow; room may be made for as many as have come, so that the
    message needn't move. Says whether the piece is ASCII.
    """
    turned = key[phase:] + key[:phase]
    piece = unmask(turned + data[start:end], 0, end - start)
    message += piece
    return piece.isascii()


def ascii_text(message: bytearray) -> str:
    """Return the text of a message whose pieces were all ASCII. No other may come here."""
    return message.decode("ascii")


def utf8_end(message: bytearray, start: int) -> int:
    """Return up to where `message[start:]` is whole characters of UTF-8 (RFC 3629).

    What stands behind is the start of a character that may still become a good one.
    -1 when no continuation could make it good.
    """
    try:
        end = start + utf_8_decode(message[start:], "strict", False)[1]
    except UnicodeDecodeError:
        return -1
    # Python waits for the third byte of a surrogate, which an error handler could pass.
    if len(message) - end == 2 and message[end] == 0xED and message[end + 1] > 0x9F:
        return -1
    return end


def frame_head(first: int, size: int) -> bytes:
    """Serialise the head of an unmasked frame (RFC 6455 §5.2) of `size` bytes of payload."""
    if size < 126:
        return bytes((first, size))
    if size < 65536:
        return bytes((first, 126, size >> 8, size & 255))
    return bytes((first, 127)) + size.to_bytes(8, "big")


def frame_of(first: int, payload: bytes) -> bytes:
    """Serialise an unmasked frame with the first byte `first`."""
    return frame_head(first, len(payload)) + payload


def frame_of_start(first: int, data: bytes, size: int) -> bytes:
    """Do the same with the first `size` bytes of `data` for a payload."""
    return frame_head(first, size) + data[:size]


def ascii_frame(text: str) -> bytes | None:
    """Serialise a text frame, or return None for a text that isn't ASCII."""
    return frame_of(0x81, text.encode("ascii")) if text.isascii() else None


def text_payload(text: str) -> Any:
    """Return a text's UTF-8 as an object with a length and a buffer, not copied if that can be.

    Raises `UnicodeEncodeError` for a lone surrogate.
    """
    return text.encode("utf-8")
