"""One HTTP/2 connection: bytes from a transport to streams, and back for all of them at once.

An asyncio protocol. What arrives in one piece is taken whole, the apps run as far as they get,
and what they and the engine have to say leaves in one write; earlier where an app takes its time.

```
       streams open ◄──► none
 OPEN ─────────────────────────► NOTICED ─────────────► LEAVING ───────────► LINGER ─► CLOSED
  │ head, content rate,  drain    │ the client has heard  │ streams go on      │ linger
  │ write, idle, keep_alive       │ of it                 │                    │
  └── a fault of the connection: GOAWAY ──────────────────┴────────────────────┘
```

NOTICED has said by GOAWAY that it will soon take no further streams, LEAVING that it takes
none (RFC 9113 §6.8).
"""

from __future__ import annotations

import math
from typing import Any, Final

from tricorn.asgi.exchange import open_exchange
from tricorn.net.health import health_answer
from tricorn.net.http2_ends import Http2Ends
from tricorn.net.http2_sending import LEAVING, LINGER, NOTICED
from tricorn.net.http2_stream import Http2Stream, open_stream
from tricorn.net.http2_tunnel import WebSocketStream
from tricorn.net.overload import overloaded
from tricorn.net.progress import ContentRate
from tricorn.net.scope import EXTENSIONS, ConnectionScope, websocket_scope
from tricorn.wire.errors import Refusal
from tricorn.wire.h2 import (
    ACKNOWLEDGED,
    CLOSED,
    DATA,
    NEED_DATA,
    OVER,
    REFUSED_STREAM,
    REQUEST,
    TRAILERS,
)
from tricorn.wire.ws_handshake import read_connect

_NEVER: Final = math.inf
_NEED_DATA: Final = NEED_DATA
_REQUEST: Final = REQUEST
_DATA: Final = DATA
_TRAILERS: Final = TRAILERS
_STREAM_CLOSED: Final = CLOSED
_ACKNOWLEDGED: Final = ACKNOWLEDGED
_CONNECTION_OVER: Final = OVER

_NOTICED: Final = NOTICED
_LEAVING: Final = LEAVING
_LINGER: Final = LINGER

_EXTENSIONS: Final = EXTENSIONS


