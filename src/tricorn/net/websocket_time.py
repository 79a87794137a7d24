"""What time does to a WebSocket: limits, pings, and the rest of a compressor that isn't used."""

from __future__ import annotations

import math
from typing import Any, Final

from tricorn.asgi.session import LOST
from tricorn.net.progress import Stall
from tricorn.net.service import Service
from tricorn.net.websocket_ends import (
    CLOSED,
    CLOSING,
    DENYING,
    HANDSHAKE,
    LINGER,
    OPEN,
    WebSocketEnds,
)
from tricorn.net.websocket_opening import Opening, Peer
from tricorn.product import product_logger
from tricorn.wire.ws_frames import PING, PONG, close_frame, frame

logger = product_logger("error")

_NEVER: Final = math.inf
_HANDSHAKE: Final = HANDSHAKE
_DENYING: Final = DENYING
_OPEN: Final = OPEN
_CLOSING: Final = CLOSING
_LINGER: Final = LINGER
_CLOSED: Final = CLOSED

_OPCODE_PING: Final = PING
_OPCODE_PONG: Final = PONG
_KEEPALIVE_FAILED: Final = 1011
# Seconds without sending after which a connection gives its compressor back.
COMPRESSOR_IDLE: Final = 20.0


class WebSocketTime(WebSocketEnds):
    """A WebSocket's deadlines."""

    def __init__(
        self, service: Service, transport: Any, opening: Opening, scope: dict[str, Any], peer: Peer
    ) -> None:
        super().__init__(service, transport, opening, scope, peer)
        self.ping_due = _NEVER
        self.ping_sent = False
        self.pong_held: bytes | None = None  # while the client doesn't read
        self.stall: Stall | None = None
        self.rest_due = _NEVER
        self.sent_before = 0  # at the last look at whether the compressor should rest

    def _answer_in_place_of_the_app(self, body: bytes) -> None:
        """Answer a handshake that the app can't, or doesn't."""
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """Look at the deadline; called about twice a second."""
        if now >= self.rest_due:
            self._rest_compressor(now)
        if now >= self.deadline:
            self._deadline_passed(now)

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

    # Pings

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

    # A client that doesn't read

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

    # Compression

    def _rest_compressor(self, now: float) -> None:
        """Have an idle connection hold no compressor; with pings or without."""
        if self.deflater is not None and self.sent == self.sent_before:
            self.deflater.rest()
        self.sent_before = self.sent
        self.rest_due = now + COMPRESSOR_IDLE
