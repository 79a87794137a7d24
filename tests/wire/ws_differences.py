"""Why tricorn hears something else in some bytes than `wsproto` or `websockets` do.

The bytes are taken apart here without any of the readers. Where only the moment differs, the
peer is given the whole of the frame in which tricorn found the fault, and must then find it too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.wire.reading import bytewise
from tests.wire.ws_peer import Heard, hear, masked, sent
from tricorn.wire.ws import CLOSE
from tricorn.wire.ws_deflate import TAIL, DeflateTerms

TERMS = DeflateTerms(12, 15, True, True, b"")
MESSAGE_LIMIT = 16777216  # tricorn's default, and what `websockets` is set to

LONG_FORM = ("payload length is not in its shortest form", "control frame longer than 125 bytes")
# Of a frame with two faults each side may name another: peer, our reason, its code, the clause.
TWO_FAULTS = [
    (
        "websockets",
        "close code that must not be sent",
        1007,
        "RFC 6455 §7.4: a close frame with a bad code, and a reason that is not UTF-8",
    ),
    (
        "websockets",
        "compressed message is not DEFLATE data",
        1002,
        "RFC 6455 §7.4.1: 1007 is for data that isn't what it should be; RFC 7692 names none",
    ),
    (
        "wsproto",
        "new message within an unfinished one",
        1007,
        "RFC 6455 §5.4: the head is wrong; wsproto inflates the payload before it looks there",
    ),
]


class Frame(NamedTuple):
    """A frame, and from where to where it goes; `end` may lie behind the data."""

    start: int
    end: int
    first: int
    raw: bytes  # with zeros for what hasn't come, up to the limit
    payload: bytes  # what has come of it
    is_shortest: bool

    @property
    def is_control(self) -> bool:
        return self.first & 8 != 0


def frames(data: bytes) -> Iterator[Frame]:
    """Frame by frame; the last with the smallest head that it can still have."""
    start = 0
    while start < len(data):
        head = data[start : start + 2].ljust(2, b"\x80")
        smallest = {126: b"\0\x7e", 127: b"\0\0\0\0\0\1\0\0"}.get(head[1] & 127, b"")
        given = data[start + 2 : start + 2 + len(smallest)]
        length = given + smallest[len(given) :]
        size = int.from_bytes(length, "big") if length else head[1] & 127
        key_at = 2 + len(length)
        payload_at = key_at + (4 if head[1] & 128 else 0)
        end = start + payload_at + size
        raw = head + length + data[start + key_at : end]
        raw = raw.ljust(payload_at + min(size, MESSAGE_LIMIT), b"\0")
        payload = data[start + payload_at : end]
        if head[1] & 128:
            payload = masked(payload, raw[key_at:payload_at])
        yield Frame(start, end, head[0], raw, payload, length >= smallest)
        start = end


class Comparison:
    """What tricorn and a peer make of some bytes."""

    def __init__(self, name: str, hears: Callable[[bytes, bool], Heard], deflate: bool) -> None:
        self.name = name
        self.hears = hears
        self.deflate = deflate

    def ours(self, data: bytes) -> Heard:
        return hear([data], None, TERMS if self.deflate else None)

    def explain(self, data: bytes) -> str | None:
        """The clause that decides where they differ, "" where they don't; None: nothing does."""
        ours, theirs = self.ours(data), self.hears(data, self.deflate)
        if agree(ours, theirs):
            return ""
        return self._at_its_frame(data, ours) or self._from_a_frame_on(data, ours, theirs)

    def _at_its_frame(self, data: bytes, ours: Heard) -> str | None:
        """Whether the peer says the same of the frame with our fault, once that is whole."""
        if ours.fault is None:
            return None
        at, reason = self._fault_at(data), ours.fault[1]
        frame = next(each for each in frames(data) if each.end > at)
        before = data[: frame.start] + frame.raw
        theirs = self.hears(before, self.deflate)
        if agree(ours, theirs):
            return "RFC 6455 §7.1.7: what makes a fault sure is a fault, whatever comes behind it"
        if reason == "text is not UTF-8" and not frame.first & 0x80:
            if agree(ours, self.hears(before + sent(0), self.deflate)):
                return "RFC 6455 §8.1: text is wrong from its first wrong byte, not from its end"
        if ours.events != theirs.events:
            return None
        if theirs.code == 1009 and frame.end - frame.start > MESSAGE_LIMIT and ours.code == 1002:
            return "RFC 6455 §5.2: a frame that must not come, of whatever length"
        for name, ours_is, code, clause in TWO_FAULTS:
            if self.name == name and reason == ours_is and theirs.code == code:
                return clause
        return None

    def _fault_at(self, data: bytes) -> int:
        """The index of the first byte with which tricorn finds its fault."""
        fed = 0

        def pieces() -> Iterator[bytes]:
            nonlocal fed
            for piece in bytewise(data):
                fed += 1
                yield piece

        hear(pieces(), None, TERMS if self.deflate else None)
        return fed - 1

    def _from_a_frame_on(self, data: bytes, ours: Heard, theirs: Heard) -> str | None:
        """Whether they part at a frame that the peer is known to take in another way."""
        if self.name == "websockets" and ours.fault and ours.fault[1] in LONG_FORM:
            start = next((each.start for each in frames(data) if not each.is_shortest), None)
            return self._is_same_before(
                data, start, "RFC 6455 §5.2: a length has its shortest form; websockets takes any"
            )
        if self.name == "wsproto" and ours.code == 1009:
            start = next((e.start for e in frames(data) if e.end - e.start > MESSAGE_LIMIT), None)
            return self._is_same_before(
                data, start, "RFC 6455 §10.4: a message may have a limit; wsproto knows none"
            )
        if theirs.fault and "incomplete fragmented message" in theirs.fault[1]:
            closed = [event for event in ours.events[-1:] if event[0] == CLOSE]
            if ours.fault is None and closed and ours.events == theirs.events + closed:
                return "RFC 6455 §5.4: a control frame may come within a message, a close too"
        if self.name == "wsproto" and (start := close_1014(data)) is not None:
            return self._is_same_before(
                data, start, "RFC 6455 §7.4.2: IANA has registered 1014; wsproto doesn't know it"
            )
        return self._from_a_compressed_frame_on(data) if self.deflate else None

    def _from_a_compressed_frame_on(self, data: bytes) -> str | None:
        if self.name == "wsproto" and (start := interruption(data)) is not None:
            return self._is_same_before(
                data, start, "RFC 6455 §5.4: control frames within a message; wsproto loses its bit"
            )
        return self._is_same_before(
            data, stream_end(data), "RFC 7692 §7.2.3.4: BFINAL may be set; they inflate no further"
        )

    def _is_same_before(self, data: bytes, start: int | None, clause: str) -> str | None:
        same = start is not None and self.explain(data[:start]) is not None
        return clause if same else None


