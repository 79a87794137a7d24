"""One HTTP/2 request and its response, on one stream of a connection.

The `Stream` of the exchange. What it writes the wire queues, and the connection sends for all
streams together. Where the client's windows or its socket let nothing through, the queue
fills, and `write_paused` holds the app.
"""

from __future__ import annotations

from typing import Any, BinaryIO, Final

from tricorn.asgi.exchange import Exchange
from tricorn.asgi.failure import ClientDisconnected
from tricorn.asgi.stream import FieldLines, Stream
from tricorn.net.progress import ContentRate, Stall
from tricorn.net.service import Service
from tricorn.wire.errors import Refusal, ResponseError
from tricorn.wire.fields import FORBIDDEN_TRAILERS, Fields
from tricorn.wire.h2 import INTERNAL_ERROR, Http2Wire
from tricorn.wire.h2_response import read_app_fields
from tricorn.wire.scan import list_fields

_INTERNAL_ERROR: Final = INTERNAL_ERROR
_GET: Final = "GET"
_STATUS: Final = {code: (b":status", str(code).encode()) for code in range(100, 600)}
# Bytes of a response that wait for the client before the app does, and of content that wait
# for the app before the client does.
HIGH_WATER: Final = 65536
LOW_WATER: Final = 16384
# Bytes of responses that wait on all streams of a connection. Beyond it a stream has one message
# waiting. No stream waits for another: that one's window may be shut for good.
ALL_HIGH_WATER: Final = 1 << 20
_HIGH_WATER: Final = HIGH_WATER
_ALL_HIGH_WATER: Final = ALL_HIGH_WATER
_FILE_PIECE: Final = 65536
# Bytes read of content that nobody needs any more, as the answer is given.
_UNNEEDED: Final = 8 << 20
_NO_SIZE: Final = -1


class Carrier:
    """What carries streams: the connection, which derives from it."""

    def __init__(self, service: Service, wire: Http2Wire) -> None:
        self.service = service
        self.wire = wire

    def flush_soon(self) -> None:
        """Send what is queued, once the app's step is over."""
        raise NotImplementedError

    def flush(self) -> None:
        """Send what is queued."""
        raise NotImplementedError

    def hold(self, stream: Http2Stream) -> None:
        """The stream has much to send: have its app wait until that is gone."""
        raise NotImplementedError

    def completed(self, stream: Http2Stream) -> None:
        """The whole response is queued."""
        raise NotImplementedError

    def app_waits(self, stream: Http2Stream) -> None:
        """The app of this stream isn't done with its first step."""
        raise NotImplementedError

    def app_ended(self, stream: Http2Stream) -> None:
        """The app's task of this stream is over."""
        raise NotImplementedError


