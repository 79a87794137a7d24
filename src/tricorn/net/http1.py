"""One HTTP/1.1 connection: bytes from a transport, requests into exchanges, back.

An asyncio protocol, and the `Stream` of the exchange that runs. One request runs at
a time; those behind it wait as bytes in the reader.

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

import logging
import math
from typing import Any, BinaryIO, Final

from tricorn.asgi.exchange import Exchange
from tricorn.asgi.failure import ClientDisconnected
from tricorn.asgi.stream import FieldLines, Stream
from tricorn.net.address import client_name
from tricorn.net.http1_upgrade import Http1Opening, websocket_scope
from tricorn.net.service import TICK, Service
from tricorn.net.tls import tls_extension
from tricorn.net.websocket import Peer, WebSocketConnection
from tricorn.wire.errors import Refusal
from tricorn.wire.h1 import DATA, END, HEAD, NEED_DATA, RequestReader
from tricorn.wire.h1_response import ResponseWriter, refusal_response
from tricorn.wire.ws_handshake import read_handshake

logger = logging.getLogger("tricorn.error")

_NEVER: Final = math.inf
_NEED_DATA: Final = NEED_DATA
_HEAD: Final = HEAD
_DATA: Final = DATA
_END: Final = END

_HTTP: Final = "http"
_WEBSOCKET: Final = b"websocket"

_NEW: Final = 0
_IN_HEAD: Final = 1
_REQUEST: Final = 2
_KEEP_ALIVE: Final = 3
_LINGER: Final = 4
_CLOSED: Final = 5

# Bytes held for requests behind the current one, or for an app that doesn't read,
# before reading pauses; and of response before they are sent though the app's step
# goes on.
_HIGH_WATER: Final = 65536
# A client that has ended its side may have gone for good or may wait for its
# answer; only writing tells. Apps that never write are told after this time.
_END_GRACE: Final = 1.0
_FILE_PIECE: Final = 65536
# A client that was answered, or connected, so many seconds ago is likely to ask at once.
_JUST_NOW: Final = 1.0

_EXTENSIONS: Final[dict[str, dict[str, Any]]] = {
    "http.response.early_hint": {},
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
}
_EXTENSIONS_10: Final[dict[str, dict[str, Any]]] = {
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
}


class Http1Connection(Stream):
    """Serves one HTTP/1.1 connection until either side closes it."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.reader = RequestReader(service.head_limits, service.body_limit)
        self.writer = ResponseWriter(service.defaults)
        self.transport: Any = None
        self.transport_write: Any = None
        self.client: tuple[str, int] | None = None
        self.server: tuple[str, int | None] | None = None
        self.scheme = _HTTP
        self.tls: dict[str, Any] | None = None
        self.last_scope: dict[str, Any] | None = None  # of the request line before
        self.forward: Any = None
        self.exchange: Exchange | None = None
        self.state = _NEW
        self.deadline = _NEVER
        self.reading_paused = False
        self.app_started = False
        self.request_ended = False
        self.response_ended = False
        self.said_continue = False
        self.content_since = 0.0
        self.content_waited = 0.0
        self.content_bytes = 0
        self.pumping = False
        self.pump_due = False
        self.flush_due = False
        self.end_seen = False
        self.out: list[bytes] = []
        self.out_size = 0
        self.stalled_at = 0
        self.stalled_since = 0.0

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        """Take the transport of a new connection."""
        service = self.service
        self.transport = transport
        self.transport_write = transport.write
        self.client = _peer_address(transport.get_extra_info("peername"))
        self.server = _local_address(transport.get_extra_info("sockname"))
        if transport.get_extra_info("sslcontext") is not None:
            self.scheme = "https"
            self.tls = tls_extension(transport.get_extra_info("ssl_object"))
        forwarder = service.forwarder
        if forwarder is not None and forwarder.trusts(self.client):
            self.forward = forwarder.apply
        self.deadline = service.now + service.limits.idle
        service.add(self)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes."""
        state = self.state
        if state >= _LINGER:
            return
        self.reader.feed(data)
        if state == _REQUEST:
            if not self.request_ended:
                self.content_bytes += len(data)
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
        self.stalled_at = self.transport.get_write_buffer_size()
        self.stalled_since = service.now
        self.deadline = min(self.deadline, service.now + service.limits.write)

    def resume_writing(self) -> None:
        """The client reads again."""
        self.write_paused = False
        self.stalled_at = 0
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
        if self.out:
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
            elif code == _END:
                self.request_ended = True
                if self.exchange is not None:
                    self.exchange.feed_end()
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
        self.stalled_at = 0
        self.app_started = False
        self.request_ended = False
        self.response_ended = False
        has_content = reader.content_length != 0
        keep_alive = reader.keep_alive and service.keeps_alive and not service.draining
        if self.end_seen and not reader.unread():
            keep_alive = False
        self.writer.start_request(reader.method, reader.is_1_1, keep_alive)
        if reader.upgrade and service.websockets is not None and reader.upgrade == _WEBSOCKET:
            self._upgrade(has_content, service.websockets.deflate)
            return
        if has_content:
            self.said_continue = not reader.expect_continue
            self.content_since = service.now
            self.content_waited = 0.0
            self.content_bytes = 0
        scope = self._scope()
        app = _overloaded if service.concurrency and service.is_busy() else service.app
        self.exchange = Exchange(self, app, scope, has_content)

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
        service = self.service
        reader = self.reader
        if self.last_scope is not None and reader.same_line:
            scope = self.last_scope.copy()
        else:
            scope = self._scope_of_line()
            # Who asks the same twice may go on to.
            self.last_scope = scope.copy() if reader.same_line else None
        scope["headers"] = reader.fields
        scope["state"] = service.state.copy()
        scope["extensions"] = extensions = _EXTENSIONS.copy()
        if not reader.is_1_1:
            scope["extensions"] = _EXTENSIONS_10.copy()
        elif reader.te_trailers:
            extensions["http.response.trailers"] = {}
        if self.tls is not None:
            scope["extensions"]["tls"] = self.tls
        if reader.forwarded and self.forward is not None:
            self.forward(scope)
        return scope

    def _scope_of_line(self) -> dict[str, Any]:
        """Make what a scope takes from the connection and the request line."""
        service = self.service
        reader = self.reader
        # A copy with all keys in place costs less than filling an empty dict.
        scope = service.scope.copy()
        scope["server"] = self.server
        scope["client"] = self.client
        scope["method"] = reader.method
        scope["path"] = reader.path
        scope["raw_path"] = reader.raw_path
        scope["query_string"] = reader.query
        if service.root_path:
            scope["path"] = service.root_path + reader.path
            scope["raw_path"] = service.root_path.encode() + reader.raw_path
        if self.scheme is not _HTTP:
            scope["scheme"] = self.scheme
        if not reader.is_1_1:
            scope["http_version"] = "1.0"
        return scope

    def _start_app(self) -> None:
        """Run the app's first step; most apps are done with it."""
        exchange = self.exchange
        assert exchange is not None
        self.app_started = True
        service = self.service
        task = service.starter.start(exchange.run())
        if not exchange.ended:
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
        self.deadline = self.service.now + self.service.limits.keep_alive
        if self.service.draining:
            # The client was told that it may ask again, before the server had to stop.
            self._await_last()
        self.reader.start_next()
        if self.reading_paused:
            self._resume_reading()

    # The exchange's stream

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Write the head and the first content."""
        if not self.said_continue and not self.request_ended and self.reader.expect_continue:
            # The client may or may not send its content now: nothing can follow.
            self.writer.keep_alive = False
        if self.service.draining:
            self.writer.keep_alive = False
        data = self.writer.head(status, fields, body, more)
        access = self.service.access
        if access is not None:
            reader = self.reader
            exchange = self.exchange
            # A trusted proxy's claim has replaced ours; the app may have removed it.
            client = self.client
            if exchange is not None:
                client = exchange.scope.get("client", client)
            access.request(client, reader.method, reader.target, reader.version, status)
        if more:
            self._put(data)
        else:
            self._put_last(data)

    def write(self, body: bytes, more: bool) -> None:
        """Write further content."""
        try:
            data = self.writer.body(body, more)
        except ValueError:
            self._cut()
            raise
        if more:
            if data:
                self._put(data)
        else:
            self._put_last(data)

    def write_trailers(self, fields: FieldLines) -> None:
        """End chunked content with trailers; drop them where nobody asked for them."""
        if self.writer.can_have_trailers and self.reader.te_trailers:
            self._put_last(self.writer.trailers(fields))
        else:
            self._put_last(self.writer.body(b"", False))

    def inform(self, status: int, fields: FieldLines) -> None:
        """Write a 1xx response; HTTP/1.0 has none."""
        if self.reader.is_1_1:
            self._put(self.writer.interim(status, fields))

    async def write_file(self, file: BinaryIO, offset: int, count: int, more: bool) -> None:
        """Have the system copy the file where the transport can, else read and write."""
        if getattr(self.transport, "send_file", None) is None:
            await self._copy_file(file, offset, count)
        else:
            await self._send_file(file, offset, count)
        if not more:
            self._put_last(self.writer.body(b"", False))

    async def _send_file(self, file: BinaryIO, offset: int, count: int) -> None:
        try:
            allowed, before, behind = self.writer.file_frame(count)
        except ValueError:
            self._cut()
            raise
        if not allowed:
            return
        if before:
            self._put(before)
        self._flush()
        try:
            sent = await self.transport.send_file(file, offset, count)
        except ConnectionError:
            raise self._client_left() from None
        if sent != count:
            self._cut()
            raise ValueError("the file became shorter while it was sent")
        if behind:
            self._put(behind)

    async def _copy_file(self, file: BinaryIO, offset: int, count: int) -> None:
        loop = self.service.loop
        file.seek(offset)
        while count:
            piece = await loop.run_in_executor(None, file.read, min(count, _FILE_PIECE))
            if not piece:
                self._cut()
                raise ValueError("the file became shorter while it was sent")
            self.write(piece, True)
            count -= len(piece)
            await self.drained()
            if self.state == _CLOSED:
                raise self._client_left()

    def _client_left(self) -> ClientDisconnected:
        """Make the error of a client that left while a file was sent to it."""
        self.exchange_gone()
        return ClientDisconnected("the client has disconnected")

    def want_content(self) -> None:
        """The app waits for content."""
        self.content_since = self.service.now
        if not self.said_continue:
            self.said_continue = True
            if not self.writer.started and not self.content_bytes:
                self._put(b"HTTP/1.1 100 Continue\r\n\r\n")
                self._flush()
        if self.reading_paused:
            self._resume_reading()

    def abort(self) -> None:
        """Cut the response short: no last chunk, no full length."""
        self._cut()

    def app_ended(self, exchange: Exchange) -> None:
        """The app's task, which had to wait for something, is over."""
        self.service.tasks.discard(exchange.task)

    # Writing

    def _put(self, data: bytes) -> None:
        """Write soon: what the app sends in one step leaves in one call."""
        self._gather(data)
        if self.out_size >= _HIGH_WATER:
            self._flush()
        elif not self.pumping and not self.flush_due:
            self.flush_due = True
            self.service.loop.call_soon(self._flush_due)

    def _gather(self, data: bytes) -> None:
        """Keep `data` for the next flush, and the content that goes behind it uncopied."""
        self.out.append(data)
        self.out_size += len(data)
        writer = self.writer
        apart = writer.apart
        if apart:
            writer.apart = b""
            self.out.append(apart)
            self.out_size += len(apart)

    def _put_last(self, data: bytes) -> None:
        """Write the end of a response and go on to what follows it."""
        self.response_ended = True
        self.service.total_requests += 1
        if self.out or self.writer.apart or (self.pumping and self.reader.unread()):
            # Answers to requests that came together leave together, up to a bound:
            # small requests may have large answers.
            self._gather(data)
            if not self.pumping or not self.reader.unread() or self.out_size >= _HIGH_WATER:
                self._flush()
        elif data:
            self.transport_write(data)
        if not self.pumping:
            self._after_response()

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

    def _flush_due(self) -> None:
        self.flush_due = False
        if self.out:
            self._flush()

    def _flush(self) -> None:
        out = self.out
        if out:
            self.out = []
            self.out_size = 0
            if self.writer.owed:
                out.append(self.writer.settle())
            if len(out) == 1:
                self.transport_write(out[0])
            else:
                self.transport.writelines(out)

    def _pump_later(self) -> None:
        """Go on outside the app's step that is running now."""
        if not self.pump_due:
            self.pump_due = True
            self.service.loop.call_soon(self._pump)

    def _pause_reading(self) -> None:
        if not self.reading_paused:
            self.reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self.reading_paused = False
        self.transport.resume_reading()

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

    def exchange_gone(self) -> None:
        """Tell the exchange that runs that its client is gone."""
        exchange = self.exchange
        if exchange is not None:
            exchange.disconnected()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer what isn't taken, tell the operator, and take nothing more."""
        logger.warning(
            "Invalid HTTP request from %s: %s (%d)",
            client_name(self.client),
            refusal.reason,
            refusal.status,
        )
        self._answer_and_close(refusal)

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
            self.deadline = self.service.now + self.service.limits.write
            self.transport.close()
        else:
            self._linger()

    def _cut(self) -> None:
        self.state = _CLOSED
        self._flush()
        self.exchange_gone()
        self.transport.abort()

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
        if not self.stalled_at or waiting < self.stalled_at:
            self.stalled_at = waiting
            self.stalled_since = now
        limit = self.service.limits.write
        if now - self.stalled_since < limit:
            self.deadline = self.stalled_since + limit
        else:
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
        if not waits:
            self.content_since = now
            return
        self.content_waited += now - self.content_since
        self.content_since = now
        limits = self.service.limits
        if self.content_waited > limits.content and (
            self.content_bytes < limits.content_rate * self.content_waited
        ):
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
        if not is_idle or detach is None:
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


async def _overloaded(scope: Any, receive: Any, send: Any) -> None:
    """Answer in the app's place when there is too much to do."""
    logger.warning("Exceeded concurrency limit.")
    body = b"Service Unavailable"
    fields = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": fields})
    await send({"type": "http.response.body", "body": body})


def _peer_address(name: Any) -> tuple[str, int] | None:
    """Return a peer's address and port; None for a Unix peer, which has none."""
    if type(name) is not tuple or len(name) < 2:
        return None
    host = name[0]
    if host.startswith("::ffff:") and "." in host:
        # An IPv4 client of a dual-stack socket (RFC 4291 §2.5.5.2).
        host = host[7:]
    return host, name[1]


def _local_address(name: Any) -> tuple[str, int | None] | None:
    if isinstance(name, tuple) and len(name) >= 2:
        return name[0], name[1]
    if isinstance(name, str) and name:
        return name, None
    if isinstance(name, bytes) and name:
        return name.decode("utf-8", "replace"), None
    return None
