"""h11 and httptools (llhttp) as readers of the same bytes, for comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h11
import httptools

from tests.wire.reading import Reading

Fields = list[tuple[bytes, bytes]]


@dataclass
class PeerRequest:
    """What any of the readers says of a request."""

    method: bytes
    target: bytes
    version: bytes
    fields: Fields
    body: bytes = b""
    finished: bool = False

    @property
    def head(self) -> tuple[bytes, bytes, Fields]:
        """What must be equal."""
        return self.method, self.target, self.fields


@dataclass
class PeerReading:
    """The requests, and whether the reader refused what is behind them."""

    requests: list[PeerRequest]
    refused: str | None = None
    stopped: bool = False  # by its own rule: a close, an upgrade


def ours(reading: Reading) -> PeerReading:
    """Our reading in the same form."""
    requests = [
        PeerRequest(
            request.head["method"].encode(),
            request.head["target"],
            request.head["version"].encode(),
            request.head["fields"],
            request.body,
            request.finished,
        )
        for request in reading.requests
    ]
    refused = None if reading.refusal is None else str(reading.refusal)
    return PeerReading(requests, refused, reading.closed)


def read_with_h11(data: bytes) -> PeerReading:
    """Read as a server with h11 does, answering each request at once (404: no CONNECT succeeds)."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    reading = PeerReading([])
    try:
        while _take_h11_event(connection, reading):
            pass
    except h11.RemoteProtocolError as error:
        reading.refused = str(error)
    return reading


def _take_h11_event(connection: h11.Connection, reading: PeerReading) -> bool:
    event = connection.next_event()
    if isinstance(event, h11.Request):
        reading.requests.append(
            PeerRequest(event.method, event.target, event.http_version, list(event.headers))
        )
    elif isinstance(event, h11.Data):
        reading.requests[-1].body += event.data
    elif isinstance(event, h11.EndOfMessage):
        reading.requests[-1].finished = True
        connection.send(h11.Response(status_code=404, headers=[(b"content-length", b"0")]))
        connection.send(h11.EndOfMessage())
        if connection.our_state is not h11.DONE:
            reading.stopped = True
            return False
        connection.start_next_cycle()
    else:
        return False
    return True


class _Callbacks:
    """Gathers what llhttp calls back with."""

    def __init__(self) -> None:
        self.reading = PeerReading([])
        self.parser: Any = None
        self.url = b""
        self.fields: Fields = []
        self.in_head = True

    def on_message_begin(self) -> None:
        self.url = b""
        self.fields = []
        self.in_head = True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.in_head:  # otherwise it is a trailer field
            self.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.in_head = False
        version = self.parser.get_http_version().encode()
        self.reading.requests.append(
            PeerRequest(self.parser.get_method(), self.url, version, self.fields)
        )

    def on_body(self, body: bytes) -> None:
        self.reading.requests[-1].body += body

    def on_message_complete(self) -> None:
        self.reading.requests[-1].finished = True


def read_with_httptools(data: bytes) -> PeerReading:
    """Read as uvicorn's httptools implementation does."""
    callbacks = _Callbacks()
    parser = httptools.HttpRequestParser(callbacks)
    callbacks.parser = parser
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade:
        callbacks.reading.stopped = True
    except (httptools.HttpParserError, httptools.HttpParserCallbackError) as error:
        callbacks.reading.refused = str(error)
    return callbacks.reading
