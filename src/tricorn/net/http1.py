"""One HTTP/1.1 connection: bytes from a transport, requests into exchanges, back.

An asyncio protocol, and with its base class the `Stream` of the exchange that runs. One
request runs at a time; those behind it wait as bytes in the reader.

```
            first byte        head complete            response and content complete
 NEW ─────► HEAD ───────────► REQUEST ───────────────► KEEP_ALIVE ──► HEAD …
  │ idle     │ head            │ content rate,           │ keep_alive
  │          │                 │ write                   │
  └─────────►└── refusal ──────┴──► LINGER ─► CLOSED ◄────┘
```

Under each state stands the limit that ends it.
"""

from __future__ import annotations

import math
from typing import Any, Final

from tricorn.asgi.exchange import open_exchange
from tricorn.net.address import client_name
from tricorn.net.health import health_answer
from tricorn.net.http1_stream import (
    CLOSED,
    IN_HEAD,
    KEEP_ALIVE,
    LINGER,
    NEW,
    REQUEST,
    Http1Stream,
)
from tricorn.net.http1_upgrade import Http1Opening
from tricorn.net.overload import overloaded
from tricorn.net.progress import ContentRate, Stall
from tricorn.net.scope import EXTENSIONS, ConnectionScope, websocket_scope
from tricorn.net.service import TICK, Service
from tricorn.net.tls import speaks_http2
from tricorn.net.websocket import Peer, WebSocketConnection
from tricorn.product import product_logger
from tricorn.wire.errors import Http2Preface, Refusal
from tricorn.wire.h1 import DATA, END, HEAD, NEED_DATA
from tricorn.wire.h1_response import refusal_response
from tricorn.wire.proxy_protocol import ProxyHeader
from tricorn.wire.ws_handshake import read_handshake

logger = product_logger("error")

_NEVER: Final = math.inf
_NEED_DATA: Final = NEED_DATA
_HEAD: Final = HEAD
_DATA: Final = DATA
_END: Final = END

_WEBSOCKET: Final = b"websocket"

_NEW: Final = NEW
_IN_HEAD: Final = IN_HEAD
_REQUEST: Final = REQUEST
_KEEP_ALIVE: Final = KEEP_ALIVE
_LINGER: Final = LINGER
_CLOSED: Final = CLOSED

# Bytes held for requests behind the current one, or for an app that doesn't read,
# before reading pauses.
_HIGH_WATER: Final = 65536
# A client that has ended its side may have gone for good or may wait for its
# answer; only writing tells. Apps that never write are told after this time.
_END_GRACE: Final = 1.0
# A client that was answered, or connected, so many seconds ago is likely to ask at once.
_JUST_NOW: Final = 1.0

_EXTENSIONS: Final = EXTENSIONS
_EXTENSIONS_10: Final[dict[str, dict[str, Any]]] = {
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
}