class Http2Stream(Stream):
    """Serves one request."""

    def __init__(self, carrier: Carrier, stream_id: int, method: str, target: bytes) -> None:
        self.prepare(carrier, stream_id, method, target)

    def prepare(self, carrier: Carrier, stream_id: int, method: str, target: bytes) -> None:
        """Do what `__init__` does."""
        self.write_paused = False
        self.drain = None
        self.carrier = carrier
        self.wire = carrier.wire
        self.stream_id = stream_id
        self.method = method
        self.target = target
        self.client: Any = None
        self.exchange: Exchange | None = None
        self.is_counted = True  # among the requests, and in the access log
        self.te_trailers = False
        self.started = False
        self.request_ended = False
        self.response_ended = False
        self.closed = False
        self.was_cut = False
        self.without_content = False
        self.left = _NO_SIZE  # of the content whose length the app has told
        self.said_continue = True
        self.unreturned = 0  # bytes of content that the client may not yet send again
        self.content_bytes = 0
        self.unneeded = 0  # of these, read since the answer was given
        self.linger_until = 0.0  # once answered, while the client still sends content
        self.rate: ContentRate | None = None
        self.stall: Stall | None = None

    # The exchange's stream

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Queue the head and the first content."""
        pair = _STATUS.get(status)
        if pair is None or status < 200:
            raise ResponseError(f"status must be a whole number from 200 to 599, not {status!r}")
        code = status
        known = read_app_fields(fields)
        length = known.length
        size = len(body)
        told = _NO_SIZE
        method = self.method
        self.without_content = (method is not _GET and method == "HEAD") or code in (204, 304)
        if self.without_content:
            if code == 204 and length >= 0:
                # RFC 9110 §8.6: no Content-Length in a 204.
                known = known.without_length()
            body = b""
        elif length >= 0:
            if size > length:
                raise ResponseError(_too_long(length))
            self.left = length - size
        elif not more:
            told = size
        service = self.carrier.service
        lines = known.head(pair, told, service.defaults)
        self.started = True
        if service.access is not None and self.is_counted:
            self._log(status)
        if self.left > 0 and not more:
            self.wire.respond(self.stream_id, lines, False)
            self._cut(_INTERNAL_ERROR)
        elif not more and not body:
            self.wire.respond(self.stream_id, lines, True)
            self._complete()
        else:
            self.wire.respond(self.stream_id, lines, False)
            self._queue(body, more)

    def _log(self, status: int) -> None:
        client = self.client
        if self.exchange is not None:
            # A trusted proxy's claim has replaced ours; the app may have removed it.
            client = self.exchange.scope.get("client", client)
        access = self.carrier.service.access
        assert access is not None
        access.request(client, self.method, self.target, "2", status)

    def write(self, body: bytes, more: bool) -> None:
        """Queue further content."""
        if self.without_content:
            body = b""
        elif self.left >= 0:
            left = self.left
            self.left -= len(body)
            if self.left < 0:
                self._cut(_INTERNAL_ERROR)
                raise ResponseError(_too_long(left))
            if self.left and not more:
                self._cut(_INTERNAL_ERROR)
                return
        self._queue(body, more)

    def _queue(self, body: bytes, more: bool) -> None:
        if not more:
            self.wire.send(self.stream_id, body, True)
            self._complete()
            return
        if body:
            wire = self.wire
            wire.send(self.stream_id, body, False)
            if wire.unsent(self.stream_id) >= _HIGH_WATER or wire.waiting >= _ALL_HIGH_WATER:
                self.carrier.hold(self)
        self.carrier.flush_soon()

    def _complete(self) -> None:
        self.response_ended = True
        if self.unreturned:
            # The app took no more of it, and the client is to go on.
            self.give_back()
        self.carrier.completed(self)

    def write_trailers(self, fields: FieldLines) -> None:
        """End the response with trailers; drop them where nobody asked for them."""
        lines: Fields = []
        list_fields(fields, lines)
        for name, _ in lines:
            if name in FORBIDDEN_TRAILERS:
                raise ResponseError(f"{name!r} can't be a trailer: it belongs into the head")
        if self.te_trailers and lines and not self.without_content:
            self.wire.send_trailers(self.stream_id, lines)
            self._complete()
        else:
            self._queue(b"", False)

    def inform(self, status: int, fields: FieldLines) -> None:
        """Queue a 1xx response."""
        lines: Fields = [_STATUS[status]]
        list_fields(fields, lines)
        self.wire.inform(self.stream_id, lines)
        self.carrier.flush_soon()

    async def write_file(self, file: BinaryIO, offset: int, count: int, more: bool) -> None:
        """Read the file in a thread and queue it piece by piece."""
        loop = self.carrier.service.loop
        file.seek(offset)
        while count and not self.without_content:
            piece = await loop.run_in_executor(None, file.read, min(count, _FILE_PIECE))
            if self.closed:
                raise self._client_left()
            if not piece:
                self._cut(_INTERNAL_ERROR)
                raise ValueError("the file became shorter while it was sent")
            self.write(piece, True)
            count -= len(piece)
            await self.drained()
            if self.closed:
                raise self._client_left()
        if not more:
            self.write(b"", False)

    def _client_left(self) -> ClientDisconnected:
        self._gone()
        return ClientDisconnected("the client has disconnected")

    def want_content(self) -> None:
        """The app waits for content."""
        if self.rate is not None:
            self.rate.skip(self.carrier.service.now)
        if not self.said_continue:
            self.said_continue = True
            if not self.started and not self.content_bytes:
                self.inform(100, ())
        if self.unreturned:
            self.give_back()
            self.carrier.flush_soon()

    def abort(self) -> None:
        """Reset the stream: what was sent isn't the whole response."""
        self._cut(_INTERNAL_ERROR)

    def app_ended(self, exchange: Exchange) -> None:
        """The app's task, which had to wait for something, is over."""
        self.carrier.service.tasks.discard(exchange.task)
        self.carrier.app_ended(self)

    # Called by the connection

    def give_back(self) -> None:
        """Let the client send as much again as has been taken."""
        size = self.unreturned
        self.unreturned = 0
        self.wire.consumed(self.stream_id, size)

    def feed(self, data: bytes) -> None:
        """Take a piece of content. Raises `Refusal` where it is too much."""
        size = len(data)
        self.content_bytes += size
        if self.rate is not None:
            self.rate.bytes += size
        self.unreturned += size
        exchange = self.exchange
        if exchange is None or self.response_ended:
            # The response didn't need it.
            self.unneeded += size
            if self.unneeded < _UNNEEDED:
                self.give_back()
            else:
                self.linger_until = 0.0
            return
        limit = self.carrier.service.body_limit
        if limit and self.content_bytes > limit:
            raise Refusal(413, f"content longer than {limit} bytes")
        if data:
            exchange.feed(data)
            if exchange.wants_content and exchange.content_size <= _HIGH_WATER:
                self.give_back()

    def feed_end(self) -> None:
        """The client has sent all."""
        self.request_ended = True
        if self.exchange is not None:
            self.exchange.feed_end()

    def feed_trailers(self) -> None:
        """The client has sent all; its trailers have no place in ASGI."""
        self.feed_end()

    def hold(self) -> None:
        """Have who writes wait: much is queued."""
        self.write_paused = True

    def go_on(self) -> None:
        """Let who writes go on."""
        self.write_paused = False
        self.wake_writers()

    def end(self) -> None:
        """The stream is over, whoever ended it."""
        self.closed = True
        if self.unreturned:
            self.give_back()
        self._gone()
        self.write_paused = False
        self.wake_writers()
        # Or the two would keep each other until the garbage collector comes.
        self.exchange = None

    def refuse(self, refusal: Refusal) -> None:
        """Answer in the app's place, or reset the stream where the app has begun to."""
        self._gone()
        self.exchange = None
        if self.started:
            self._cut(_INTERNAL_ERROR)
            return
        body = refusal.reason.encode("ascii", "replace") + b"\n"
        fields = [*refusal.fields, (b"content-type", b"text/plain; charset=utf-8")]
        self.start(refusal.status, fields, body, False)

    def check_content_rate(self, now: float) -> None:
        """Refuse content that trickles in while the app, or nobody, waits for it."""
        rate = self.rate
        if rate is None:
            return
        exchange = self.exchange
        if not (self.response_ended or exchange is None or exchange.wants_content):
            rate.skip(now)
            return
        limits = self.carrier.service.limits
        if rate.is_too_slow(now, limits.content, limits.content_rate):
            raise Refusal(408, "request content came too slowly")

    def is_stalled(self, now: float, limit: float) -> bool:
        """Whether the client has taken nothing of what waits for it in so many seconds."""
        waiting = self.wire.unsent(self.stream_id) + (1 if self.response_ended else 0)
        if not waiting:
            self.stall = None
            return False
        if self.stall is None:
            self.stall = Stall(waiting, now)
        return now >= self.stall.deadline(waiting, now, limit)

    def _gone(self) -> None:
        if self.exchange is not None and not self.response_ended:
            self.exchange.disconnected()

    def _cut(self, code: int) -> None:
        self._gone()
        self.response_ended = self.was_cut = True
        self.wire.reset(self.stream_id, code)
        self.carrier.flush_soon()


def open_stream(carrier: Carrier, stream_id: int, method: str, target: bytes) -> Http2Stream:
    """Make a stream, for less than calling the class costs."""
    stream = Http2Stream.__new__(Http2Stream)
    stream.prepare(carrier, stream_id, method, target)
    return stream


def _too_long(left: int) -> str:
    return f"the app sent more content than its Content-Length ({left} bytes were left)"
