"""What is sent again and again in attacks on HTTP/2, and a client that does it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.attacks.attacked import Victim
from tests.support.h2_frames import (
    Code,
    Kind,
    block,
    data,
    frame,
    get,
    headers,
    integer,
    ping,
    post,
    priority,
    priority_update,
    request,
    reset,
    settings,
    string,
    window_update,
)
from tests.support.http2 import Http2Client

MIB = 1 << 20
LARGEST = (1 << 31) - 1


class Flood(NamedTuple):
    """``piece(n)`` is what is sent as number n, behind ``start``."""

    start: bytes
    piece: Callable[[int], bytes]
    count: int
    codes: tuple[Code, ...] = (Code.ENHANCE_YOUR_CALM,)  # of the GOAWAY that ends it


def odd(number: int) -> int:
    """The stream of request number n; 1 is left to the flood's start."""
    return 2 * number + 3


def websocket(stream: int, path: bytes = b"/echo") -> bytes:
    """An extended CONNECT (RFC 8441 §5)."""
    fields = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"http")]
    fields += [(b":path", path), (b":authority", b"test"), (b"sec-websocket-version", b"13")]
    return headers(stream, fields, end=False)


WRONG_LENGTH = request(b"/read", b"POST", (b"content-length", b"1"))
HELD = get(1, b"/wait")
CALM = Code.ENHANCE_YOUR_CALM
# A stream whose app runs on takes its place until that is done: too many at a time (§5.1.2).
CROWDED = (CALM, Code.PROTOCOL_ERROR)
# The client resets what it asks for (CVE-2023-44487), or makes the server reset it
# (CVE-2025-8671): either way its place is free, and the work was done. What isn't counted is an
# error of the connection the first time.
RESETS = {
    "rapid reset": Flood(b"", lambda n: get(odd(n), b"/nap") + reset(odd(n)), 20_000),
    "rapid reset of uploads": Flood(b"", lambda n: post(odd(n), b"/read") + reset(odd(n)), 20_000),
    "rapid reset of WebSockets": Flood(
        b"", lambda n: websocket(odd(n), b"/mute") + reset(odd(n)), 20_000
    ),
    "increment 0": Flood(
        b"",
        lambda n: get(odd(n), b"/nap") + window_update(odd(n), 0),
        20_000,
        (CALM, Code.PROTOCOL_ERROR),
    ),
    "window over its end": Flood(
        b"",
        lambda n: get(odd(n), b"/nap") + window_update(odd(n), LARGEST),
        20_000,
        (CALM, Code.FLOW_CONTROL_ERROR),
    ),
    "content behind the end": Flood(
        b"",
        lambda n: get(odd(n), b"/nap") + data(odd(n), b"x"),
        20_000,
        (CALM, Code.STREAM_CLOSED),
    ),
    "head behind the end": Flood(
        b"",
        lambda n: get(odd(n), b"/nap") + get(odd(n), b"/nap"),
        20_000,
        (CALM, Code.STREAM_CLOSED),
    ),
    "PRIORITY of a wrong size": Flood(
        b"",
        lambda n: get(odd(n), b"/nap") + frame(Kind.PRIORITY, 0, odd(n), bytes(4)),
        20_000,
        (CALM, Code.FRAME_SIZE_ERROR),
    ),
    "content of a wrong length": Flood(
        b"",
        lambda n: headers(odd(n), WRONG_LENGTH, end=False) + data(odd(n), b"too much", end=True),
        20_000,
        CROWDED,
    ),
    "malformed trailers": Flood(
        b"",
        lambda n: post(odd(n), b"/nap") + headers(odd(n), [(b":path", b"/")]),
        20_000,
        CROWDED,
    ),
    "malformed requests": Flood(b"", lambda n: headers(odd(n), [(b"x", b"y")]), 20_000, CROWDED),
}
CHEAP = {
    "SETTINGS": Flood(b"", lambda number: settings({3: number}), 100_000),
    "empty SETTINGS": Flood(b"", lambda number: settings(), 100_000),
    "SETTINGS that move every window": Flood(
        b"".join(get(odd(number), b"/wait") for number in range(50)),
        lambda number: settings({4: 1000 + number % 2}),
        100_000,
    ),
    "SETTINGS of 16 KiB": Flood(
        b"", lambda number: frame(Kind.SETTINGS, 0, 0, b"\x7a\x7a\0\0\0\1" * 2700), 2000
    ),
    "PING": Flood(b"", lambda number: ping(b"%8d" % number), 100_000),
    "PING with ACK": Flood(b"", lambda number: frame(Kind.PING, 1, 0, bytes(8)), 100_000),
    "empty DATA": Flood(post(1, b"/read"), lambda number: data(1), 100_000),
    "DATA of padding": Flood(
        post(1, b"/read"), lambda number: frame(Kind.DATA, 8, 1, b"\xff" + bytes(255)), 20_000
    ),
    "PRIORITY": Flood(b"", lambda number: priority(odd(number), odd(number + 1)), 100_000),
    "PRIORITY_UPDATE of what isn't there": Flood(
        b"",
        lambda number: priority_update(odd(number), b"u=1"),
        100_000,
        (CALM, Code.PROTOCOL_ERROR),  # RFC 9218 §7.1: no more of them than streams may be
    ),
    "PRIORITY_UPDATE of one stream": Flood(
        HELD, lambda number: priority_update(1, b"u=%d" % (number % 8)), 100_000
    ),
    "WINDOW_UPDATE of the connection": Flood(b"", lambda number: window_update(0, 1), 100_000),
    "WINDOW_UPDATE of a stream": Flood(HELD, lambda number: window_update(1, 1), 100_000),
    "WINDOW_UPDATE of a closed stream": Flood(
        HELD + reset(1), lambda number: window_update(1, 1), 100_000
    ),
    "RST_STREAM of a closed stream": Flood(
        HELD + reset(1),
        lambda number: reset(1),
        100_000,
    ),
    "unknown frames": Flood(b"", lambda number: frame(0xBE, 0, 0, b""), 100_000),
    "large unknown frames": Flood(b"", lambda number: frame(0xBE, 0, 0, bytes(16384)), 3000),
}
BLOCKS = {
    "empty CONTINUATION": Flood(
        frame(Kind.HEADERS, 1, 1, block(request())),
        lambda number: frame(Kind.CONTINUATION, 0, 1),
        100_000,
    ),
    "CONTINUATION of a byte": Flood(
        frame(Kind.HEADERS, 1, 1, block(request()) + b"\0\x01x" + integer(1 << 20, 7)),
        lambda number: frame(Kind.CONTINUATION, 0, 1, b"v"),
        100_000,
    ),
    "CONTINUATION of fields": Flood(
        frame(Kind.HEADERS, 1, 1, block(request())),
        lambda number: frame(Kind.CONTINUATION, 0, 1, block([(b"x-%d" % number, b"v" * 50)])),
        100_000,
    ),
    "CONTINUATION of 16 KiB": Flood(
        frame(Kind.HEADERS, 1, 1, block(request())),
        lambda number: frame(Kind.CONTINUATION, 0, 1, block([(b"x", b"v" * 16000)])),
        3000,
    ),
}


