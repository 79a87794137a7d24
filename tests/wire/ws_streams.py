"""What clients may send, and what they must not, for tests that make it up."""

from __future__ import annotations

import zlib
from itertools import pairwise

from hypothesis import strategies as st

from tests.wire.ws_peer import sent

keys = st.sampled_from([b"\0\0\0\0", b"\x37\xfa\x21\x3d", b"\xff\x80\x01\0"])
texts = st.text(max_size=40) | st.sampled_from(["", "x" * 126, "€" * 50, "a" * 7 + "é", "𝄞" * 9])
datas = st.binary(max_size=40) | st.sampled_from([b"", bytes(130), b"\xff" * 125])
close_payloads = st.one_of(
    st.just(b""),
    st.builds(
        lambda code, reason: code.to_bytes(2, "big") + reason.encode(),
        st.sampled_from([1000, 1001, 1011, 3000, 4999]),
        st.text(max_size=20),
    ),
)


@st.composite
def controls(draw: st.DrawFn) -> bytes:
    """A ping or a pong."""
    opcode = draw(st.sampled_from([9, 10]))
    return sent(opcode, draw(st.binary(max_size=20)), key=draw(keys))


@st.composite
def messages(draw: st.DrawFn, engine: zlib._Compress | None = None) -> bytes:
    """A message in one frame or more, perhaps with control frames between."""
    opcode = draw(st.sampled_from([1, 2]))
    payload = draw(texts).encode() if opcode == 1 else draw(datas)
    rsv = 0
    if engine is not None and draw(st.booleans()):
        payload = (engine.compress(payload) + engine.flush(zlib.Z_SYNC_FLUSH))[:-4]
        rsv = 4
    places = sorted(draw(st.lists(st.integers(0, len(payload)), max_size=4)))
    edges = [0, *places, len(payload)]
    frames = b""
    for index, (start, end) in enumerate(pairwise(edges)):
        frames += sent(
            opcode if index == 0 else 0,
            payload[start:end],
            final=index == len(edges) - 2,
            rsv=rsv if index == 0 else 0,
            key=draw(keys),
        )
        if index < len(edges) - 2 and draw(st.booleans()):
            frames += draw(controls())
    return frames


@st.composite
def streams(draw: st.DrawFn, deflate: bool = False) -> bytes:
    """What a client sends that keeps to the rules."""
    engine = zlib.compressobj(wbits=-15) if deflate else None
    parts = draw(st.lists(st.one_of(messages(engine), controls()), max_size=5))
    if draw(st.booleans()):
        parts.append(sent(8, draw(close_payloads), key=draw(keys)))
    return b"".join(parts)


@st.composite
def odd_frames(draw: st.DrawFn) -> bytes:
    """A frame with any bits, cut short perhaps, or any bytes."""
    payload = draw(st.binary(max_size=12) | texts.map(str.encode))
    opcode = draw(st.sampled_from([0, 1, 2, 8, 9, 10]) | st.integers(0, 15))
    frame = sent(
        opcode,
        payload,
        final=draw(st.booleans()),
        rsv=draw(st.sampled_from([0, 0, 0, 4, 1, 6])),
        form=draw(st.sampled_from([0, 0, 0, 16, 64])) if len(payload) < 126 else 0,
        key=draw(keys),
    )
    return draw(st.sampled_from([frame, frame, frame[: len(frame) // 2], payload]))


@st.composite
def wild(draw: st.DrawFn, deflate: bool = False) -> bytes:
    """A stream with something wrong in it, more often than not."""
    return b"".join(draw(st.lists(st.one_of(streams(deflate), odd_frames()), max_size=4)))
