"""The way out of an HTTP/1.1 connection: what the exchange that runs may do to it."""

from __future__ import annotations

import math
from typing import Any, BinaryIO, Final

from tricorn.asgi.exchange import Exchange
from tricorn.asgi.failure import ClientDisconnected
from tricorn.asgi.stream import FieldLines, Stream
from tricorn.net.progress import ContentRate, Stall
from tricorn.net.scope import ConnectionScope
from tricorn.net.service import Service
from tricorn.wire.h1 import open_reader
from tricorn.wire.h1_response import ResponseWriter
from tricorn.wire.proxy_protocol import ProxyHeader

# The states of a connection, which `net/http1.py` draws.
NEW: Final = 0
IN_HEAD: Final = 1
REQUEST: Final = 2
KEEP_ALIVE: Final = 3
LINGER: Final = 4
CLOSED: Final = 5

# A client that has ended its side may have gone for good or may wait for its answer; only
# writing tells. Apps that never write are told after so many seconds.
END_GRACE: Final = 1.0

_NEW: Final = NEW
_CLOSED: Final = CLOSED
_NEVER: Final = math.inf
# Bytes of response that are held before they are sent though the app's step goes on.
_HIGH_WATER: Final = 65536
_FILE_PIECE: Final = 65536


class Http1Stream(Stream):
    """Writes the responses of one connection; `Http1Connection` reads the requests.

    What all three classes need to know of the connection stands here.
    """

    def prepare(self, service: Service, proxied: ProxyHeader | None) -> None:
        """Begin with a new connection. No `__init__`, whose call would cost more than the rest."""
        self.write_paused = False
        self.drain = None
        self.service = service
        self.reader = open_reader(service.head_limits, service.body_limit)
        self.writer = ResponseWriter(service.defaults)
        self.transport: Any = None
        self.transport_write: Any = None
        self.client: tuple[str, int] | None = None
        self.proxied = proxied
        self.scope: ConnectionScope = None  # type: ignore[assignment]
        self.last_scope: dict[str, Any] | None = None  # of the request line before
        self.exchange: Exchange | None = None
        self.state = _NEW
        self.deadline = _NEVER
        self.reading_paused = False
        self.app_started = False
        self.request_ended = False
        self.response_ended = False
        self.said_continue = False
        self.rate: ContentRate | None = None  # of a request's content
        self.stall: Stall | None = None
        self.pumping = False  # a batch of requests is being read
        self.flush_due = False
        self.end_seen = False
        self.out: list[bytes] = []
        self.out_size = 0

    def _after_response(self) -> None:
        """Go on, from within the app's step, to what follows a response."""
        raise NotImplementedError

    def pause_writing(self) -> None:
        """Have the app wait before it writes on."""
        raise NotImplementedError

    # The exchange's stream

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Write the head and the first content."""
        if not self.said_continue and not self.request_ended and self.reader.expect_continue:
            # The client may or may not send its content now: nothing can follow.
            self.writer.keep_alive = False
        if self.service.draining or self.service.leaving:
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
        if not more:
            self._put_last(data)
        elif data or self.writer.is_held:
            self._put(data)

    def write_trailers(self, fields: FieldLines) -> None:
        """End chunked content with trailers; drop them where nobody asked for them."""
        if self.writer.can_have_trailers and self.reader.te_trailers:
            self.writer.trailers(fields)
            self._put_last(b"")
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
        self._flush()
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
        rate = self.rate
        if rate is not None:
            rate.skip(self.service.now)
        if not self.said_continue:
            self.said_continue = True
            if not self.writer.started and (rate is None or not rate.bytes):
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
        if data:
            self._gather(data)
        if self.out_size + self.writer.held_size >= _HIGH_WATER:
            self._flush()
            if not self.write_paused and self.transport.is_closing():
                # Of its end nobody hears before the loop turns: an app that only sends has to wait.
                self.pause_writing()
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
        """Count a request whose response ends with `data`."""
        self.service.total_requests += 1
        self._put_end(data)

    def _put_end(self, data: bytes) -> None:
        """Write the end of a response and go on to what follows it."""
        self.response_ended = True
        if self.writer.is_held:
            self._settle()
        if self.out or (self.pumping and self.reader.unread()):
            # Answers to requests that came together leave together, up to a bound:
            # small requests may have large answers.
            if data:
                self._gather(data)
            if not self.pumping or not self.reader.unread() or self.out_size >= _HIGH_WATER:
                self._flush()
        elif self.writer.apart:
            self.transport.writelines([data, self.writer.apart])
            self.writer.apart = b""
        elif data:
            self.transport_write(data)
        if not self.pumping:
            self._after_response()

    def _flush_due(self) -> None:
        self.flush_due = False
        self._flush()

    def _settle(self) -> None:
        """Put the chunks that the writer holds behind what is to be written."""
        self.out_size += self.writer.held_size
        self.writer.settle(self.out)

    def _flush(self) -> None:
        if self.writer.is_held:
            self._settle()
        out = self.out
        if out:
            self.out = []
            self.out_size = 0
            if len(out) == 1:
                self.transport_write(out[0])
            else:
                self.transport.writelines(out)

    # Reading, and ends

    def _pause_reading(self) -> None:
        if not self.reading_paused:
            self.reading_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        self.reading_paused = False
        self.transport.resume_reading()

    def exchange_gone(self) -> None:
        """Tell the exchange that runs that its client is gone."""
        exchange = self.exchange
        if exchange is not None:
            exchange.disconnected()

    def _cut(self) -> None:
        self.state = _CLOSED
        self._flush()
        self.exchange_gone()
        self.transport.abort()
