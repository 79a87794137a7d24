"""Frames as clients write them, and what a reader makes of bytes however they are cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tricorn.wire.errors import Violation
from tricorn.wire.ws import CLOSE, NEED_DATA, TEXT, MessageLimits, MessageReader
from tricorn.wire.ws_deflate import DeflateTerms, Inflater

KEY = b"\x37\xfa\x21\x3d"


def masked(payload: bytes, key: bytes = KEY) -> bytes:
    """The payload under its key, byte by byte as RFC 6455 §5.3 has it."""
    return bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def head(opcode: int, size: int, *, final: bool = True, rsv: int = 0, form: int = 0) -> bytes:
    """The head of a masked frame, without the key. `form` forces a length of 16 or 64 bits."""
    first = bytes((final << 7 | rsv << 4 | opcode,))
    form = form or (7 if size < 126 else 16 if size < 1 << 16 else 64)
    if form == 7:
        return first + bytes((0x80 | size,))
    if form == 16:
        return first + b"\xfe" + size.to_bytes(2, "big")
    return first + b"\xff" + size.to_bytes(8, "big")


def sent(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    rsv: int = 0,
    form: int = 0,
    key: bytes = KEY,
) -> bytes:
    """A frame as a client sends it."""
    return head(opcode, len(payload), final=final, rsv=rsv, form=form) + key + masked(payload, key)


@dataclass
class Heard:
    """What a reader made of some bytes: its events, and the fault behind them."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    fault: tuple[int, str] | None = None

    @property
    def code(self) -> int | None:
        """The close code of the fault."""
        return None if self.fault is None else self.fault[0]


def hear(
    pieces: Iterable[bytes],
    limits: MessageLimits | None = None,
    terms: DeflateTerms | None = None,
) -> Heard:
    """Feed the pieces to a new reader, and read all that there is after each."""
    limits = limits or MessageLimits()
    reader = MessageReader(limits, None if terms is None else Inflater(terms))
    heard = Heard()
    try:
        for piece in pieces:
            reader.feed(piece)
            while (code := reader.next()) != NEED_DATA:
                heard.events.append(event(reader, code))
    except Violation as violation:
        heard.fault = violation.code, violation.reason
    return heard


def event(reader: MessageReader, code: int) -> tuple[Any, ...]:
    """The code and what the reader holds for it."""
    if code == TEXT:
        return code, reader.text
    if code == CLOSE:
        return code, reader.close_code, reader.close_reason
    return code, reader.data


def alike(one: Heard, other: Heard) -> bool:
    """Whether they are the same, but for a compressed message that is wrong in two ways.

    zlib reads a symbol ahead of what it hands out. Where that is no DEFLATE, what stood before it
    is lost, and with it that the message was too long by then.
    """
    if one == other:
        return True
    if one.fault is None or other.fault is None or one.events != other.events:
        return False
    (first, why), (second, other_why) = sorted((one.fault, other.fault))
    return (
        (first, why) == (1007, "compressed message is not DEFLATE data")
        and second == 1009
        and other_why.startswith("message longer than ")
    )
