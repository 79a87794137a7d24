"""A `WebSocketConnection` on a transport made of lists, come to by either HTTP.

Both rigs have what the tests of messages and of ends ask for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.net.h2_rig import Client, Http2Rig, Reply
from tests.net.rig import Answer, Rig, read_answers
from tests.wire.ws_peer import sent
from tricorn.net.service import WebSocketOptions

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_END = b"\r\n\r\n"


def handshake(*lines: bytes, target: bytes = b"/", version: bytes = b"1.1") -> bytes:
    """A good handshake with further field lines."""
    own = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
    first = b"GET %b HTTP/%b" % (target, version)
    return b"\r\n".join((first, b"Host: a", *own, b"Sec-WebSocket-Key: " + KEY, *lines, b"", b""))


def close(code: int, reason: str = "") -> bytes:
    """A client's close frame."""
    return sent(CLOSE, code.to_bytes(2, "big") + reason.encode())


def text(message: str) -> bytes:
    """A client's text message."""
    return sent(TEXT, message.encode())


class WebSocketRig(Rig):
    """One worker's service and one connection, which is to become a WebSocket."""

    version = "1.1"
    opened = 101

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Any, **options: Any) -> None:
        ws = WebSocketOptions(**options.pop("ws", {}))
        super().__init__(loop, app, **{"websockets": ws, **options})

    def begin(self, *lines: bytes, behind: bytes = b"", target: bytes = b"/") -> None:
        """Have a handshake arrive, with `behind` in the same piece."""
        self.receive(handshake(*lines, target=target) + behind)

    @property
    def head(self) -> Answer:
        """The handshake's answer. `body` of a 101 is empty."""
        data = self.transport.written
        if data.startswith(b"HTTP/1.1 101 "):
            lines = data.partition(_END)[0].split(b"\r\n")[1:]
            pairs = [line.split(b": ", 1) for line in lines]
            fields = {name.lower(): value for name, value in pairs}
            assert len(fields) == len(pairs), pairs
            return Answer(101, fields, b"", [], {})
        return read_answers(data)[0]

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """Opcode and payload of each frame written; all whole, final and unmasked."""
        return read_frames(self.transport.written.partition(_END)[2])

    @property
    def closed_with(self) -> int | None:
        """The code of the close frame, 1005 for none; None where no close was sent."""
        return close_code(self.frames)

    def is_over(self) -> bool:
        """Whether nothing is left of it here."""
        return not self.service.connections


class StreamTransport:
    """What has become of a stream, in the words of `FakeTransport`."""

    def __init__(self, rig: CarriedRig) -> None:
        self.rig = rig

    @property
    def written(self) -> bytes:
        return self.rig.reply.body

    @property
    def reading(self) -> bool:
        return bool(self.rig.stream.tunnel.reading)

    @property
    def ended(self) -> bool:
        return self.rig.reply.ended

    closed = ended

    def lose(self, error: Exception | None = None) -> None:
        self.rig.client.engine.reset_stream(self.rig.stream_id, 8)

    @property
    def aborted(self) -> bool:
        return self.rig.reply.reset is not None


def connect(
    *lines: bytes, target: bytes = b"/", version: bytes = b"13", protocol: bytes = b"websocket"
) -> list[tuple[bytes, bytes]]:
    """A good extended CONNECT (RFC 8441 §5) with further field lines."""
    pairs = [line.split(b": ", 1) for line in lines]
    return [
        (b":method", b"CONNECT"),
        (b":protocol", protocol),
        (b":scheme", b"https"),
        (b":path", target),
        (b":authority", b"a"),
        (b"sec-websocket-version", version),
        *((name.lower(), value) for name, value in pairs),
    ]


