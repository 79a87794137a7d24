"""RFC 9113 §5: states of streams, their numbers, concurrency, errors, extensions."""

import pytest

from tests.http2.cases import (
    Case,
    alive,
    answered,
    connection_error,
    either_error,
    hold,
    no_more,
    nothing,
    response_on,
)
from tests.support.h2_frames import (
    END_HEADERS,
    END_STREAM,
    Code,
    Kind,
    Setting,
    block,
    data,
    frame,
    get,
    headers,
    ping,
    post,
    priority,
    request,
    reset,
    settings,
    window_update,
)
from tests.support.http2 import Http2Client

PROTOCOL, CLOSED, SIZE = Code.PROTOCOL_ERROR, Code.STREAM_CLOSED, Code.FRAME_SIZE_ERROR
HELD = get(1, b"/hold")  # half-closed by the client, and stays so
ENDED = (get(1), response_on(1))
RESET = (post(1, b"/hold"), alive, reset(1))
CONTINUED = frame(Kind.CONTINUATION, END_HEADERS, 1, block(request()))
TRAILERS = headers(1, [(b"x-trailer", b"1")])


def open_all(client: Http2Client) -> None:
    """As many requests as the server allows at a time, and one more."""
    most = client.settings[Setting.MAX_CONCURRENT_STREAMS]
    assert 100 <= most <= 1000, "§6.5.2 recommends no fewer than 100"
    for number in range(most + 1):
        client.send(get(2 * number + 1, b"/hold"))


def refused(client: Http2Client) -> None:
    most = client.settings[Setting.MAX_CONCURRENT_STREAMS]
    either_error(2 * most + 1, Code.REFUSED_STREAM, PROTOCOL)(client)


def unharmed(client: Http2Client) -> None:
    """A server may say with NO_ERROR that it wants no more content (§8.1)."""
    assert client.alive()
    assert client.gone is None
    assert client.stream(1).reset in (None, Code.NO_ERROR)


def no_crash(client: Http2Client) -> None:
    """RFC 7540 §5.3.1 had an error for it, RFC 9113 has none: either, and no end without a word."""
    if client.alive():
        seen = client.stream(1)
        assert seen.reset in (None, PROTOCOL)
        if seen.reset is None:
            assert client.response(1).status == 200
    else:
        assert client.gone is not None and client.gone.code == PROTOCOL


def last_was(client: Http2Client, number: int) -> None:
    connection_error(SIZE)(client)
    assert client.gone is not None and client.gone.last_stream == number


