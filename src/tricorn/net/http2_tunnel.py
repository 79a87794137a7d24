"""A WebSocket on one stream of an HTTP/2 connection (RFC 8441).

```
 WebSocketConnection ── writes, closes ──► Http2Tunnel ──► WebSocketStream ──► connection
                     ◄── bytes, the end ──             ◄──                 ◄──
       └──────────── accepts, denies ───────────────────────────┘
```

To `WebSocketConnection` the tunnel is what a socket's transport is in HTTP/1.1, and the stream
is its `Opening`. The end of the stream stands for the end of a TCP connection, a reset for
that of TCP (RFC 8441 §5).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tricorn.asgi.stream import FieldLines
from tricorn.net.http2_stream import Carrier, Http2Stream
from tricorn.net.websocket import WebSocketConnection
from tricorn.net.websocket_opening import Peer
from tricorn.wire.errors import ResponseError
from tricorn.wire.fields import Fields, check_handshake_fields
from tricorn.wire.h2 import CANCEL, PROTOCOL_ERROR
from tricorn.wire.scan import list_fields
from tricorn.wire.ws_handshake import Handshake, answer_fields

_CANCEL: Final = CANCEL
_PROTOCOL_ERROR: Final = PROTOCOL_ERROR
_OPENED: Final = (b":status", b"200")

# What an offer has in HTTP/1.1. python-socketio, for one, refuses a WebSocket without it.
_OFFER: Final = ((b"connection", b"upgrade"), (b"upgrade", b"websocket"))


class Http2Tunnel:
    """The bytes of one stream: an `asyncio.Transport` as far as a WebSocket needs one."""

    def __init__(self, stream: WebSocketStream) -> None:
        self.stream = stream
        self.protocol: Any = None
        self.reading = True
        self.unread = bytearray()  # while the protocol doesn't read
        self.end_unread = False  # the client has ended its side behind that

    # Called by the stream

    def take(self, data: bytes) -> None:
        """Hand bytes on, or keep them; the client's window shuts by what is kept."""
        if self.unread or not self.reading:
            self.unread += data
        else:
            self._hand_on(data)

    def take_end(self) -> None:
        """The client sends no more."""
        if self.unread or not self.reading:
            self.end_unread = True
        elif self.protocol is not None and not self.protocol.eof_received():
            self.close()

    def lost(self) -> None:
        """The stream is over: tell the protocol, outside of its own calls."""
        self.stream.carrier.service.loop.call_soon(self._tell_lost)

    def _hand_on(self, data: bytes) -> None:
        if self.protocol is not None:
            self.protocol.data_received(data)
        if self.stream.unreturned:
            self.stream.give_back()

    def _tell_lost(self) -> None:
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            self.stream.carrier.service.carried -= 1
            protocol.connection_lost(None)

    def _deliver(self) -> None:
        """Hand on what was kept, as far as the protocol reads."""
        if self.unread and self.reading:
            data = bytes(self.unread)
            self.unread.clear()
            self._hand_on(data)
            self.stream.carrier.flush_soon()
        if self.end_unread and self.reading and not self.unread:
            self.end_unread = False
            self.take_end()

    # asyncio.Transport

    def pause_reading(self) -> None:
        """Keep what comes."""
        self.reading = False

    def resume_reading(self) -> None:
        """Hand on what was kept, and what comes."""
        if not self.reading:
            self.reading = True
            if self.unread or self.end_unread:
                self.stream.carrier.service.loop.call_soon(self._deliver)

    def write(self, data: bytes) -> None:
        """Queue bytes; the protocol is paused while much waits."""
        self.stream.send_bytes(data)

    def get_write_buffer_size(self) -> int:
        """Return how many bytes the client's window or its reading holds back."""
        return self.stream.wire.unsent(self.stream.stream_id)

    def can_write_eof(self) -> bool:
        """Say that one side can end before the other."""
        return True

    def write_eof(self) -> None:
        """End our side once what was written is sent."""
        self.stream.finish()

    def is_closing(self) -> bool:
        """Whether nothing more can be written; the protocol may not have been told yet."""
        return self.stream.closed or self.stream.response_ended

    def close(self) -> None:
        """End our side. A client that doesn't end its own is reset after a while."""
        self.stream.finish()

    def abort(self) -> None:
        """Reset the stream, with what waits."""
        self.stream.cancel()


