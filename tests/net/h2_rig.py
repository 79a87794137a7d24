"""An `Http2Connection` on a transport made of lists, and the engine's client against it."""

from __future__ import annotations

import asyncio
from typing import Any

from ngh2 import (
    Configuration,
    Connection,
    ConnectionClosed,
    DataReceived,
    GoAwayReceived,
    InformationalResponseReceived,
    ResponseReceived,
    Role,
    StreamReset,
    TrailersReceived,
)

from tests.net.rig import FakeTransport, Rig
from tricorn.net.http2 import Http2Connection
from tricorn.wire.h2 import Http2Limits


class Reply:
    """What has come on one stream."""

    def __init__(self) -> None:
        self.interim: list[int] = []
        self.status = 0
        self.fields: dict[bytes, bytes] = {}
        self.body = b""
        self.trailers: dict[bytes, bytes] = {}
        self.ended = False
        self.reset: int | None = None


class Client:
    """A scripted client; `auto` gives windows back by itself."""

    def __init__(self, auto: bool = True, settings: dict[int, int] | None = None) -> None:
        self.engine = Connection(
            Role.CLIENT,
            Configuration(auto_window_update=auto, max_send_header_block_length=1 << 20),
        )
        self.engine.initiate_connection(settings or {})
        self.replies: dict[int, Reply] = {}
        self.goaways: list[tuple[int, int]] = []  # last stream, error code
        self.events: list[Any] = []
        self.over = False

    def take(self, data: bytes) -> None:
        if data and not self.over:
            self.engine.receive_data(data)
        for event in self.engine.events():
            self.events.append(event)
            self.over = self.over or isinstance(event, ConnectionClosed)
            self._note(event)

    def _note(self, event: Any) -> None:
        if isinstance(event, GoAwayReceived):
            self.goaways.append((event.last_stream_id, event.error_code))
            return
        stream_id = getattr(event, "stream_id", 0)
        if not stream_id:
            return
        reply = self.replies.setdefault(stream_id, Reply())
        if isinstance(event, InformationalResponseReceived):
            reply.interim.append(int(dict(event.headers)[b":status"]))
        elif isinstance(event, ResponseReceived):
            fields = dict(event.headers)
            reply.status = int(fields.pop(b":status"))
            reply.fields = fields
            reply.ended = event.end_stream
        elif isinstance(event, DataReceived):
            reply.body += event.data
            reply.ended = event.end_stream
        elif isinstance(event, TrailersReceived):
            reply.trailers = dict(event.headers)
            reply.ended = True
        elif isinstance(event, StreamReset) or getattr(event, "error_code", 0):
            reply.reset = event.error_code


def request(
    method: str = "GET", path: str = "/", *fields: tuple[bytes, bytes]
) -> list[tuple[bytes, bytes]]:
    """A request's field list."""
    return [
        (b":method", method.encode()),
        (b":scheme", b"http"),
        (b":authority", b"a"),
        (b":path", path.encode()),
        *fields,
    ]


class Http2Rig(Rig):
    """One worker's service, one HTTP/2 connection, and its client."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: Any, **options: Any) -> None:
        self.http2_limits = options.pop("http2_limits", Http2Limits())
        self.client = options.pop("client", None) or Client()
        self.seen = 0
        super().__init__(loop, app, **options)
        self.exchange()

    def connect(self) -> tuple[FakeTransport, Any]:
        transport = FakeTransport(self.loop, self.extra)
        connection = Http2Connection(self.service, self.http2_limits)
        transport.protocol = connection
        self.transports.append(transport)
        self.call(connection.connection_made, transport)
        return transport, connection

    def exchange(self) -> None:
        """Carry bytes both ways until neither side has more to say."""
        while True:
            data = self.client.engine.data_to_send()
            self.client.take(b"")
            if data and not self.transport.is_closing():
                self.receive(data)
            else:
                self.turn()
            written = self.transport.written[self.seen :]
            self.seen += len(written)
            self.client.take(written)
            if not written and not data:
                return

    def ask(self, *args: Any, body: bytes | None = None, ended: bool = True) -> Reply:
        """Send a request; what has come of it. Without `ended` it goes on."""
        stream_id = self.begin(*args, body=body, ended=ended)
        self.exchange()
        return self.client.replies[stream_id]

    def begin(self, *args: Any, body: bytes | None = None, ended: bool = True) -> int:
        """Queue a request and return its stream."""
        fields = args[0] if args and isinstance(args[0], list) else request(*args)
        engine = self.client.engine
        stream_id = engine.send_request(fields, end_stream=body is None and ended)
        self.client.replies[stream_id] = Reply()
        if body is not None:
            engine.send_data(stream_id, body, end_stream=ended)
        return stream_id
