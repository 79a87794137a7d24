"""One HTTP/1.1 connection: bytes from a transport, requests into exchanges, back.

An asyncio protocol, and with its base classes the `Stream` of the exchange that runs. One
request runs at a time; those behind it wait as bytes in the reader. How it ends is in
`http1_ends`.

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
from tricorn.net.health import health_answer
from tricorn.net.http1_ends import Http1Ends
from tricorn.net.http1_stream import (
    CLOSED,
    END_GRACE,
    IN_HEAD,
    KEEP_ALIVE,
    LINGER,
    REQUEST,
)
from tricorn.net.http1_upgrade import Http1Opening
from tricorn.net.overload import overloaded
from tricorn.net.progress import ContentRate, Stall
from tricorn.net.scope import EXTENSIONS, ConnectionScope, websocket_scope
from tricorn.net.service import Service
from tricorn.net.tls import speaks_http2
from tricorn.net.websocket import WebSocketConnection
from tricorn.net.websocket_opening import Peer
from tricorn.wire.errors import Refusal
from tricorn.wire.h1 import DATA, END, HEAD, NEED_DATA
from tricorn.wire.proxy_protocol import ProxyHeader
from tricorn.wire.ws_handshake import read_handshake

_NEVER: Final = math.inf
_NEED_DATA: Final = NEED_DATA
_HEAD: Final = HEAD
_DATA: Final = DATA
_END: Final = END

_WEBSOCKET: Final = b"websocket"

_IN_HEAD: Final = IN_HEAD
_REQUEST: Final = REQUEST
_KEEP_ALIVE: Final = KEEP_ALIVE
_LINGER: Final = LINGER
_CLOSED: Final = CLOSED

# Bytes held for requests behind the current one, or for an app that doesn't read,
# before reading pauses.
_HIGH_WATER: Final = 65536
_END_GRACE: Final = END_GRACE

_EXTENSIONS: Final = EXTENSIONS
_EXTENSIONS_10: Final[dict[str, dict[str, Any]]] = {
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
}


class Http1Connection(Http1Ends):
    """Serves one HTTP/1.1 connection until either side closes it."""

    def __init__(self, service: Service, proxied: ProxyHeader | None = None) -> None:
        self.prepare(service, proxied)
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
        refused = None
        try:
            try:
                self._pump_requests()
            except Refusal as refusal:
                # Its frames hold the reader, which holds it.
                refusal.__traceback__ = None
                refused = refusal
            if refused is not None:
                # Outside of the handler: over HTTP/2 an app may run, with errors of its own.
                self._refuse(refused)
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
