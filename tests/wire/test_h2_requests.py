"""Field sections that are the last one again: what was found out once is true of each."""

from __future__ import annotations

from tests.support.h2_frames import Code, get, headers, post, request, reset
from tests.wire.h2_peer import START, hear
from tricorn.wire.h2 import CLOSED, REQUEST, TRAILERS, Http2Limits

FIELDS = request(b"/", b"GET", (b"priority", b"u=1"), (b"x", b"y"))
REFUSED = (CLOSED, Code.REFUSED_STREAM)
BROKEN = (CLOSED, Code.PROTOCOL_ERROR)


def outcomes(stream: int, *sent: bytes, streams: int = 100) -> list[tuple[int, ...]]:
    """What becomes of a stream."""
    heard = hear([START, *sent], Http2Limits(streams=streams))
    assert not heard.over
    return [
        (CLOSED, event[2]) if event[0] == CLOSED else (event[0],)
        for event in heard.events
        if event[1] == stream
    ]


def test_requests() -> None:
    for stream in (1, 3, 5):
        assert outcomes(stream, *(headers(number, FIELDS) for number in (1, 3, 5))) == [(REQUEST,)]


def test_malformed_requests() -> None:
    for fields in (FIELDS[1:], [*FIELDS, (b"Upper", b"case")]):
        for stream in (1, 3):
            assert outcomes(stream, headers(1, fields), headers(3, fields)) == [BROKEN]
        assert outcomes(5, headers(1, fields), headers(3, fields), get(5)) == [(REQUEST,)]


def test_trailers_that_come_again_as_a_request() -> None:
    trailers = [(b"x-checksum", b"1")]
    sent = (post(1), headers(1, trailers), headers(3, trailers))
    assert outcomes(1, *sent) == [(REQUEST,), (TRAILERS,)]
    assert outcomes(3, *sent) == [BROKEN]


def test_a_request_that_was_taken_for_trailers_before() -> None:
    sent = (post(1), headers(1, FIELDS), headers(3, FIELDS))
    assert outcomes(1, *sent) == [(REQUEST,), BROKEN]
    assert outcomes(3, *sent) == [(REQUEST,)]


def test_a_request_that_comes_as_trailers() -> None:
    fields = request(b"/", b"POST")
    assert outcomes(1, headers(1, fields, end=False), headers(1, fields)) == [(REQUEST,), BROKEN]


def test_a_request_that_was_turned_away_before() -> None:
    for fields, outcome in ((FIELDS, (REQUEST,)), (FIELDS[1:], BROKEN)):
        sent = (post(1), headers(3, fields), reset(1), headers(5, fields))
        assert outcomes(3, *sent, streams=1) == [REFUSED]
        assert outcomes(5, *sent, streams=1) == [outcome]
