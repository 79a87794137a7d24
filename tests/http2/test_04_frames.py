"""RFC 9113 §4: frames, their size, and how header blocks are carried."""

import pytest

from tests.http2.cases import Case, answered, connection_error, either_error, hold, nothing
from tests.support.h2_frames import (
    END_HEADERS,
    END_STREAM,
    Code,
    Kind,
    block,
    data,
    frame,
    get,
    ping,
    post,
    priority,
    raw_frame,
    request,
    reset,
    settings,
    window_update,
)
from tests.support.http2 import Http2Client

BLOCK = block(request())
OPEN_BLOCK = frame(Kind.HEADERS, END_STREAM, 1, BLOCK[:10])
UNKNOWN = frame(0xFA, 0xFF, 0, b"what is this")
SIZE, PROTOCOL, COMPRESSION = Code.FRAME_SIZE_ERROR, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR


def too_large(client: Http2Client) -> int:
    """A length beyond what the server takes."""
    return client.settings.get(5, 16384) + 1


def large_data(client: Http2Client) -> None:
    size = too_large(client)
    client.send(post(1) + raw_frame(size, Kind.DATA, END_STREAM, 1, bytes(size)))


def large_headers(client: Http2Client) -> None:
    size = too_large(client)
    value = (b"x-large", b"v" * size)
    payload = block(request(b"/", b"GET", value))[:size]
    client.send(raw_frame(size, Kind.HEADERS, END_HEADERS | END_STREAM, 1, payload))


def large_unknown(client: Http2Client) -> None:
    size = too_large(client)
    client.send(raw_frame(size, 0xFA, 0, 0, bytes(size)))


CASES = [
    # §4.1: what isn't known or reserved is passed over.
    Case("4.1", "unknown type on stream 0", UNKNOWN, nothing),
    Case("4.1", "unknown type on an idle stream", frame(0xFA, 0, 1, b"?") + get(1), answered(1)),
    Case(
        "4.1",
        "unknown type within a request's content",
        post(1) + data(1, b"a") + frame(0xFA, 0, 1, b"?") + data(1, b"b", end=True),
        answered(1, body=b"ab"),
    ),
    Case("4.1", "undefined flags of PING", frame(Kind.PING, 0xFE, 0, b"\0" * 8), nothing),
    Case(
        "4.1",
        "undefined flags of HEADERS",
        frame(Kind.HEADERS, END_HEADERS | END_STREAM | 0xD2 & ~0x20, 1, BLOCK),
        answered(1),
    ),
    Case(
        "4.1",
        "undefined flags of DATA",
        post(1) + frame(Kind.DATA, END_STREAM | 0xF6, 1, b"x"),
        answered(1, body=b"x"),
    ),
    Case("4.1", "reserved bit of PING", frame(Kind.PING, 0, 1 << 31, b"\0" * 8), nothing),
    Case(
        "4.1",
        "reserved bit of HEADERS",
        frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1 << 31 | 1, BLOCK),
        answered(1),
    ),
    # §4.2: sizes.
    Case(
        "4.2",
        "DATA of 2^14 bytes",
        post(1) + data(1, b"x" * 16384, end=True),
        answered(1, body=b"x" * 16384),
    ),
    Case(
        "4.2",
        "HEADERS of 2^14 bytes",
        (lambda client: client.send(headers_of(16384)),),
        answered(1),
    ),
    Case("4.2", "DATA over SETTINGS_MAX_FRAME_SIZE", (large_data,), either_error(1, SIZE)),
    Case("4.2", "HEADERS over SETTINGS_MAX_FRAME_SIZE", (large_headers,), connection_error(SIZE)),
    Case(
        "4.2",
        "unknown frame over SETTINGS_MAX_FRAME_SIZE",
        (large_unknown,),
        connection_error(SIZE),
    ),
    # §4.3: a block is decoded whole and stands together.
    Case(
        "4.3",
        "index that isn't in the table",
        frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\x80\x80\x01"),
        connection_error(COMPRESSION),
    ),
    Case(
        "4.3",
        "block that ends within a field",
        frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, BLOCK[:-1]),
        connection_error(COMPRESSION),
    ),
    Case(
        "4.3",
        "bad block of a stream that is reset",
        post(1)
        + reset(1)
        + frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff"),
        connection_error(COMPRESSION, Code.STREAM_CLOSED),
    ),
    *(
        Case(
            "4.3", f"{name} within a header block", OPEN_BLOCK + within, connection_error(PROTOCOL)
        )
        for name, within in {
            "PRIORITY": priority(1),
            "DATA": data(1, b"x"),
            "RST_STREAM": reset(1),
            "SETTINGS": settings(),
            "PING": ping(),
            "WINDOW_UPDATE": window_update(1, 1),
            "HEADERS of another stream": get(3),
            "CONTINUATION of another stream": frame(Kind.CONTINUATION, END_HEADERS, 3, BLOCK[10:]),
            "an unknown frame": UNKNOWN,
        }.items()
    ),
]


def headers_of(size: int) -> bytes:
    """HEADERS whose payload has just this size."""
    length = size - len(block(request(b"/", b"GET", (b"x", b""))))
    # The length of the value takes three bytes where it took one.
    payload = block(request(b"/", b"GET", (b"x", b"v" * (length - 2))))
    assert len(payload) == size, len(payload)
    return frame(Kind.HEADERS, END_HEADERS | END_STREAM, 1, payload)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_frames(case, client):
    hold(case, client)
