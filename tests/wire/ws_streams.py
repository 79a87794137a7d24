"""What clients may send, and what they must not, made up from the choices in some bytes."""

from __future__ import annotations

import zlib
from itertools import pairwise

from hypothesis import strategies as st

from tests.fuzz.choices import Choices
from tests.wire.ws_peer import sent

KEYS = [b"\0\0\0\0", b"\x37\xfa\x21\x3d", b"\xff\x80\x01\0"]
TEXTS = [
    "",
    "a",
    "abc",
    "é",
    "x" * 126,
    "€" * 50,
    "a" * 7 + "é",
    "𝄞" * 9,
    "\U0010ffff\x00",
    "hello",
]
DATAS = [b"", b"\0", bytes(130), b"\xff" * 125, b"\xed\xa0\x80", bytes(range(256))]
REASONS = ["", "gone", "€" * 41]
CODES = [1000, 1001, 1011, 3000, 4999]
# What a frame's first bytes can be wrong in; most are not.
OPCODES = [0, 1, 2, 8, 9, 10, 0, 1, 2, 3, 7, 11, 15]
BITS = [0, 0, 0, 0, 4, 4, 1, 6]
FORMS = [0, 0, 0, 0, 16, 64]


def control(choices: Choices) -> bytes:
    """A ping or a pong."""
    payload = choices.text()[:20]
    return sent(9 + choices.below(2), payload, key=KEYS[choices.below(3)])


def message(choices: Choices, engine: zlib._Compress | None) -> bytes:
    """A message in one frame or more, perhaps with control frames between."""
    opcode = 1 + choices.below(2)
    if opcode == 1:
        payload = TEXTS[choices.below(len(TEXTS))].encode()
    else:
        payload = choices.text() if choices.flag() else DATAS[choices.below(len(DATAS))]
    rsv = 0
    if engine is not None and choices.flag():
        payload = (engine.compress(payload) + engine.flush(zlib.Z_SYNC_FLUSH))[:-4]
        rsv = 4
    places = sorted(choices.below(len(payload) + 1 & 255 or 1) for _ in range(choices.below(4)))
    frames = b""
    edges = [0, *places, len(payload)]
    for start, end in pairwise(edges):
        first, last = not frames, start == edges[-2] and end == edges[-1]
        frames += sent(
            opcode if first else 0,
            payload[start:end],
            final=last,
            rsv=rsv if first else 0,
            key=KEYS[choices.below(3)],
        )
        if last:
            break
        if choices.below(3) == 1:
            frames += control(choices)
    return frames


def stream(choices: Choices, deflate: bool) -> bytes:
    """What a client sends that keeps to the rules."""
    engine = zlib.compressobj(wbits=-15) if deflate else None
    parts = b""
    for _ in range(choices.below(5)):
        parts += message(choices, engine) if choices.below(4) else control(choices)
    if choices.below(3) == 1:
        code = CODES[choices.below(len(CODES))].to_bytes(2, "big")
        parts += sent(8, code + REASONS[choices.below(len(REASONS))].encode())
    return parts


def odd_frame(choices: Choices) -> bytes:
    """A frame with any bits, cut short perhaps, or any bytes."""
    payload = choices.text() if choices.flag() else TEXTS[choices.below(len(TEXTS))].encode()
    frame = sent(
        OPCODES[choices.below(len(OPCODES))],
        payload[:200],
        final=not choices.flag(),
        rsv=BITS[choices.below(len(BITS))],
        form=FORMS[choices.below(len(FORMS))] if len(payload) < 126 else 0,
        key=KEYS[choices.below(3)],
    )
    return [frame, frame, frame, frame[: len(frame) // 2], payload][choices.below(5)]


def wild_stream(choices: Choices, deflate: bool) -> bytes:
    """A stream with something wrong in it, more often than not."""
    parts = b""
    for _ in range(1 + choices.below(3)):
        parts += stream(choices, deflate) if choices.flag() else odd_frame(choices)
    return parts


_bytes = st.binary(min_size=60, max_size=300)


def streams(deflate: bool) -> st.SearchStrategy[bytes]:
    """Streams that keep to the rules."""
    return _bytes.map(lambda data: stream(Choices(data), deflate))


def wild(deflate: bool) -> st.SearchStrategy[bytes]:
    """Streams with something wrong, perhaps."""
    return _bytes.map(lambda data: wild_stream(Choices(data), deflate))