class Http2Connection(Http2Ends):
    """Serves one HTTP/2 connection until either side closes it."""

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        """Take the transport of a new connection, or of one that has just said its preface."""
        service = self.service
        self.transport = transport
        self.transport_write = transport.write
        self.is_due = getattr(transport, "is_due", None)
        self.scope = ConnectionScope(service, transport, self.proxied)
        self.client = self.scope.client
        self.deadline = service.now + service.idle_limit
        service.add(self)
        self.flush_soon()

    def data_received(self, data: bytes) -> None:
        """Take the next bytes."""
        if self.state >= _LINGER:
            return
        wire = self.wire
        wire.feed(data)
        self._pump()
        if self.state < _LINGER:
            self._meter()

    # Taking what has arrived

    def _pump(self) -> None:
        """Take what the engine has read, run the apps, and send what they say."""
        if self.pumping:
            return
        self.pumping = True
        try:
            self._take_all()
        finally:
            self.pumping = False

    def _take_all(self) -> None:
        while True:
            code = self.wire.next()
            if code == _NEED_DATA:
                if self.starting:
                    self._start_apps()
                    continue
                if not self._send():
                    if self.state == _LEAVING and not self.streams:
                        self._linger()
                    return
            elif code == _REQUEST:
                self._begin_request()
                self._send_due()
            elif code in (_DATA, _TRAILERS):
                self._take_content(code)
            elif code == _STREAM_CLOSED:
                self._end_stream()
            elif code == _ACKNOWLEDGED:
                if self.state == _NOTICED:
                    self._leave()
            elif code == _CONNECTION_OVER:
                self._over()
                return

    def _begin_request(self) -> None:
        """Make the stream and the exchange of a request."""
        wire = self.wire
        service = self.service
        head = self.head
        stream_id = wire.stream_id
        self.deadline = _NEVER  # until no stream is open
        ended = wire.ended
        if self.running >= self.most_running or self.resets < 0:
            wire.reset(stream_id, REFUSED_STREAM)
            return
        try:
            head.read(wire.fields, ended)
            if not head.same_line:
                self.last_scope = None
            if head.protocol and head.path != service.health_path:
                self._open_websocket(stream_id, ended)
                return
        except Refusal as refusal:
            stream = open_stream(self, stream_id, "", head.target)
            self.streams[stream_id] = stream
            stream.request_ended = ended
            self._refuse(stream, refusal)
            return
        stream = open_stream(self, stream_id, head.method, head.target)
        self.streams[stream_id] = stream
        stream.client = self.client
        stream.te_trailers = head.te_trailers
        stream.request_ended = ended
        if service.health_path is not None and head.path == service.health_path:
            self._answer_health(stream)
            return
        scope = self._scope()
        app = overloaded if service.concurrency and service.is_busy() else service.app
        stream.exchange = open_exchange(stream, app, scope, not ended)
        if ended:
            self._start_app(stream)
        else:
            stream.said_continue = not head.expect_continue
            stream.rate = rate = ContentRate()
            rate.restart(service.now)
            self.starting.append(stream)

    def _open_websocket(self, stream_id: int, ended: bool) -> None:
        """Make a WebSocket of a stream (RFC 8441). Raises `Refusal`."""
        head = self.head
        options = self.service.websockets
        # The engine takes none for it where it isn't offered.
        assert options is not None
        has_content = head.content_length > 0
        fields = head.fields
        handshake = read_connect(head.protocol, fields, has_content, ended, options.deflate)
        stream = WebSocketStream(self, stream_id, head.target, handshake)
        self.streams[stream_id] = stream
        stream.open(websocket_scope(self._scope(), handshake), self.client)

    def _answer_health(self, stream: Http2Stream) -> None:
        """Answer without the app, the access log and the counters: it is no request of a client."""
        service = self.service
        stream.is_counted = False
        status, fields, body = health_answer(service, stream.method)
        stream.start(status, fields, body, False)

    def _scope(self) -> dict[str, Any]:
        head = self.head
        connection = self.scope
        if self.last_scope is not None:
            scope = self.last_scope.copy()
        else:
            scope = connection.of_line("2", head.method, head.raw_path, head.path, head.query)
            # Who asks the same twice may go on to.
            if head.same_line:
                self.last_scope = scope.copy()
        extensions = _EXTENSIONS.copy()
        if head.te_trailers:
            extensions["http.response.trailers"] = {}
        connection.complete(scope, head.fields, extensions, head.forwarded)
        return scope

    def _start_apps(self) -> None:
        starting, self.starting = self.starting, []
        for stream in starting:
            if stream.exchange is not None:
                self._start_app(stream)
                self._send_due()

    def _start_app(self, stream: Http2Stream) -> None:
        """Run the app's first step; most apps are done with it."""
        exchange = stream.exchange
        assert exchange is not None
        service = self.service
        task = service.starter.run(exchange)
        if task is not None:
            exchange.task = task
            service.tasks.add(task)
            self.app_waits(stream)

    def _take_content(self, code: int) -> None:
        """Hand content, or the end of it, to its stream."""
        wire = self.wire
        stream = self.streams.get(wire.stream_id)
        ended = wire.ended
        if stream is None:
            if code == _DATA:
                wire.consumed(wire.stream_id, len(wire.data))
            return
        if code == _DATA:
            try:
                stream.feed(wire.data)
            except Refusal as refusal:
                self._refuse(stream, refusal)
        if code == _TRAILERS:
            stream.feed_trailers()
        elif ended:
            stream.feed_end()

    # Called by the streams

    def completed(self, stream: Http2Stream) -> None:
        """The whole response is queued."""
        if stream.is_counted:
            self.service.total_requests += 1
        if not stream.request_ended:
            # RFC 9113 §8.1 allows a reset now. Clients that are still sending their content
            # take it badly, so that is read for a while.
            stream.linger_until = self.service.now + self.service.limits.linger
        self.flush_soon()

    def app_waits(self, stream: Http2Stream) -> None:
        """The app of this stream isn't done with its first step."""
        self.running += 1

    def app_ended(self, stream: Http2Stream) -> None:
        """The app's task of this stream is over."""
        self.running -= 1
