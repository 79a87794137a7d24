"""From an HTTP/1.1 request to a WebSocket: how the handshake is answered."""

from __future__ import annotations

from typing import Any

from tricorn.asgi.stream import FieldLines
from tricorn.wire.h1_response import DefaultFields, ResponseWriter, switching_response
from tricorn.wire.ws_handshake import Handshake, answer_fields


class Http1Opening:
    """Answers a handshake that came by HTTP/1.1 (RFC 6455 §4.2.2); an `Opening`.

    Accepting looks the same to a request of HTTP/1.0: proxies send it so and take it.
    """

    def __init__(
        self, transport: Any, handshake: Handshake, defaults: DefaultFields, is_1_1: bool
    ) -> None:
        self.transport = transport
        self.handshake = handshake
        self.defaults = defaults
        self.deflate = handshake.deflate
        self.is_1_1 = is_1_1
        self.writer: ResponseWriter | None = None  # of a denial

    def accept(self, subprotocol: str | None, fields: FieldLines) -> None:
        """Write the 101 response."""
        own = answer_fields(self.handshake, subprotocol)
        self.transport.write(switching_response(b"websocket", own, fields, self.defaults))

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Write the head and first content of a denial."""
        self.writer = writer = ResponseWriter(self.defaults)
        writer.start_request("GET", self.is_1_1, False)
        self._write(writer, writer.head(status, fields, body, more))

    def write(self, body: bytes, more: bool) -> None:
        """Write further content of the denial, which has begun."""
        assert self.writer is not None
        self._write(self.writer, self.writer.body(body, more))

    def _write(self, writer: ResponseWriter, data: bytes) -> None:
        pieces = writer.pieces(data)
        if pieces:
            self.transport.writelines(pieces)
