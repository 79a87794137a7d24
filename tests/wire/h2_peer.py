"""What the HTTP/2 wire makes of a client's bytes, however they are cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.support.h2_frames import PREFACE, Kind, settings
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h2 import CLOSED, DATA, NEED_DATA, OVER, REQUEST, TRAILERS, Http2Limits, Http2Wire

START = PREFACE + settings()


@dataclass
class Heard:
    """The events, and what is sent back."""

    events: list[tuple[Any, ...]] = field(default_factory=list)
    sent: bytes = b""
    over: bool = False
    head_open: bool = False
    heads: int = 0
    cost: int = 0


def hear(pieces: Iterable[bytes], limits: Http2Limits | None = None) -> Heard:
    """Feeds the pieces to a wire that answers nothing by itself, and takes what it sends."""
    wire = Http2Wire(limits or Http2Limits(), HeadLimits())
    heard = Heard()
    for piece in pieces:
        wire.feed(piece)
        _take(wire, heard)
    while sent := wire.data_to_send(65536):
        heard.sent += sent
        _take(wire, heard)
    _take(wire, heard)
    heard.sent = without_words(heard.sent)
    if not heard.over:
        meter = wire.meter
        heard.head_open, heard.heads, heard.cost = meter.head_open(), meter.heads, meter.cost
    return heard


def without_words(sent: bytes) -> bytes:
    """What is sent, but for a GOAWAY's text for people (RFC 9113 §6.8).

    A client may break two rules at once. Which of them is told depends on how much came in one
    piece; the code doesn't.
    """
    kept = b""
    while len(sent) >= 9:
        end = 9 + int.from_bytes(sent[:3], "big")
        frame, sent = sent[:end], sent[end:]
        if frame[3] == Kind.GOAWAY:
            frame = b"\0\0\x08" + frame[3:17]
        kept += frame
    return kept + sent


def _take(wire: Http2Wire, heard: Heard) -> None:
    while (code := wire.next()) != NEED_DATA:
        if code == DATA:
            _add_data(wire, heard.events)
        elif code in (REQUEST, TRAILERS):
            heard.events.append((code, wire.stream_id, wire.ended, tuple(wire.fields)))
        elif code == CLOSED:
            heard.events.append((code, wire.stream_id, wire.error_code))
        else:
            heard.over = heard.over or code == OVER
            heard.events.append((code,))


def _add_data(wire: Http2Wire, events: list[tuple[Any, ...]]) -> None:
    """Pieces of content that follow each other are one: where it was cut means nothing."""
    before = b""
    if events and events[-1][:2] == (DATA, wire.stream_id):
        before = events.pop()[3]
    events.append((DATA, wire.stream_id, wire.ended, before + wire.data))


def frames_in(sent: bytes) -> list[tuple[int, int]]:
    """Type and stream of each frame; raises where a length doesn't fit."""
    found = []
    while sent:
        assert len(sent) >= 9, sent
        length = int.from_bytes(sent[:3], "big")
        assert length <= 16384 and len(sent) >= 9 + length, sent[:20]
        found.append((sent[3], int.from_bytes(sent[5:9], "big")))
        sent = sent[9 + length :]
    return found


def says_goodbye(sent: bytes) -> bool:
    """Whether a client's GOAWAY is among its frames: behind it the engine reads on only while
    streams are open, so that what comes in the same piece is still read."""
    at = len(PREFACE)
    while at + 9 <= len(sent):
        if sent[at + 3] == Kind.GOAWAY:
            return True
        at += 9 + int.from_bytes(sent[at : at + 3], "big")
    return False
