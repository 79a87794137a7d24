"""How an HTTP/2 connection and its streams end: by a refusal, a limit, its client, or the server.

The states of a connection, and the limit that ends each, are drawn in `net/http2.py`.
"""

from __future__ import annotations

import math
from typing import Final

from tricorn.net.address import client_name
from tricorn.net.half_close import half_close
from tricorn.net.http2_sending import CLOSED, LEAVING, LINGER, NOTICED, OPEN, Http2Sending
from tricorn.net.http2_stream import Http2Stream
from tricorn.net.service import TICK
from tricorn.product import product_logger
from tricorn.wire.errors import Refusal
from tricorn.wire.h2 import CANCEL, ENHANCE_YOUR_CALM, NO_ERROR

logger = product_logger("error")

_NEVER: Final = math.inf
_OPEN: Final = OPEN
_NOTICED: Final = NOTICED
_LEAVING: Final = LEAVING
_LINGER: Final = LINGER
_CLOSED: Final = CLOSED


class Http2Ends(Http2Sending):
    """Ends one connection and its streams; `Http2Connection` begins them."""

    # Called by the transport

    def eof_received(self) -> bool:
        """The client sends no more: HTTP/2 has no half that stays open."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        self.state = _CLOSED
        self.deadline = _NEVER
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.end()
        self.held.clear()
        self.starting.clear()
        self.service.remove(self)

    # Streams

    def _refuse(self, stream: Http2Stream, refusal: Refusal) -> None:
        """Answer what isn't taken, and tell the operator."""
        logger.warning(
            "Invalid HTTP request from %s: %s (%d)",
            client_name(self.client),
            refusal.reason,
            refusal.status,
        )
        self.resets -= 1
        stream.refuse(refusal)

    def _end_stream(self) -> None:
        wire = self.wire
        stream = self.streams.pop(wire.stream_id, None)
        if wire.error_code and (stream is None or not stream.was_cut):
            # By the client, or for a fault of its: that is cheap to cause.
            self.resets -= 1
            if wire.reason:
                logger.warning(
                    "Invalid HTTP request from %s: %s (stream reset)",
                    client_name(self.client),
                    wire.reason,
                )
        if stream is None:
            return
        stream.end()
        if not self.streams:
            self._calm_down()

    def _calm_down(self) -> None:
        """No stream is open: wait for the next."""
        if self.state == _OPEN:
            self.deadline = self.service.now + self.service.limits.keep_alive

    def _give_up(self, stream: Http2Stream) -> None:
        """Nothing more can come of a stream."""
        self.wire.reset(stream.stream_id, CANCEL)
        self.flush_soon()

    # The connection

    def _end_connection(self, code: int) -> None:
        """Send GOAWAY and close."""
        self.wire.terminate(code)
        if self.pumping:
            return
        self.flush()
        if self.state < _LINGER:
            self._linger()

    def _over(self) -> None:
        """The engine has ended the connection; what it says goes out first."""
        if self.wire.error_code:
            logger.info(
                "HTTP/2 connection of %s ended for a fault of the client's: %s (error code %d)",
                client_name(self.client),
                self.wire.reason,
                self.wire.error_code,
            )
        self._send()
        self._linger()

    def _linger(self) -> None:
        """End our side, and read on for a while, so that the GOAWAY arrives."""
        if self.state >= _LINGER:
            return
        self.state = _LINGER
        self.deadline = self.service.now + self.service.limits.linger
        streams, self.streams = self.streams, {}
        for stream in streams.values():
            stream.end()
        half_close(self.transport)

    # Time

    def _meter(self) -> None:
        """Bound what costs us and not the client; note a head that has begun."""
        wire = self.wire
        if wire.updates:
            # Each byte that flow control let through pays for one.
            self.controls -= max(wire.updates - self.moved, 0)
            wire.updates = self.moved = 0
        if wire.cost:
            self.controls -= wire.cost
            wire.cost = 0
        if self.controls < 0 or self.resets < 0:
            what = "frames that carry nothing" if self.controls < 0 else "resets"
            logger.warning("HTTP/2: too many %s from %s", what, client_name(self.client))
            self._end_connection(ENHANCE_YOUR_CALM)
            return
        if not wire.head_open():
            self.head_since = 0.0
        elif not self.head_since:
            self.head_since = self.service.now

    def tick(self, now: float) -> None:
        """Look at the deadlines; called about twice a second."""
        limits = self.limits
        passed = now - self.metered_at
        self.metered_at = now
        self.resets = min(self.resets + limits.resets_rate * passed, limits.resets)
        self.controls = min(self.controls + limits.controls_rate * passed, limits.controls)
        if self.write_paused and self._is_stalled(now):
            return
        if self.state >= _LINGER:
            if now >= self.deadline:
                self.transport.abort()
        elif self.head_since:
            if now - self.head_since >= self.service.limits.head:
                logger.info("HTTP/2: %s didn't end a request's head", client_name(self.client))
                self._end_connection(ENHANCE_YOUR_CALM)
        elif now >= self.deadline:
            self._end_connection(NO_ERROR)
        elif self.state == _NOTICED and now >= self.leave_at:
            self._leave()
        elif self.streams:
            self._check_streams(now)

    def _check_streams(self, now: float) -> None:
        limit = self.service.limits.write
        for stream in list(self.streams.values()):
            if stream.response_ended and not stream.request_ended:
                if now >= stream.linger_until and not self.wire.unsent(stream.stream_id):
                    self.wire.reset(stream.stream_id, NO_ERROR)
                    self.flush_soon()
                    continue
            elif not stream.request_ended:
                try:
                    stream.check_content_rate(now)
                except Refusal as refusal:
                    self._refuse(stream, refusal)
                    continue
            if not self.write_paused and stream.is_stalled(now, limit):
                logger.info(
                    "%s takes nothing of a stream for %g s: reset", client_name(self.client), limit
                )
                self._give_up(stream)

    def _is_stalled(self, now: float) -> bool:
        """Give up on a client that takes nothing of what waits in the transport."""
        waiting = self.transport.get_write_buffer_size()
        limit = self.service.limits.write
        if self.stall is None or now < self.stall.deadline(waiting, now, limit):
            return False
        logger.info("%s reads nothing for %g s: closed", client_name(self.client), limit)
        self.transport.abort()
        return True

    # Stopping

    def shutdown(self) -> None:
        """The server stops: take no further streams, and finish what runs."""
        if self.state != _OPEN:
            return
        self.state = _NOTICED
        self.leave_at = self.service.now + max(self.service.patience, 1.5 * TICK)
        self.wire.notice()
        self.wire.ping()
        self.flush()

    def _leave(self) -> None:
        """Say which stream was the last, now that the client knows that there will be one."""
        self.state = _LEAVING
        self.wire.goaway()
        self.flush_soon()

    def detach(self) -> int:
        """Give nothing away, -1: the two sides' tables are here."""
        return -1

    def is_awaited(self) -> bool:
        """Whether a client waits for a response that hasn't begun."""
        return any(not stream.started for stream in self.streams.values())
