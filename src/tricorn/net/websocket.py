"""One open WebSocket: messages between a transport and a session.

An asyncio protocol, and the `SessionStream` of the session that runs. It takes the
transport over from the HTTP connection that read the handshake; how that is answered it
leaves to an `Opening`.

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
from typing import Any, Final, Protocol

from tricorn.asgi.session import LOST, RESTARTING, Session
from tricorn.asgi.stream import FieldLines, SessionStream
from tricorn.net.address import client_name
from tricorn.net.hub_transport import HubTransport
from tricorn.net.progress import Stall
from tricorn.net.service import Service
from tricorn.product import product_logger
from tricorn.wire.errors import ResponseError, Violation
from tricorn.wire.ws import BINARY, CLOSE, NEED_DATA, PING, TEXT, MessageReader
from tricorn.wire.ws_deflate import Deflater, DeflateTerms, Inflater
from tricorn.wire.ws_frames import FrameCache, close_frame, frame

logger = product_logger("error")

_NEVER: Final = math.inf
_TEXT: Final = TEXT
_BINARY: Final = BINARY
_PING: Final = PING
_CLOSE: Final = CLOSE
_NEED_DATA: Final = NEED_DATA

_HANDSHAKE: Final = 0
_DENYING: Final = 1
_OPEN: Final = 2
_CLOSING: Final = 3
_LINGER: Final = 4
_CLOSED: Final = 5

# Bytes held unread before the app accepts, or while it doesn't receive.
_HIGH_WATER: Final = 65536
_OPCODE_PING: Final = 9
_OPCODE_PONG: Final = 10
_KEEPALIVE_FAILED: Final = 1011
# From this size on, in bytes or characters, a message isn't copied behind its frame's head: the
# system is told of both, which costs it as much as copying 10 KB does.
_WORTH_NAMING: Final = 16384
# Seconds without sending after which a connection gives its compressor back.
_COMPRESSOR_IDLE: Final = 20.0


class Opening(Protocol):
    """How a handshake is answered: by 101 in HTTP/1.1, by 200 in HTTP/2."""

    deflate: DeflateTerms | None  # what the client and we agree to, if the app accepts

    def accept(self, subprotocol: str | None, fields: FieldLines) -> None:
        """Write the answer that opens. Raises `ResponseError`."""

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Write the head and first content of a denial. Raises `ResponseError`."""

    def write(self, body: bytes, more: bool) -> None:
        """Write further content of the denial. Raises `ResponseError`."""


class Peer:
    """Who speaks on a WebSocket: what logs say of it."""

    def __init__(self, client: tuple[str, int] | None, target: bytes) -> None:
        self.client = client
        self.target = target

    def __str__(self) -> str:
        return client_name(self.client)


