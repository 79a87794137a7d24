"""A `WebSocketConnection` behind an `Http1Connection`, on a transport made of lists."""

from __future__ import annotations

import asyncio
from typing import Any

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

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Any, **options: Any) -> None:
        ws = WebSocketOptions(**options.pop("ws", {}))
        super().__init__(loop, app, **{"websockets": ws, **options})

    def begin(self, *lines: bytes, behind: bytes = b"") -> None:
        """Have a handshake arrive, with `behind` in the same piece."""
        self.receive(handshake(*lines) + behind)

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
        data = self.transport.written.partition(_END)[2]
        frames = []
        while data:
            opcode, payload, data = read_frame(data)
            frames.append((opcode, payload))
        return frames

    @property
    def closed_with(self) -> int | None:
        """The code of the close frame, 1005 for none; None where no close was sent."""
        closes = [payload for opcode, payload in self.frames if opcode == CLOSE]
        assert len(closes) < 2, closes
        if not closes:
            return None
        assert self.frames[-1][0] == CLOSE, "a frame behind the close"
        return int.from_bytes(closes[0][:2], "big") if closes[0] else 1005


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
