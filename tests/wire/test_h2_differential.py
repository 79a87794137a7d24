"""The same bytes read by tricorn and by libnghttp2 as servers: what the apps get is the same.

What differs, and why: we answer 400 to a path that isn't one and to two Hosts, where it resets. A
Content-Length that is said twice is one to us (RFC 9110 §8.6 leaves the choice). We reset a stream
on which frames come behind its end (RFC 9113 §5.1), and it ends the connection. We look at a
frame's head before its content has come, and it decodes a field section while that arrives. So of
two faults either may be told, and what has come before the end is compared.
"""

from __future__ import annotations

from random import Random
from typing import Any

import ngh2
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.choices import Choices
from tests.wire.grammar import patient
from tests.wire.h2_peer import hear
from tests.wire.h2_streams import good_connection, simple_connection, wild_connection
from tricorn.wire.h2 import CLOSED, DATA, REQUEST, TRAILERS, Http2Limits

Events = dict[int, list[tuple[Any, ...]]]


def ours(sent: bytes) -> tuple[Events, bool]:
    """What happened to each stream, and whether the connection is over."""
    heard = hear([sent])
    events: Events = {}
    for event in heard.events:
        if len(event) > 1:
            _add(events.setdefault(event[1], []), (event[0], *event[2:]))
    return events, heard.over


def theirs(sent: bytes) -> tuple[Events, bool]:
    """The same by libnghttp2."""
    limits = Http2Limits()
    options = ngh2.Configuration(auto_window_update=False, max_settings=limits.settings)
    engine = ngh2.Connection(ngh2.Role.SERVER, options)
    engine.initiate_connection({})
    over = False
    try:
        engine.receive_data(sent)
    except ngh2.NGH2Error:
        over = True
    events: Events = {}
    while found := engine.events():
        over = _take(events, found) or over
        try:
            while engine.data_to_send(65536):
                pass
        except ngh2.NGH2Error:
            over = True
    return events, over


def _take(events: Events, found: list[Any]) -> bool:
    over = False
    for event in found:
        kind = type(event)
        if kind is ngh2.ConnectionClosed:
            over = True
        if kind in (ngh2.RequestReceived, ngh2.TrailersReceived):
            code = REQUEST if kind is ngh2.RequestReceived else TRAILERS
            fields = tuple((bytes(name), bytes(value)) for name, value in event.headers)
            ended = event.end_stream if code == REQUEST else True
            _add(events.setdefault(event.stream_id, []), (code, ended, fields))
        elif kind is ngh2.DataReceived:
            _add(
                events.setdefault(event.stream_id, []),
                (DATA, event.end_stream, bytes(event.data)),
            )
        elif kind is ngh2.StreamClosed:
            _add(events.setdefault(event.stream_id, []), (CLOSED, event.error_code))
    return over


def _add(events: list[tuple[Any, ...]], event: tuple[Any, ...]) -> None:
    """Pieces of content that follow each other are one."""
    if event[0] == DATA and events and events[-1][0] == DATA:
        event = (DATA, event[1], events.pop()[2] + event[2])
    events.append(event)


def handed_on(events: list[tuple[Any, ...]]) -> tuple[Any, bytes, Any]:
    """A request's fields, its content, and its trailers."""
    content = b"".join(event[2] for event in events if event[0] == DATA)
    sections = {event[0]: event[2] for event in events if event[0] in (REQUEST, TRAILERS)}
    return sections.get(REQUEST), content, sections.get(TRAILERS)


def test_a_simple_connection() -> None:
    sent = simple_connection()
    events, over = ours(sent)
    assert (events, over) == theirs(sent)
    assert len(events) == 3


@patient
@given(st.binary(max_size=300))
def test_good_connections(drawn: bytes) -> None:
    sent = good_connection(Choices(drawn))
    events, over = ours(sent)
    assert not over
    assert (events, over) == theirs(sent)


@patient
@given(st.integers(0, 1 << 32), st.sampled_from((20, 60, 200)))
def test_wild_connections(seed: int, size: int) -> None:
    sent = wild_connection(Choices(Random(seed).randbytes(size)))
    mine, over = ours(sent)
    others, other_over = theirs(sent)
    for stream in mine.keys() | others.keys():
        request, content, trailers = handed_on(mine.get(stream, []))
        other, other_content, other_trailers = handed_on(others.get(stream, []))
        if request is not None and other is not None:
            assert request == other
            assert content.startswith(other_content) or other_content.startswith(content)
            assert trailers == other_trailers or None in (trailers, other_trailers)
        elif request is not None and not over and not other_over:
            path = dict(request)[b":path"]
            names = [name for name, _ in request]
            twice = names.count(b"host") > 1 or names.count(b"content-length") > 1
            assert path == b"*" or b" " in path or twice
        elif other is not None:
            assert over