CASES = [
    # §5.1 idle: HEADERS and PRIORITY alone.
    Case("5.1", "idle: DATA", data(1, b"x"), connection_error(PROTOCOL)),
    Case("5.1", "idle: RST_STREAM", reset(1), connection_error(PROTOCOL)),
    Case("5.1", "idle: WINDOW_UPDATE", window_update(1, 1), connection_error(PROTOCOL)),
    Case("5.1", "idle: CONTINUATION", CONTINUED, connection_error(PROTOCOL)),
    Case("5.1", "idle: PRIORITY", priority(1), nothing),
    # §5.1 half-closed (remote): WINDOW_UPDATE, PRIORITY and RST_STREAM alone.
    Case("5.1", "half-closed (remote): DATA", HELD + data(1, b"x"), either_error(1, CLOSED)),
    Case("5.1", "half-closed (remote): HEADERS", HELD + get(1), either_error(1, CLOSED)),
    Case(
        "5.1",
        "half-closed (remote): CONTINUATION",
        HELD + CONTINUED,
        connection_error(PROTOCOL, CLOSED),
    ),
    Case("5.1", "half-closed (remote): WINDOW_UPDATE", HELD + window_update(1, 1), nothing),
    Case("5.1", "half-closed (remote): PRIORITY", HELD + priority(1), nothing),
    Case("5.1", "half-closed (remote): RST_STREAM", HELD + reset(1), nothing),
    # §5.1 closed: by the client's RST_STREAM, and at the end of both sides.
    Case("5.1", "closed by RST_STREAM: DATA", (*RESET, data(1, b"x")), no_more(1)),
    Case("5.1", "closed by RST_STREAM: HEADERS", (*RESET, get(1)), no_more(1)),
    Case(
        "5.1",
        "closed by RST_STREAM: CONTINUATION",
        (*RESET, CONTINUED),
        connection_error(PROTOCOL, CLOSED),
    ),
    Case("5.1", "closed by RST_STREAM: PRIORITY", (*RESET, priority(1)), nothing),
    Case("5.1", "closed by RST_STREAM: WINDOW_UPDATE", (*RESET, window_update(1, 1)), nothing),
    Case("5.1", "closed by RST_STREAM: RST_STREAM", (*RESET, reset(1)), nothing),
    Case("5.1", "closed: DATA", (*ENDED, data(1, b"x")), no_more(1)),
    Case("5.1", "closed: HEADERS", (*ENDED, get(1)), no_more(1)),
    Case("5.1", "closed: CONTINUATION", (*ENDED, CONTINUED), connection_error(PROTOCOL, CLOSED)),
    Case("5.1", "closed: PRIORITY", (*ENDED, priority(1)), nothing),
    Case("5.1", "closed: WINDOW_UPDATE", (*ENDED, window_update(1, 1)), nothing),
    Case("5.1", "closed: RST_STREAM", (*ENDED, reset(1)), nothing),
    Case(
        "5.1",
        "half-closed (local): content behind a response that is whole",
        (post(1, b"/"), response_on(1), data(1, b"late", end=True)),
        unharmed,
    ),
    # §5.1.1: numbers.
    Case("5.1.1", "even number", get(2), connection_error(PROTOCOL)),
    Case(
        "5.1.1",
        "smaller number than one used before",
        (get(5), response_on(5), get(3)),
        connection_error(PROTOCOL, CLOSED),
    ),
    Case("5.1.1", "number used again", (get(3), response_on(3), get(3)), no_more(3)),
    Case("5.1.1", "numbers left out", (get(7), response_on(7), get(101)), answered(101)),
    Case("5.1.1", "the largest number", get((1 << 31) - 1), answered((1 << 31) - 1)),
    # §5.1.2: concurrency.
    Case("5.1.2", "one stream too many", (alive, open_all), refused),
    # §5.3.2: the priorities of RFC 7540 mean nothing, and their frames still have a form.
    Case("5.3.2", "PRIORITY on itself", priority(1, on=1) + get(1), no_crash),
    Case(
        "5.3.2",
        "HEADERS with a priority",
        frame(Kind.HEADERS, END_STREAM | END_HEADERS | 0x20, 1, b"\0\0\0\0\xff" + block(request())),
        answered(1),
    ),
    Case(
        "5.3.2",
        "exclusive dependency on a stream that isn't there",
        priority(1, on=1 << 31 | 77) + get(1),
        answered(1),
    ),
    # §5.4.1, §5.5.
    Case(
        "5.4.1",
        "GOAWAY names the last stream",
        (get(1), response_on(1), get(3), response_on(3), ping(b"short")),
        lambda client: last_was(client, 3),
    ),
    Case("5.4.2", "a reset isn't answered with one", HELD + reset(1), nothing),
    Case(
        "5.5",
        "unknown frame between HEADERS and DATA",
        post(1) + frame(0xBA, 0xFF, 1, b"new") + data(1, b"x", end=True),
        answered(1, body=b"x"),
    ),
    Case("5.5", "unknown setting", settings({0x7A7A: 7}) + get(1), answered(1)),
    Case(
        "5.5",
        "unknown frame within a header block",
        frame(Kind.HEADERS, END_STREAM, 1, block(request())[:5]) + frame(0xBA, 0, 1, b"x"),
        connection_error(PROTOCOL),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_streams(case, client):
    hold(case, client)


def test_idle_streams_below_are_closed(client):
    """§5.1.1: the first use of a number closes the idle ones below it."""
    client.start().send(get(9))
    assert client.response(9).status == 200
    client.send(data(3, b"x"))
    no_more(3)(client)


def test_place_of_an_ended_stream_is_free(client):
    """§5.1.2: ended streams don't count."""
    client.start()
    most = client.settings[Setting.MAX_CONCURRENT_STREAMS]
    for number in range(most + 20):
        client.send(get(2 * number + 1))
        assert client.response(2 * number + 1).status == 200
