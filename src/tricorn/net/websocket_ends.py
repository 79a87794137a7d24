"""How a WebSocket ends: by either side's close, a fault, a lost connection, a stopping server.

A picture of the states is in `net/websocket.py`.
"""

from __future__ import annotations

import math
from typing import Any, Final

from tricorn.asgi.session import LOST, RESTARTING, Session
from tricorn.asgi.stream import SessionStream
from tricorn.net.half_close import half_close
from tricorn.net.service import Service
from tricorn.net.websocket_opening import Opening, Peer
from tricorn.product import product_logger
from tricorn.wire.errors import ResponseError, Violation
from tricorn.wire.ws import MessageReader
from tricorn.wire.ws_deflate import Deflater
from tricorn.wire.ws_frames import close_frame

logger = product_logger("error")

_NEVER: Final = math.inf

HANDSHAKE: Final = 0
DENYING: Final = 1
OPEN: Final = 2
CLOSING: Final = 3
LINGER: Final = 4
CLOSED: Final = 5
# Integers of C when compiled.
_OPEN: Final = OPEN
_CLOSING: Final = CLOSING
_LINGER: Final = LINGER
_CLOSED: Final = CLOSED


class WebSocketEnds(SessionStream):
    """What all parts of a WebSocket's connection know, and its ends."""

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
        self.opening: Opening | None = opening
        self.peer = peer
        self.deflater: Deflater | None = None
        self.reader: MessageReader | None = None
        self.session = Session(self, service.app, scope, service.loop, options.queue)
        self.state = HANDSHAKE
        self.deadline = service.now + options.handshake
        self.reading_paused = False
        self.pumping = False
        self.opened_at = 0.0
        self.heard_at = service.now
        self.close_code = 0
        self.received = 0  # messages
        self.sent = 0
        self.closer: Any = None

    def _pump(self) -> None:
        """Read what has come."""
        raise NotImplementedError

    # By the client

    def eof_received(self) -> bool:
        """The client sends no more: a WebSocket has no half that stays open."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        if self.state <= _OPEN:
            self._gone(LOST, "")
        self.state = _CLOSED
        self.deadline = _NEVER
        self.write_paused = False
        if self.closer is not None:
            self.closer.cancel()
        self.wake_writers()
        self.opening = self.deflater = self.closer = None
        self._log_closed()
        self.service.remove(self)
        # Or the two would keep each other until the garbage collector comes.
        self.session = None  # type: ignore[assignment]

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

    # By us

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

    def abort(self) -> None:
        """Cut the connection."""
        self.state = _CLOSED
        self.session.disconnected(LOST, "")
        self.transport.abort()

    def app_ended(self, session: Session) -> None:
        """The app's task, which had to wait for something, is over."""
        self.service.tasks.discard(session.task)

    def _linger(self) -> None:
        """End our side, and read on for a while, so that what was written last arrives."""
        self.state = _LINGER
        self.deadline = self.service.now + self.service.limits.linger
        self.reader = None
        if self.reading_paused:
            self._resume_reading()
        half_close(self.transport)

    def _pause_reading(self) -> None:
        if not self.reading_paused:
            self.reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        # The time in which nothing was read says nothing about the client.
        self.heard_at = self.service.now
        self.reading_paused = False
        self.transport.resume_reading()

    # Stopping

    def shutdown(self) -> None:
        """The server stops: close with 1012, but not all clients in one instant.

        Told again, close when it says now: a reload has less time than any other stop.
        """
        if self.state == _OPEN:
            if self.closer is not None:
                self.closer.cancel()
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