def agree(one: Heard, other: Heard) -> bool:
    """Whether both have heard the same, and closed with the same code."""
    return (one.events, one.code) == (other.events, other.code)


def close_1014(data: bytes) -> int | None:
    """Where the first close frame with the code 1014 starts."""
    for frame in frames(data):
        if frame.first & 15 == 8 and frame.payload[:2] == b"\x03\xf6":
            return frame.start
    return None


def interruption(data: bytes) -> int | None:
    """Where the first control frame within a compressed message starts."""
    compressed = False
    for frame in frames(data):
        if frame.is_control and compressed:
            return frame.start
        if not frame.is_control:
            compressed = not frame.first & 0x80 and (compressed or frame.first & 0x40 != 0)
    return None


def stream_end(data: bytes) -> int | None:
    """Where the first frame starts within which a DEFLATE stream ends (BFINAL)."""
    engine, compressed = zlib.decompressobj(-15), False
    for frame in frames(data):
        if frame.is_control:
            continue
        compressed = frame.first & 0x40 != 0 or (compressed and not frame.first & 15)
        if compressed:
            is_end = frame.first & 0x80 and frame.end <= len(data)
            try:
                engine.decompress(frame.payload + (TAIL if is_end else b""))
            except zlib.error:
                return None
            if engine.eof:
                return frame.start
    return None
