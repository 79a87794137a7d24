"""What the HTTP/2 wire makes of a client's bytes, however they are cut."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.support.h2_frames import PREFACE, settings
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
    cost: int = 0
    updates: int = 0


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
    if not heard.over:
        heard.head_open, heard.cost, heard.updates = wire.head_open(), wire.cost, wire.updates
    return heard


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
