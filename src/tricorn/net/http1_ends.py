"""How an HTTP/1.1 connection ends: by a refusal, a limit, its client, or the server's stop.

Its states, and the limit that ends each, are drawn in `net/http1.py`.
"""

from __future__ import annotations

import math
from typing import Final

from tricorn.net.address import client_name
from tricorn.net.half_close import half_close
from tricorn.net.http1_stream import (
    CLOSED,
    END_GRACE,
    IN_HEAD,
    KEEP_ALIVE,
    LINGER,
    NEW,
    REQUEST,
    Http1Stream,
)
from tricorn.net.progress import Stall
from tricorn.net.service import TICK
from tricorn.product import product_logger
from tricorn.wire.errors import Http2Preface, Refusal
from tricorn.wire.h1_response import refusal_response

logger = product_logger("error")

_NEVER: Final = math.inf
_NEW: Final = NEW
_IN_HEAD: Final = IN_HEAD
_REQUEST: Final = REQUEST
_KEEP_ALIVE: Final = KEEP_ALIVE
_LINGER: Final = LINGER
_CLOSED: Final = CLOSED

_END_GRACE: Final = END_GRACE
# A client that was answered, or connected, so many seconds ago is likely to ask at once.
_JUST_NOW: Final = 1.0


class Http1Ends(Http1Stream):
    """Ends one connection; `Http1Connection` reads its requests."""

    # Ends

    def _end_between_requests(self) -> None:
        """The client has ended its side, and no whole request is left."""
        if self.state < _LINGER and (self.state == _IN_HEAD or self.reader.unread()):
            self._answer_and_close(Refusal(400, "the connection ended within a request"))
        else:
            self.transport.close()

    def _end_within_content(self) -> None:
        """RFC 9112 §8: an incomplete message, of which nothing more can come."""
        if self.response_ended:
            self.transport.close()
        else:
            self._answer_and_close(Refusal(400, "the connection ended within a request's content"))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what isn't taken, tell the operator, and take nothing more."""
        if isinstance(refusal, Http2Preface) and self._may_speak_http2():
            self._hand_to_http2(refusal.data)
            return
        logger.warning(
            "Invalid HTTP request from %s: %s (%d)",
            client_name(self.client),
            refusal.reason,
            refusal.status,
        )
        self._answer_and_close(refusal)

    def _may_speak_http2(self) -> bool:
        """Whether this client may use HTTP/2 without having asked by TLS, and has just begun."""
        service = self.service
        scope = self.scope
        if service.http2 is None or scope.tls is not None or self.writer.started or self.end_seen:
            return False
        # Only trusted proxies speak the PROXY protocol.
        is_trusted = self.proxied is not None or scope.forward is not None
        return service.http2_for_all or (service.http2_for_trusted and is_trusted)

    def _hand_to_http2(self, data: bytes) -> None:
        """Hand the transport over, and the bytes that have come."""
        service = self.service
        assert service.http2 is not None
        self.state = _CLOSED
        self.deadline = _NEVER
        service.remove(self)
        connection = service.http2(service)
        connection.proxied = self.proxied
        self.transport.set_protocol(connection)
        connection.connection_made(self.transport)
        if self.write_paused:
            connection.pause_writing()
        if data:
            connection.data_received(data)

    def _answer_and_close(self, refusal: Refusal) -> None:
        if self.state == _REQUEST and self.writer.started:
            # Too late for an answer, and a whole-looking one must not be left.
            self._cut()
            return
        self.exchange_gone()
        defaults = self.service.defaults
        self._put(refusal_response(refusal.status, refusal.reason, defaults, refusal.fields))
        self._flush()
        self._linger()

    def _linger(self) -> None:
        """End our side, and read on for a while, so that the answer arrives."""
        self.state = _LINGER
        self.exchange = None
        self.deadline = self.service.now + self.service.limits.linger
        if self.end_seen:
            self.transport.close()
            return
        if self.reading_paused:
            self._resume_reading()
        half_close(self.transport)

    def _close(self) -> None:
        if self.request_ended and not self.reader.unread():
            self.state = _CLOSED
            self.deadline = self.service.now + self.service.write_limit
            self.transport.close()
        else:
            self._linger()

    # Time

    def tick(self, now: float) -> None:
        """Look at the deadlines; called about twice a second."""
        if now >= self.deadline:
            self._deadline_passed(now)
        elif self.state == _KEEP_ALIVE:
            self.reader.forget()
            self.last_scope = None
        elif self.state == _REQUEST and not self.request_ended:
            self._check_content_rate(now)

    def _deadline_passed(self, now: float) -> None:
        limits = self.service.limits
        waiting = self.transport.get_write_buffer_size()
        if waiting:
            self._check_stall(now, waiting)
        elif self.state == _IN_HEAD:
            self._answer_and_close(Refusal(408, f"request head took over {limits.head:g} s"))
        elif self.state == _REQUEST and self.end_seen:
            self.deadline = _NEVER
            if self.exchange is not None:
                self.exchange.end_of_client()
        elif self.state == _LINGER or self.state == _CLOSED:
            self.transport.abort()
        else:
            self.state = _CLOSED
            self.deadline = _NEVER
            self.transport.close()

    def _check_stall(self, now: float, waiting: int) -> None:
        """Give up on a client that takes nothing of the `waiting` bytes."""
        limit = self.service.limits.write
        if self.stall is None:
            self.stall = Stall(waiting, now)
        self.deadline = self.stall.deadline(waiting, now, limit)
        if now >= self.deadline:
            logger.info("%s reads nothing for %g s: closed", client_name(self.client), limit)
            self._cut()

    def _deadline_of_state(self) -> float:
        """When what the connection waits for, now that it can write, is overdue."""
        state = self.state
        limits = self.service.limits
        if state == _REQUEST:
            return self.service.now + _END_GRACE if self.end_seen else _NEVER
        if state == _KEEP_ALIVE:
            return self.service.now + limits.keep_alive
        if state == _IN_HEAD:
            return self.service.now + limits.head
        return self.deadline if state == _CLOSED else self.service.now + limits.linger

    def _check_content_rate(self, now: float) -> None:
        """Refuse content that trickles in while the app, or nobody, waits for it."""
        exchange = self.exchange
        waits = self.response_ended or exchange is None or exchange.wants_content
        rate = self.rate
        if rate is None:
            return
        limits = self.service.limits
        if not waits:
            rate.skip(now)
        elif rate.is_too_slow(now, limits.content, limits.content_rate):
            self._answer_and_close(Refusal(408, "request content came too slowly"))

    # Stopping

    def shutdown(self) -> None:
        """The server stops: finish what runs, close what is idle."""
        if self.state == _REQUEST:
            if not self.writer.started:
                self.writer.keep_alive = False
            return
        if self.state >= _LINGER:
            return
        # A request may have arrived that nobody has read yet.
        read_now = getattr(self.transport, "read_now", None)
        if read_now is not None:
            read_now()
        if (self.state == _NEW or self.state == _KEEP_ALIVE) and not self.reader.unread():
            if read_now is None or self.service.patience or self._was_just_active():
                self._await_last()
                return
            self.state = _CLOSED
            self.transport.close()

    def detach(self) -> int:
        """Give the descriptor of an idle connection away; -1 where it isn't idle or can't be."""
        is_idle = (self.state == _NEW or self.state == _KEEP_ALIVE) and not self.reader.unread()
        detach = getattr(self.transport, "detach", None)
        if not is_idle or detach is None or self.proxied is not None:
            # Who takes it over would wait for the proxy's header, which was the first thing sent.
            return -1
        fd: int = detach()
        return fd

    def is_awaited(self) -> bool:
        """Whether a client waits for a response that hasn't begun."""
        return self.state == _IN_HEAD or (self.state == _REQUEST and not self.writer.started)

    def _await_last(self) -> None:
        """Give the request that may be on its way time to arrive."""
        service = self.service
        grace = max(service.patience, 1.5 * TICK)
        self.deadline = min(self.deadline, service.now + grace)

    def _was_just_active(self) -> bool:
        """Whether the client has connected or been answered a moment ago."""
        limits = self.service.limits
        limit = limits.keep_alive if self.state == _KEEP_ALIVE else limits.idle
        # Not `>=`: without a limit there is no telling, and infinity less infinity compares false.
        return not self.deadline - limit < self.service.now - _JUST_NOW