def bomb(stream: int, count: int) -> bytes:
    """A field of 4,000 bytes, put into the table once and referred to with a byte each time."""
    field = b"\x40" + string(b"x") + string(b"v" * 3900) if stream == 1 else b""
    payload = block(request()) if stream == 1 else b""
    payload = (payload or block(request())) + field + b"\xbe" * count
    return frame(Kind.HEADERS, 5, stream, payload)


def thrash(stream: int) -> bytes:
    """A request that empties the decoder's table and fills it with small entries, twice."""
    fill = b"".join(b"\x40" + string(b"%d-%d" % (stream, n)) + string(b"") for n in range(40))
    return frame(
        Kind.HEADERS, 5, stream, b"\x20" + integer(4096, 5, 0x20) + block(request()) + fill
    )


@contextmanager
def attacking(made: Victim, flood: Flood, deadline: float) -> Iterator[Http2Client]:
    """A connection over which the flood goes, in a thread, until all is sent or it has ended.

    It answers nothing itself, so that the flood's frames are alone.
    """
    with Http2Client((made.server.host, made.server.port), deadline, allows=False) as client:
        client.start()
        client.answers = False
        client.send(flood.start)
        sender = threading.Thread(target=_pour, args=(client, flood))
        sender.start()
        try:
            yield client
        finally:
            client.shut()
            sender.join()


def _pour(client: Http2Client, flood: Flood) -> None:
    try:
        for start in range(0, flood.count, 500):
            pieces = range(start, min(start + 500, flood.count))
            client.socket.sendall(b"".join(flood.piece(number) for number in pieces))
    except OSError:
        pass