class Http1Connection(Http1Stream):
    """Serves one HTTP/1.1 connection until either side closes it."""

    def __init__(self, service: Service, proxied: ProxyHeader | None = None) -> None:
        self.prepare(service)
        self.proxied = proxied
        self.scope: ConnectionScope = None  # type: ignore[assignment]
        self.last_scope: dict[str, Any] | None = None  # of the request line before
        self.pump_due = False

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        """Take the transport of a new connection."""
        service = self.service
        self.transport = transport
        self.transport_write = transport.write
        self.scope = ConnectionScope(service, transport, self.proxied)
        self.client = self.scope.client
        if self.scope.tls is not None and speaks_http2(transport):
            self._hand_to_http2(b"")
            return
        self.deadline = service.now + service.idle_limit
        service.add(self)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes."""
        state = self.state
        if state >= _LINGER:
            return
        self.reader.feed(data)
        if state == _REQUEST:
            if not self.request_ended:
                if self.rate is not None:
                    self.rate.bytes += len(data)
                if not self.pumping:
                    self._pump()
            if self.reader.unread() > _HIGH_WATER or self._content_held() > _HIGH_WATER:
                self._pause_reading()
            return
        self._pump()

    def eof_received(self) -> bool:
        """The client sends no more; it may still read. Keep our side open."""
        self.end_seen = True
        unread = self.reader.unread()
        if self.state != _REQUEST:
            if unread and self.write_paused and self.state < _LINGER:
                # Whole requests may wait there until the client reads its answers.
                return True
            self._end_between_requests()
            return False
        if not self.request_ended:
            self._end_within_content()
            return True
        if not self.transport.can_write_eof():
            # TLS over the loop's transports has no half that stays open.
            self.exchange_gone()
            return False
        if not unread:
            self.writer.keep_alive = False
        self.deadline = min(self.deadline, self.service.now + _END_GRACE)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        self.state = _CLOSED
        self.deadline = _NEVER
        if self.writer.is_held:
            self._settle()
        self.out.clear()
        self.out_size = 0
        self.exchange_gone()
        # Or the two would keep each other until the garbage collector comes.
        self.exchange = None
        self.write_paused = False
        self.wake_writers()
        self.service.remove(self)

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
        self.wake_writers()
        if self.state != _REQUEST and self.state < _LINGER and self.reader.unread():
            self._pump_later()

    # Requests

    def _pump(self) -> None:
        """Go as far as the bytes that have arrived allow."""
        if self.pumping:
            return
        self.pumping = True
        self.pump_due = False
        try:
            self._pump_requests()
        except Refusal as refusal:
            self._refuse(refusal)
        finally:
            self.pumping = False
        if self.out or self.writer.is_held:
            self._flush()

    def _pump_requests(self) -> None:
        reader = self.reader
        while self.state < _LINGER:
            if self.state != _REQUEST and self.write_paused:
                # Who doesn't read answers gets no further ones.
                if reader.unread() > _HIGH_WATER:
                    self._pause_reading()
                return
            if self.request_ended:
                code = _NEED_DATA
            else:
                code = reader.next()
            if code == _HEAD:
                self._begin_request()
            elif code == _DATA:
                self._take_content()
                if reader.ends_here():
                    self._content_ended()
            elif code == _END:
                self._content_ended()
            else:
                if self.state != _REQUEST:
                    self._wait_for_head()
                    return
                if self.end_seen and not self.request_ended:
                    self._end_within_content()
                    return
                if not self.app_started:
                    self._start_app()
                if not self.request_ended:
                    if self.response_ended:
                        self._after_response()
                    return
            if self.request_ended:
                if not self.app_started:
                    self._start_app()
                if not self.response_ended:
                    return
                self._end_request()
                if not reader.unread():
                    return

    def _wait_for_head(self) -> None:
        """Set the deadline of a head that has begun, or go on waiting for one."""
        if self.end_seen:
            self._end_between_requests()
            return
        if self.reading_paused:
            self._resume_reading()
        if self.state != _IN_HEAD and self.reader.unread():
            self.state = _IN_HEAD
            self.deadline = self.service.now + self.service.limits.head

    def _begin_request(self) -> None:
        """Make the exchange for the head that has been read."""
        service = self.service
        reader = self.reader
        self.state = _REQUEST
        self.deadline = self.service.now + _END_GRACE if self.end_seen else _NEVER
        self.stall = None
        self.app_started = False
        self.request_ended = False
        self.response_ended = False
        has_content = reader.content_length != 0
        keep_alive = reader.keep_alive and service.keeps_alive
        if service.draining or service.leaving:
            # Who keeps connections takes its next request elsewhere.
            keep_alive = False
        if self.end_seen and not reader.unread():
            keep_alive = False
        self.writer.start_request(reader.method, reader.is_1_1, keep_alive)
        is_health = service.health_path is not None and reader.path == service.health_path
        if reader.upgrade and service.websockets is not None and reader.upgrade == _WEBSOCKET:
            if not is_health:
                self._upgrade(has_content, service.websockets.deflate)
                return
        if has_content:
            self.said_continue = not reader.expect_continue
            if self.rate is None:
                self.rate = ContentRate()
            self.rate.restart(service.now)
        else:
            self.request_ended = reader.ends_here()
        if is_health:
            self._answer_health()
            return
        scope = self._scope()
        app = overloaded if service.concurrency and service.is_busy() else service.app
        self.exchange = open_exchange(self, app, scope, has_content)

    def _answer_health(self) -> None:
        """Answer without the app, the access log and the counters: it is no request of a client."""
        service = self.service
        self.exchange = None
        self.app_started = True
        if not self.said_continue and not self.request_ended and self.reader.expect_continue:
            # The client may or may not send its content now: nothing can follow.
            self.writer.keep_alive = False
        status, fields, body = health_answer(service, self.reader.method)
        self._put_end(self.writer.head(status, fields, body, False))

    def _upgrade(self, has_content: bool, deflate: bool) -> None:
        """Hand the transport and what came behind the handshake to a WebSocket."""
        service = self.service
        reader = self.reader
        handshake = read_handshake(reader.method, reader.fields, has_content, deflate)
        if self.end_seen:
            raise Refusal(400, "the client has ended the connection that it wants to upgrade")
        opening = Http1Opening(self.transport, handshake, service.defaults, reader.is_1_1)
        scope = websocket_scope(self._scope(), handshake)
        self._flush()
        self.state = _CLOSED
        self.deadline = _NEVER
        service.remove(self)
        peer = Peer(self.client, reader.target)
        websocket = WebSocketConnection(service, self.transport, opening, scope, peer)
        self.transport.set_protocol(websocket)
        if self.write_paused:
            websocket.pause_writing()
        websocket.begin(reader.take_rest())

    def _scope(self) -> dict[str, Any]:
        reader = self.reader
        if self.last_scope is not None and reader.same_line:
            scope = self.last_scope.copy()
        else:
            scope = self.scope.of_line(
                reader.version, reader.method, reader.raw_path, reader.path, reader.query
            )
            # Who asks the same twice may go on to.
            self.last_scope = scope.copy() if reader.same_line else None
        extensions = _EXTENSIONS.copy() if reader.is_1_1 else _EXTENSIONS_10.copy()
        if reader.te_trailers and reader.is_1_1:
            extensions["http.response.trailers"] = {}
        self.scope.complete(scope, reader.fields, extensions, reader.forwarded)
        return scope

    def _start_app(self) -> None:
        """Run the app's first step; most apps are done with it."""
        exchange = self.exchange
        assert exchange is not None
        self.app_started = True
        service = self.service
        task = service.starter.run(exchange)
        if task is not None:
            exchange.task = task
            service.tasks.add(task)

    def _take_content(self) -> None:
        exchange = self.exchange
        if exchange is None or self.response_ended:
            # The response didn't need it. Reading it keeps the connection.
            return
        exchange.feed(self.reader.data)
        if exchange.content_size > _HIGH_WATER:
            if not self.app_started:
                self._start_app()
            if exchange.content_size > _HIGH_WATER:
                self._pause_reading()

    def _content_ended(self) -> None:
        self.request_ended = True
        if self.exchange is not None:
            self.exchange.feed_end()

    def _content_held(self) -> int:
        """Bytes that wait for the app; what comes behind its response is dropped."""
        exchange = self.exchange
        return 0 if exchange is None or self.response_ended else exchange.content_size

    def _end_request(self) -> None:
        """Both halves are complete: close, or read the next request."""
        self.exchange = None
        if not self.writer.keep_alive or (self.end_seen and not self.reader.unread()):
            self._flush()
            self._close()
            return
        self.request_ended = False
        self.state = _KEEP_ALIVE
        self.deadline = self.service.now + self.service.keep_alive_limit
        if self.service.draining:
            # The client was told that it may ask again, before the server had to stop.
            self._await_last()
        self.reader.start_next()
        if self.reading_paused:
            self._resume_reading()

    def _after_response(self) -> None:
        """Go on, from within the app's step, to what follows a response."""
        if self.request_ended:
            if self.writer.keep_alive and self.reader.unread():
                self._pump_later()
            else:
                self._end_request()
        elif not self.writer.keep_alive:
            self._flush()
            self._linger()
        elif self.reading_paused:
            self._resume_reading()

    def _pump_later(self) -> None:
        """Go on outside the app's step that is running now."""
        if not self.pump_due:
            self.pump_due = True
            self.service.loop.call_soon(self._pump)

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
        """End our side, and read on for a while.

        Closing with unread bytes would reset the connection, and the reset could
        overtake the answer (RFC 9112 §9.6).
        """
        self.state = _LINGER
        self.exchange = None
        self.deadline = self.service.now + self.service.limits.linger
        if self.end_seen:
            self.transport.close()
            return
        if self.reading_paused:
            self._resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

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
