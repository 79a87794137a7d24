"""One open WebSocket: messages between a transport and a session.

An asyncio protocol, and the `SessionStream` of the session that runs. It takes the
transport over from the HTTP connection that read the handshake; how that is answered it
leaves to an `Opening`. How it ends is in `net/websocket_ends.py`, what time does to it in
`net/websocket_time.py`.

```
            accept              our close sent         theirs read
 HANDSHAKE ────────► OPEN ───────────────────► CLOSING ───────────► CLOSED
  │ handshake         │ ping, pong              │ close               ▲ write
  │                   │  their close read and answered                │
  │                   ├───────────────────────────────────────────────┤
  │ denied            │ a fault of theirs, answered                   │
  └─────► DENYING ───►└─────────────────────────────────► LINGER ─────┘
           │ write                                         │ linger
```

Under each state stands the limit that ends it.
"""

from __future__ import annotations

import math
from typing import Any, Final

from tricorn.asgi.session import LOST
from tricorn.asgi.stream import FieldLines
from tricorn.net.hub_transport import HubTransport
from tricorn.net.service import Service
from tricorn.net.websocket_ends import CLOSING, DENYING, LINGER, OPEN
from tricorn.net.websocket_opening import Opening, Peer
from tricorn.net.websocket_time import COMPRESSOR_IDLE, WebSocketTime
from tricorn.product import product_logger
from tricorn.wire.errors import ResponseError, Violation
from tricorn.wire.ws import BINARY, CLOSE, NEED_DATA, PING, TEXT, MessageReader
from tricorn.wire.ws_deflate import Deflater, Inflater
from tricorn.wire.ws_frames import PONG, FrameCache, frame

logger = product_logger("error")

_NEVER: Final = math.inf
_TEXT: Final = TEXT
_BINARY: Final = BINARY
_PING: Final = PING
_CLOSE: Final = CLOSE
_NEED_DATA: Final = NEED_DATA

_DENYING: Final = DENYING
_OPEN: Final = OPEN
_CLOSING: Final = CLOSING
_LINGER: Final = LINGER

# Bytes held unread before the app accepts, or while it doesn't receive.
_HIGH_WATER: Final = 65536
_OPCODE_PONG: Final = PONG
# From this size on, in bytes or characters, a message isn't copied behind its frame's head: the
# system is told of both, which costs it as much as copying 10 KB does.
_WORTH_NAMING: Final = 16384
# After so many messages, and one, it is looked whether the client is still there.
_LOOK_AT: Final = 63


