"""What a wire gives an exchange or a session: the way to one client's messages.

Every HTTP version implements these once (`net/http1_stream.py` and `net/websocket.py` for
HTTP/1.1). Nothing here knows frames, chunks or sockets; nothing in a wire knows ASGI
messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, BinaryIO

from tricorn.asgi.ready import WakeUp

FieldLines = Iterable[Iterable[bytes]]


class Outlet:
    """The way out to a peer, which may be slower than the app.

    `write_paused` is true while the peer doesn't read what was written, and `drain`
    holds those who wait for it to.
    """

    def __init__(self) -> None:
        self.write_paused = False
        self.drain: WakeUp | None = None

    async def drained(self) -> None:
        """Wait until the peer reads, or is gone."""
        while self.write_paused:
            if self.drain is None:
                self.drain = WakeUp()
            await self.drain.wait()

    def wake_writers(self) -> None:
        """Let those go on who wait in `drained`."""
        if self.drain is not None:
            self.drain.wake()


class Stream(Outlet):
    """One request's stream. A wire's connection derives from it."""

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Write the head and the first content. Raises `wire.errors.ResponseError`."""
        raise NotImplementedError

    def write(self, body: bytes, more: bool) -> None:
        """Write further content. Raises `wire.errors.ResponseError`."""
        raise NotImplementedError

    def write_trailers(self, fields: FieldLines) -> None:
        """End the content with a trailer section, where the peer can take one."""
        raise NotImplementedError

    def inform(self, status: int, fields: FieldLines) -> None:
        """Write a 1xx response, where the peer can take one."""
        raise NotImplementedError

    async def write_file(self, file: BinaryIO, offset: int, count: int, more: bool) -> None:
        """Write `count` bytes of an open file from `offset` on as content."""
        raise NotImplementedError

    def want_content(self) -> None:
        """The app waits for content: let the peer send it."""
        raise NotImplementedError

    def abort(self) -> None:
        """Give the response up, so that the peer can't take it for a whole one."""
        raise NotImplementedError

    def app_ended(self, exchange: Any) -> None:
        """The app's task of this exchange is over."""
        raise NotImplementedError


class SessionStream(Outlet):
    """One WebSocket's stream. `net.websocket.WebSocketConnection` derives from it."""

    def accept(self, subprotocol: str | None, fields: FieldLines) -> None:
        """Complete the handshake. Raises `wire.errors.ResponseError` for a bad field."""
        raise NotImplementedError

    def deny(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Answer the handshake with a response. Raises `wire.errors.ResponseError`."""
        raise NotImplementedError

    def deny_more(self, body: bytes, more: bool) -> None:
        """Go on with that response's content. Raises `wire.errors.ResponseError`."""
        raise NotImplementedError

    def send_text(self, text: str) -> None:
        """Send a text message. Raises ValueError for what UTF-8 can't hold."""
        raise NotImplementedError

    def send_binary(self, data: bytes) -> None:
        """Send a binary message."""
        raise NotImplementedError

    def close(self, code: int, reason: str) -> None:
        """Send the close frame. Raises `wire.errors.ResponseError` for a bad code or reason."""
        raise NotImplementedError

    def want_message(self) -> None:
        """The app waits for a message: let the peer send it."""
        raise NotImplementedError

    def abort(self) -> None:
        """Give a denial up that has begun, so that the peer can't take it for a whole one."""
        raise NotImplementedError

    def app_ended(self, session: Any) -> None:
        """The app's task of this session is over."""
        raise NotImplementedError