class WebSocketStream(Http2Stream):
    """Serves one extended CONNECT."""

    def __init__(
        self, carrier: Carrier, stream_id: int, target: bytes, handshake: Handshake
    ) -> None:
        super().__init__(carrier, stream_id, "CONNECT", target)
        self.handshake = handshake
        self.deflate = handshake.deflate
        self.tunnel = Http2Tunnel(self)

    def open(self, scope: dict[str, Any], client: tuple[str, int] | None) -> None:
        """Run the app."""
        service = self.carrier.service
        tunnel = self.tunnel
        scope["headers"] = [*scope["headers"], *_OFFER]
        websocket = WebSocketConnection(service, tunnel, self, scope, Peer(client, self.target))
        tunnel.protocol = websocket
        service.carried += 1
        websocket.begin(b"")
        task = websocket.session.task
        if task is not None:
            self.carrier.app_waits(self)
            task.add_done_callback(self._app_is_done)

    def _app_is_done(self, task: asyncio.Task[None]) -> None:
        self.carrier.app_ended(self)

    # The opening

    def accept(self, subprotocol: str | None, fields: FieldLines) -> None:
        """Queue the head that opens (RFC 8441 §5.1). Raises `ResponseError`."""
        pairs = [tuple(pair) for pair in fields]
        kept: Fields = []
        flags, _ = list_fields(pairs, kept)
        check_handshake_fields(pairs)
        lines: Fields = [_OPENED, *answer_fields(self.handshake, subprotocol)]
        # RFC 9110 §9.3.6: no Content-Length in an answer that opens a tunnel.
        lines += [pair for pair in kept if pair[0] != b"content-length"]
        self.carrier.service.defaults.add_to(lines, flags)
        self.started = True
        self.wire.respond(self.stream_id, lines, False)
        self.carrier.flush_soon()

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Queue a denial's head and first content. Raises `ResponseError`."""
        if 200 <= status < 300:
            raise ResponseError(f"over HTTP/2 status {status} accepts a WebSocket: deny by another")
        Http2Stream.start(self, status, fields, body, more)

    # Called by the tunnel

    def send_bytes(self, data: bytes) -> None:
        """Queue bytes of an open WebSocket."""
        if not self.response_ended and not self.closed:
            self._queue(data, True)

    def finish(self) -> None:
        """End our side of the stream, with all that was sent."""
        if self.response_ended or self.closed:
            return
        if self.started:
            self._queue(b"", False)
        else:
            self.cancel()

    def cancel(self) -> None:
        """Reset the stream."""
        if not self.closed:
            self._cut(_CANCEL)

    # Called by the connection

    def feed(self, data: bytes) -> None:
        """Take the client's bytes."""
        self.unreturned += len(data)
        self.tunnel.take(data)

    def feed_end(self) -> None:
        """The client has ended its side."""
        self.request_ended = True
        self.tunnel.take_end()

    def feed_trailers(self) -> None:
        """RFC 9113 §8.5: nothing but DATA on a tunnel."""
        self.request_ended = True
        self._cut(_PROTOCOL_ERROR)

    def hold(self) -> None:
        """Have the app wait."""
        self.write_paused = True
        self.tunnel.protocol.pause_writing()

    def go_on(self) -> None:
        """Let the app go on."""
        self.write_paused = False
        self.tunnel.protocol.resume_writing()

    def end(self) -> None:
        """The stream is over, whoever ended it."""
        self.closed = True
        self.write_paused = False
        if self.unreturned:
            self.give_back()
        self.tunnel.lost()

    def _complete(self) -> None:
        self.response_ended = True
        self.linger_until = self.carrier.service.now + self.carrier.service.limits.linger
        self.carrier.flush_soon()

    def _log(self, status: int) -> None:
        """Leave the access log to the WebSocket."""