class WebSocketConnection(WebSocketTime):
    """Serves one WebSocket until either side closes it."""

    def __init__(
        self, service: Service, transport: Any, opening: Opening, scope: dict[str, Any], peer: Peer
    ) -> None:
        super().__init__(service, transport, opening, scope, peer)
        self.names_pieces = isinstance(transport, HubTransport)
        # None: the transport lets nothing wait for what else is sent.
        self.is_due: Any = getattr(transport, "is_due", None)
        self.frames: FrameCache = service.frames
        self.waiting = b""  # what came with or behind the handshake
        self.controls_since = service.now

    def begin(self, waiting: bytes) -> None:
        """Run the app; `waiting` came behind the handshake."""
        service = self.service
        self.waiting = waiting
        service.add(self)
        session = self.session
        if service.concurrency and service.is_busy():
            logger.warning("Exceeded concurrency limit.")
            self._answer_in_place_of_the_app(b"Service Unavailable")
            return
        task = session.start(service.starter)
        if task is not None:
            service.tasks.add(task)

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        """Do nothing: the transport was taken over."""

    def data_received(self, data: bytes) -> None:
        """Take the next bytes."""
        self.heard_at = self.service.now
        state = self.state
        if state >= _LINGER or state == _DENYING:
            return
        reader = self.reader
        if reader is None:
            self.waiting += data
            if len(self.waiting) > _HIGH_WATER:
                self._pause_reading()
            return
        reader.feed(data)
        if not self.pumping and not self.reading_paused:
            self._pump()

    # Messages in

    def _pump(self) -> None:
        """Read as many messages as the bytes hold and the app takes."""
        self.pumping = True
        fault = None
        try:
            self._read_messages()
        except Violation as violation:
            # Its frames hold the reader, which holds it.
            violation.__traceback__ = None
            fault = violation
        finally:
            self.pumping = False
        if fault is not None:
            # Outside of the handler: the app may run, and its errors have another context.
            self._refuse(fault)

    def _read_messages(self) -> None:
        reader = self.reader
        session = self.session
        several = False
        assert reader is not None
        while self.state == _OPEN or self.state == _CLOSING:
            if session.is_full() and self.state == _OPEN:
                self._pause_reading()
                session.held_back = True
                return
            code = reader.next()
            if code == _NEED_DATA:
                return
            if self.state == _CLOSING and code != _CLOSE:
                continue
            if several and self.is_due is not None and self.is_due():
                # The app takes its time: what it has said to earlier messages doesn't wait.
                self.transport.send_now()
            several = True
            if code == _TEXT:
                self.received += 1
                session.feed_text(reader.text)
            elif code == _BINARY:
                self.received += 1
                session.feed_binary(reader.data)
            elif code == _CLOSE:
                self._closed_by_client(reader.close_code, reader.close_reason)
            else:
                self._take_control(code, reader.data)

    def _take_control(self, code: int, data: bytes) -> None:
        """Answer a ping (RFC 6455 §5.5.2); a pong has said by arriving what it says."""
        now = self.service.now
        if now - self.controls_since >= 1.0:
            self.controls_since = now
            assert self.reader is not None
            self.reader.allow_controls()
        if code != _PING:
            return
        if self.write_paused:
            # RFC 6455 §5.5.3: the latest one's answer will do.
            self.pong_held = data
        else:
            self.transport_write(frame(_OPCODE_PONG, data))

    def want_message(self) -> None:
        """Read on, if reading was paused because the app didn't receive."""
        if self.reading_paused and not self.pumping and self.state == _OPEN:
            self.session.held_back = False
            self._pump()
            if self.reading_paused and self.state == _OPEN and not self.session.held_back:
                self._resume_reading()

    # The handshake's answer

    def accept(self, subprotocol: str | None, fields: FieldLines) -> None:
        """Complete the handshake and read what has come meanwhile."""
        opening = self.opening
        assert opening is not None
        opening.accept(subprotocol, fields)
        service = self.service
        options = self.options
        inflater = None
        if opening.deflate is not None:
            inflater = Inflater(opening.deflate)
            self.deflater = Deflater(opening.deflate)
            self.rest_due = service.now + COMPRESSOR_IDLE
        self.opening = None
        self.state = _OPEN
        self.opened_at = service.loop.time()
        self.ping_due = service.now + options.ping_interval
        if not self.write_paused:
            self.deadline = self.ping_due
        service.total_requests += 1
        if service.access is not None:
            service.access.websocket_accepted(self._logged_client(), self.peer.target)
        self.reader = reader = MessageReader(options.message, inflater)
        waiting, self.waiting = self.waiting, b""
        if waiting:
            reader.feed(waiting)
            if not self.pumping:
                self._pump()
        if self.reading_paused and self.state == _OPEN and not self.session.held_back:
            self._resume_reading()
        if service.draining:
            self.shutdown()

    def deny(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Answer the handshake with a response of the app's."""
        assert self.opening is not None
        self.opening.start(status, fields, body, more)
        self.state = _DENYING
        if not self.write_paused:
            self.deadline = _NEVER
        self.service.total_requests += 1
        access = self.service.access
        if access is not None:
            access.websocket_denied(self._logged_client(), self.peer.target, status)
        if not more:
            self._linger()

    def deny_more(self, body: bytes, more: bool) -> None:
        """Go on with the response."""
        assert self.opening is not None
        try:
            self.opening.write(body, more)
        except ResponseError:
            self.abort()
            raise
        if more:
            self._pause_if_lost()
        else:
            self._linger()

    def _answer_in_place_of_the_app(self, body: bytes) -> None:
        fields = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        self.session.disconnected(LOST, "")
        self.deny(503, fields, body, False)

    # Messages out

    def send_text(self, text: str) -> None:
        """Send a text message."""
        if self.names_pieces and len(text) >= _WORTH_NAMING and self.deflater is None:
            self._send_pieces(self.frames.text_pieces(text))
            return
        self.transport_write(self.frames.text(text, self.deflater))
        self._count_sent()

    def send_binary(self, data: bytes) -> None:
        """Send a binary message."""
        if self.names_pieces and len(data) >= _WORTH_NAMING and self.deflater is None:
            self._send_pieces(self.frames.binary_pieces(data))
            return
        self.transport_write(self.frames.binary(data, self.deflater))
        self._count_sent()

    def _send_pieces(self, pieces: list[Any]) -> None:
        self.transport.writelines(pieces)
        self._count_sent()

    def _count_sent(self) -> None:
        self.sent += 1
        if not self.sent & _LOOK_AT:
            self._pause_if_lost()

    def _pause_if_lost(self) -> None:
        """Have the app wait until it is told that there is nobody to send to any more.

        It isn't told before the loop turns, which an app that only sends would keep from turning.
        """
        if not self.write_paused and self.transport.is_closing():
            self.pause_writing()