class WebSocketConnection(SessionStream):
    """Serves one WebSocket until either side closes it."""

    def __init__(
        self, service: Service, transport: Any, opening: Opening, scope: dict[str, Any], peer: Peer
    ) -> None:
        super().__init__()
        options = service.websockets
        assert options is not None
        self.service = service
        self.options = options
        self.transport = transport
        self.transport_write = transport.write
        self.names_pieces = isinstance(transport, HubTransport)
        self.opening: Opening | None = opening
        self.peer = peer
        self.frames: FrameCache = service.frames
        self.deflater: Deflater | None = None
        self.reader: MessageReader | None = None
        self.session = Session(self, service.app, scope, service.loop, options.queue)
        self.state = _HANDSHAKE
        self.deadline = service.now + options.handshake
        self.waiting = b""  # what came with or behind the handshake
        self.reading_paused = False
        self.pumping = False
        self.opened_at = 0.0
        self.heard_at = service.now
        self.ping_due = _NEVER
        self.ping_sent = False
        self.pong_held: bytes | None = None  # while the client doesn't read
        self.controls_since = service.now
        self.rest_due = _NEVER
        self.sent_before = 0  # at the last look at whether the compressor should rest
        self.close_code = 0
        self.received = 0  # messages
        self.sent = 0
        self.stall: Stall | None = None
        self.closer: Any = None

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

    def eof_received(self) -> bool:
        """The client sends no more: a WebSocket has no half that stays open."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        if self.state <= _OPEN:
            self._gone(LOST, "")
        self.state = _CLOSED
        self.deadline = self.rest_due = _NEVER
        self.write_paused = False
        if self.closer is not None:
            self.closer.cancel()
        self.wake_writers()
        self.opening = self.deflater = self.closer = None
        self._log_closed()
        self.service.remove(self)
        # Or the two would keep each other until the garbage collector comes.
        self.session = None  # type: ignore[assignment]

    def pause_writing(self) -> None:
        """The client doesn't read what was written."""
        service = self.service
        self.write_paused = True
        self.stall = Stall(self.transport.get_write_buffer_size(), service.now)
        self.deadline = min(self.deadline, service.now + service.limits.write)

    def resume_writing(self) -> None:
        """The client reads again."""
        self.write_paused = False
        self.stall = None
        self.deadline = self._deadline_of_state()
        pong, self.pong_held = self.pong_held, None
        if pong is not None and self.state == _OPEN:
            self.transport_write(frame(_OPCODE_PONG, pong))
        self.wake_writers()

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

    def _closed_by_client(self, code: int, reason: str) -> None:
        """Answer the client's close, or take it for the answer to ours, and hang up."""
        was_open = self.state == _OPEN
        self.state = _CLOSED
        self.deadline = self.service.now + self.service.limits.write
        if was_open:
            self.transport_write(close_frame(code, ""))
            self._gone(code, reason)
        # RFC 6455 §7.1.1: the server is the one to close the connection.
        self.transport.close()

    def _refuse(self, violation: Violation) -> None:
        """Close for what the client did, and read on, so that it learns why."""
        code, reason = violation.code, violation.reason
        logger.info("WebSocket closed for %s: %s (%d)", self.peer, reason, code)
        was_open = self.state == _OPEN
        if was_open:
            self.transport_write(close_frame(code, reason))
        self._linger()
        if was_open:
            self._gone(code, reason)

    def _gone(self, code: int, reason: str) -> None:
        self.close_code = code
        self.session.disconnected(code, reason)

    # The session's stream

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
            self.rest_due = service.now + _COMPRESSOR_IDLE
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
        if not more:
            self._linger()

    def send_text(self, text: str) -> None:
        """Send a text message."""
        if self.names_pieces and len(text) >= _WORTH_NAMING and self.deflater is None:
            self._send_pieces(self.frames.text_pieces(text))
            return
        data = self.frames.text(text, self.deflater)
        self.sent += 1
        self.transport_write(data)

    def send_binary(self, data: bytes) -> None:
        """Send a binary message."""
        if self.names_pieces and len(data) >= _WORTH_NAMING and self.deflater is None:
            self._send_pieces(self.frames.binary_pieces(data))
            return
        data = self.frames.binary(data, self.deflater)
        self.sent += 1
        self.transport_write(data)

    def _send_pieces(self, pieces: list[Any]) -> None:
        self.sent += 1
        self.transport.writelines(pieces)

    def close(self, code: int, reason: str) -> None:
        """Begin to close; the client's answer ends it."""
        try:
            data = close_frame(code, reason)
        except ValueError as error:
            raise ResponseError(str(error)) from None
        self._start_closing(code, data)

    def _start_closing(self, code: int, data: bytes) -> None:
        self.close_code = code
        self.transport_write(data)
        self.state = _CLOSING
        self.deadline = self.service.now + self.options.close
        if self.reading_paused:
            # What is left of the client's messages stands before its answer.
            self._resume_reading()
            if not self.pumping:
                self._pump()

    def want_message(self) -> None:
        """Read on, if reading was paused because the app didn't receive."""
        if self.reading_paused and not self.pumping and self.state == _OPEN:
            self.session.held_back = False
            self._pump()
            if self.reading_paused and self.state == _OPEN and not self.session.held_back:
                self._resume_reading()

    def abort(self) -> None:
        """Cut the connection."""
        self.state = _CLOSED
        self.session.disconnected(LOST, "")
        self.transport.abort()

    def app_ended(self, session: Session) -> None:
        """The app's task, which had to wait for something, is over."""
        self.service.tasks.discard(session.task)

    # Ends

    def _answer_in_place_of_the_app(self, body: bytes) -> None:
        fields = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        self.session.disconnected(LOST, "")
        self.deny(503, fields, body, False)

    def _linger(self) -> None:
        """End our side, and read on for a while.

        Closing with unread bytes would reset the connection, and the reset could
        overtake what was written last.
        """
        self.state = _LINGER
        self.deadline = self.service.now + self.service.limits.linger
        self.reader = None
        if self.reading_paused:
            self._resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _pause_reading(self) -> None:
        if not self.reading_paused:
            self.reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        # The time in which nothing was read says nothing about the client.
        self.heard_at = self.service.now
        self.reading_paused = False
        self.transport.resume_reading()

    # Time

    def tick(self, now: float) -> None:
        """Look at the deadline; called about twice a second."""
        if now >= self.rest_due:
            self._rest_compressor(now)
        if now >= self.deadline:
            self._deadline_passed(now)

    def _rest_compressor(self, now: float) -> None:
        """Have an idle connection hold no compressor; with pings or without."""
        if self.deflater is not None and self.sent == self.sent_before:
            self.deflater.rest()
        self.sent_before = self.sent
        self.rest_due = now + _COMPRESSOR_IDLE

    def _deadline_passed(self, now: float) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting and self.write_paused:
            self._check_stall(now, waiting)
        elif self.state == _OPEN:
            self._keep_alive(now)
        elif self.state == _HANDSHAKE:
            limit = self.options.handshake
            logger.error("The app didn't answer a WebSocket handshake within %g s.", limit)
            self._answer_in_place_of_the_app(b"The application didn't answer in time")
        else:
            self.state = _CLOSED
            self.deadline = _NEVER
            self.transport.abort()

    def _keep_alive(self, now: float) -> None:
        """Send the ping that is due, or close where the last one brought no answer.

        Any byte is an answer: the pong may be queued behind a long message.
        """
        options = self.options
        if self.ping_sent and not self.reading_paused:
            if self.heard_at >= self.ping_due:
                self.ping_sent = False
                self.ping_due += options.ping_interval
            elif now >= self.ping_due + options.ping_timeout:
                self._close_unheard()
                return
        if now >= self.ping_due and not self.ping_sent:
            self._ping(now)
        self.deadline = self._deadline_of_state()

    def _ping(self, now: float) -> None:
        self.ping_due = now
        self.ping_sent = True
        self.transport_write(frame(_OPCODE_PING, b""))

    def _close_unheard(self) -> None:
        reason = "keepalive ping timeout"
        logger.info("WebSocket closed for %s: %s (%d)", self.peer, reason, _KEEPALIVE_FAILED)
        self._start_closing(_KEEPALIVE_FAILED, close_frame(_KEEPALIVE_FAILED, reason))
        self._gone(_KEEPALIVE_FAILED, reason)

    def _deadline_of_state(self) -> float:
        """When what the connection waits for is overdue."""
        service = self.service
        state = self.state
        if state == _OPEN:
            return service.now if self.ping_sent else self.ping_due
        if state == _CLOSING:
            return service.now + self.options.close
        if state == _LINGER:
            return service.now + service.limits.linger
        return _NEVER if state == _DENYING else self.deadline

    def _check_stall(self, now: float, waiting: int) -> None:
        """Give up on a client that takes nothing of the `waiting` bytes."""
        limit = self.service.limits.write
        if self.stall is None:
            self.stall = Stall(waiting, now)
        self.deadline = self.stall.deadline(waiting, now, limit)
        if now >= self.deadline:
            logger.info("%s reads nothing for %g s: closed", self.peer, limit)
            self._gone(LOST, "")
            self.state = _CLOSED
            self.transport.abort()

    # Stopping

    def shutdown(self) -> None:
        """The server stops: close with 1012, but not all clients in one instant."""
        if self.state == _OPEN and self.closer is None:
            delay = self.service.next_closing()
            self.closer = self.service.loop.call_later(delay, self._close_for_restart)

    def detach(self) -> int:
        """Give nothing away, -1: a WebSocket has a session here."""
        return -1

    def is_awaited(self) -> bool:
        """Whether a client waits for a response that hasn't begun: a WebSocket's has."""
        return False

    def _close_for_restart(self) -> None:
        if self.state == _OPEN:
            self._start_closing(RESTARTING, close_frame(RESTARTING, ""))
            self._gone(RESTARTING, "")

    # The log

    def _logged_client(self) -> Any:
        # A trusted proxy's claim has replaced ours; the app may have removed it.
        return self.session.scope.get("client", self.peer.client)

    def _log_closed(self) -> None:
        service = self.service
        if service.access is not None and self.opened_at:
            seconds = service.loop.time() - self.opened_at
            counts = (self.received, self.sent)
            client = self._logged_client()
            service.access.websocket_closed(
                client, self.peer.target, self.close_code, seconds, counts
            )