class CarriedRig:
    """The same over one stream of an HTTP/2 connection."""

    version = "2"
    opened = 200

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Any, **options: Any) -> None:
        ws = WebSocketOptions(**options.pop("ws", {}))
        self.h2 = Http2Rig(loop, app, **{"websockets": ws, **options})
        self.loop = loop
        self.service = self.h2.service
        self.transports = self.h2.transports
        self.stream_id = 0
        self.stream: Any = None
        self.reply = Reply()
        self.transport = StreamTransport(self)

    @property
    def client(self) -> Client:
        return self.h2.client

    def begin(self, *lines: bytes, behind: bytes = b"", target: bytes = b"/") -> None:
        """Have a handshake arrive, with `behind` in the same piece."""
        self.ask(connect(*lines, target=target), behind)

    def ask(
        self, fields: list[tuple[bytes, bytes]], behind: bytes = b"", ended: bool = False
    ) -> None:
        self.stream_id = self.h2.begin(fields, ended=ended)
        if behind:
            self.client.engine.send_data(self.stream_id, behind)
        self.reply = self.client.replies[self.stream_id]
        self.turn()
        self.stream = self.h2.connection.streams.get(self.stream_id)

    def receive(self, *pieces: bytes) -> bytes:
        """Have the pieces arrive, one a turn; what was written meanwhile."""
        before = len(self.reply.body)
        for piece in pieces:
            if piece:
                self.client.engine.send_data(self.stream_id, piece)
            self.turn()
        return self.reply.body[before:]

    def end_of_client(self) -> bool:
        """The client ends its side; whether the server keeps its own open."""
        self.client.engine.end_stream(self.stream_id)
        self.turn()
        return not self.reply.ended and self.reply.reset is None

    def turn(self) -> None:
        self.h2.exchange()

    def call(self, function: Any, *args: Any) -> Any:
        result = self.h2.call(function, *args)
        self.turn()
        return result

    def later(self, seconds: float, step: float = 0.5) -> None:
        """Let the time pass, both sides carrying on."""
        end = self.service.now + seconds
        while self.service.now < end:
            self.h2.later(min(step, end - self.service.now))
            self.turn()

    @property
    def protocol(self) -> Any:
        return self.stream.tunnel.protocol

    @property
    def open(self) -> bool:
        return self.stream_id in self.h2.connection.streams

    @property
    def head(self) -> Answer:
        reply = self.reply
        body = b"" if reply.status == 200 else reply.body
        return Answer(reply.status, reply.fields, body, reply.interim, reply.trailers)

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        return read_frames(self.reply.body)

    @property
    def closed_with(self) -> int | None:
        return close_code(self.frames)

    def is_over(self) -> bool:
        """Whether nothing is left of it but the connection, once the client has hung up too."""
        if self.reply.ended and self.open:
            self.client.engine.end_stream(self.stream_id)
            self.turn()
        return self.service.connections == {self.h2.connection} and not self.service.carried


def close_code(frames: list[tuple[int, bytes]]) -> int | None:
    """The code of the close frame, 1005 for none; None where no close was sent."""
    closes = [payload for opcode, payload in frames if opcode == CLOSE]
    assert len(closes) < 2, closes
    if not closes:
        return None
    assert frames[-1][0] == CLOSE, "a frame behind the close"
    return int.from_bytes(closes[0][:2], "big") if closes[0] else 1005


def read_frames(data: bytes) -> list[tuple[int, bytes]]:
    frames = []
    while data:
        opcode, payload, data = read_frame(data)
        frames.append((opcode, payload))
    return frames


def read_frame(data: bytes) -> tuple[int, bytes, bytes]:
    """The first frame's opcode and payload, and what is behind it."""
    first, size = data[0], data[1]
    at = 2
    assert first & 0xF0 == 0x80, hex(first)
    if size == 126:
        size, at = int.from_bytes(data[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(data[2:10], "big"), 10
    assert len(data) >= at + size
    return first & 15, data[at : at + size], data[at + size :]


def wait_until(rig: WebSocketRig, condition: Callable[[], object]) -> None:
    """Let the loop's timers run until it is so."""
    deadline = rig.loop.time() + 30
    while not condition():
        assert rig.loop.time() < deadline
        rig.loop.run_until_complete(asyncio.sleep(0.002))


MakeRig = Callable[..., WebSocketRig]
MakeAny = Callable[..., WebSocketRig | CarriedRig]
