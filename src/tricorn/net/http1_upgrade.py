"""From an HTTP/1.1 request to a WebSocket: its answer, and its scope."""

from __future__ import annotations

from typing import Any, Final

from tricorn.asgi.stream import FieldLines
from tricorn.wire.h1_response import DefaultFields, ResponseWriter, switching_response
from tricorn.wire.ws_handshake import Handshake

_SCHEMES: Final = {"http": "ws", "https": "wss"}


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
        self.writer = ResponseWriter(defaults)
        self.writer.start_request("GET", is_1_1, False)

    def accept(self, subprotocol: str | None, fields: FieldLines) -> None:
        """Write the 101 response."""
        own = [(b"sec-websocket-accept", self.handshake.accept)]
        if subprotocol is not None:
            own.append((b"sec-websocket-protocol", subprotocol.encode()))
        if self.deflate is not None:
            own.append((b"sec-websocket-extensions", self.deflate.response))
        self.transport.write(switching_response(b"websocket", own, fields, self.defaults))

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Write the head and first content of a denial."""
        self._write(self.writer.head(status, fields, body, more))

    def write(self, body: bytes, more: bool) -> None:
        """Write further content of the denial."""
        self._write(self.writer.body(body, more))

    def _write(self, data: bytes) -> None:
        pieces = self.writer.pieces(data)
        if pieces:
            self.transport.writelines(pieces)


def websocket_scope(scope: dict[str, Any], handshake: Handshake) -> dict[str, Any]:
    """Make an HTTP request's scope that of its WebSocket, in place (ASGI WebSocket 2.5)."""
    scope["type"] = "websocket"
    scope["scheme"] = _SCHEMES.get(scope["scheme"], scope["scheme"])
    del scope["method"]
    scope["subprotocols"] = handshake.subprotocols
    kept = {name: of for name, of in scope["extensions"].items() if name == "tls"}
    scope["extensions"] = {"websocket.http.response": {}} | kept
    return scope
