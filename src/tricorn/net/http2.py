"""One HTTP/2 connection: bytes from a transport to streams, and back for all of them at once.

An asyncio protocol. What arrives in one piece is taken whole, the apps run as far as they get,
and what they and the engine have to say leaves in one write.

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

from tricorn.asgi.exchange import Exchange
from tricorn.net.address import client_name
from tricorn.net.health import health_answer
from tricorn.net.http2_stream import ALL_HIGH_WATER, LOW_WATER, Carrier, Http2Stream
from tricorn.net.http2_tunnel import WebSocketStream
from tricorn.net.overload import overloaded
from tricorn.net.progress import ContentRate, Stall
from tricorn.net.scope import EXTENSIONS, ConnectionScope, websocket_scope
from tricorn.net.service import TICK, Service
from tricorn.product import product_logger
from tricorn.wire.errors import Refusal
from tricorn.wire.h2 import (
    ACKNOWLEDGED,
    CANCEL,
    CLOSED,
    DATA,
    ENHANCE_YOUR_CALM,
    NEED_DATA,
    NO_ERROR,
    OVER,
    REFUSED_STREAM,
    REQUEST,
    TRAILERS,
    Http2Limits,
    Http2Wire,
)
from tricorn.wire.h2_fields import RequestHead
from tricorn.wire.proxy_protocol import ProxyHeader
from tricorn.wire.ws_handshake import read_connect

logger = product_logger("error")

_NEVER: Final = math.inf
_NEED_DATA: Final = NEED_DATA
_REQUEST: Final = REQUEST
_DATA: Final = DATA
_TRAILERS: Final = TRAILERS
_STREAM_CLOSED: Final = CLOSED
_ACKNOWLEDGED: Final = ACKNOWLEDGED
_CONNECTION_OVER: Final = OVER

_OPEN: Final = 0
_NOTICED: Final = 1
_LEAVING: Final = 2
_LINGER: Final = 3
_CLOSED: Final = 4

_LOW_WATER: Final = LOW_WATER
_ALL_HIGH_WATER: Final = ALL_HIGH_WATER
# Bytes taken from the engine at a time: with more, a client that doesn't read would be found
# out too late.
_WRITE_AT_ONCE: Final = 65536
# Apps of streams that the client has given up count too, up to so many times the streams.
_STREAMS_RUNNING: Final = 2

_EXTENSIONS: Final = EXTENSIONS


class Http2Connection(Carrier):
    """Serves one HTTP/2 connection until either side closes it."""

    def __init__(self, service: Service, limits: Http2Limits) -> None:
        wire = Http2Wire(limits, service.head_limits, service.websockets is not None)
        super().__init__(service, wire)
        self.limits = limits
        self.head = RequestHead(service.head_limits, service.body_limit)
        self.streams: dict[int, Http2Stream] = {}
        self.transport: Any = None
        self.transport_write: Any = None
        self.client: tuple[str, int] | None = None
        self.proxied: ProxyHeader | None = None  # as HTTP/1.1 has heard it
        self.scope: ConnectionScope = None  # type: ignore[assignment]
        self.state = _OPEN
        self.deadline = _NEVER
        self.leave_at = _NEVER
        self.head_since = 0.0
        self.pumping = False
        self.flush_due = False
        self.write_paused = False
        self.stall: Stall | None = None  # of the transport
        self.starting: list[Http2Stream] = []
        self.held: list[Http2Stream] = []  # whose apps wait until their data is sent
        self.moved = 0  # bytes of content that have left since the client's last
        self.running = 0  # apps that wait for something, those of closed streams too
        self.resets = float(limits.resets)
        self.controls = float(limits.controls)
        self.metered_at = service.now

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        """Take the transport of a new connection, or of one that has just said its preface."""
        service = self.service
        self.transport = transport
        self.transport_write = transport.write
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

    def pause_writing(self) -> None:
        """The client doesn't read what was written."""
        self.write_paused = True
        self.stall = Stall(self.transport.get_write_buffer_size(), self.service.now)

    def resume_writing(self) -> None:
        """The client reads again."""
        self.write_paused = False
        self.stall = None
        self.flush_soon()

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
                    return
            elif code == _REQUEST:
                self._begin_request()
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
        if self.running >= _STREAMS_RUNNING * self.limits.streams or self.resets < 0:
            wire.reset(stream_id, REFUSED_STREAM)
            return
        try:
            head.read(wire.fields, ended)
            if head.protocol and head.path != service.health_path:
                self._open_websocket(stream_id, ended)
                return
        except Refusal as refusal:
            stream = Http2Stream(self, stream_id, "", head.target)
            self.streams[stream_id] = stream
            stream.request_ended = ended
            self._refuse(stream, refusal)
            return
        stream = Http2Stream(self, stream_id, head.method, head.target)
        self.streams[stream_id] = stream
        stream.client = self.client
        stream.te_trailers = head.te_trailers
        stream.request_ended = ended
        if service.health_path is not None and head.path == service.health_path:
            self._answer_health(stream)
            return
        scope = self._scope()
        app = overloaded if service.concurrency and service.is_busy() else service.app
        stream.exchange = Exchange(stream, app, scope, not ended)
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
        scope = connection.of_line("2", head.method, head.raw_path, head.path, head.query)
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

    def _end_stream(self) -> None:
        wire = self.wire
        stream = self.streams.pop(wire.stream_id, None)
        if wire.error_code and (stream is None or not stream.was_cut):
            # By the client, or for a fault of its: that is cheap to cause.
            self.resets -= 1
        if stream is None:
            return
        stream.end()
        if not self.streams:
            self._calm_down()

    def _calm_down(self) -> None:
        """No stream is open: go, or wait for the next."""
        if self.state == _OPEN:
            self.deadline = self.service.now + self.service.limits.keep_alive

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

    # Sending

    def flush_soon(self) -> None:
        """Send what is queued, once the app's step is over."""
        if not self.pumping and not self.flush_due:
            self.flush_due = True
            self.service.loop.call_soon(self._flush_due)

    def _flush_due(self) -> None:
        if self.flush_due:
            self.flush()

    def flush(self) -> None:
        """Send what is queued, and take what comes of it."""
        self.flush_due = False
        if self.state < _LINGER:
            self._pump()

    def _send(self) -> bool:
        """Write what the engine has; return whether there may be something new to take."""
        wire = self.wire
        sent = False
        unsent = wire.all_unsent() if wire.meter.updates else 0
        while not self.write_paused and self.state < _LINGER:
            data = wire.data_to_send(_WRITE_AT_ONCE)
            if not data:
                break
            sent = True
            self.transport_write(data)
            if len(data) < _WRITE_AT_ONCE:
                break
        if unsent:
            self.moved += unsent - wire.all_unsent()
        if self.held:
            self._release()
        return sent

    def hold(self, stream: Http2Stream) -> None:
        """The stream has much to send: have its app wait until that is gone."""
        if not self.pumping and not self.write_paused:
            self.flush()
            if self.wire.unsent(stream.stream_id) <= self._low_water():
                return
        if not stream.write_paused and not stream.closed:
            stream.hold()
            self.held.append(stream)

    def _release(self) -> None:
        """Let those apps go on whose data has left."""
        wire = self.wire
        low = self._low_water()
        held = []
        for stream in self.held:
            if stream.closed:
                continue
            if wire.unsent(stream.stream_id) > low:
                held.append(stream)
            else:
                stream.go_on()
        self.held = held

    def _low_water(self) -> int:
        """Bytes of a stream with which its app may go on."""
        return _LOW_WATER if self.wire.all_unsent() < _ALL_HIGH_WATER else 0

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

    # Ends

    def _give_up(self, stream: Http2Stream) -> None:
        """Nothing more can come of a stream."""
        self.wire.reset(stream.stream_id, CANCEL)
        self.flush_soon()

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
                "HTTP/2 connection of %s ended for a fault of the client's (error code %d)",
                client_name(self.client),
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
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    # Time

    def _meter(self) -> None:
        """Bound what costs us and not the client; note a head that has begun."""
        meter = self.wire.meter
        if meter.updates:
            # Each byte that flow control let through pays for one.
            self.controls -= max(meter.updates - self.moved, 0)
            meter.updates = self.moved = 0
        if meter.cost:
            self.controls -= meter.cost
            meter.cost = 0
        if self.controls < 0 or self.resets < 0:
            what = "frames that carry nothing" if self.controls < 0 else "resets"
            logger.warning("HTTP/2: too many %s from %s", what, client_name(self.client))
            self._end_connection(ENHANCE_YOUR_CALM)
            return
        if not meter.head_open():
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
            if self.wire.late_reset:
                self.wire.stop_waiting()
                self.flush_soon()
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
        if not self.streams:
            self.deadline = self.service.now + self.service.limits.linger

    def detach(self) -> int:
        """Give nothing away, -1: the two sides' tables are here."""
        return -1

    def is_awaited(self) -> bool:
        """Whether a client waits for a response that hasn't begun."""
        return any(not stream.started for stream in self.streams.values())
