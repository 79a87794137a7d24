"""From an HTTP/1.1 connection to a WebSocket: who takes the transport over, and the answer."""

from __future__ import annotations

from typing import Any, Final

from tricorn.asgi.stream import FieldLines
from tricorn.net.service import Service
from tricorn.net.websocket import Peer, WebSocketConnection
from tricorn.wire.h1_response import DefaultFields, ResponseWriter, switching_response
from tricorn.wire.ws_handshake import Handshake

_SCHEMES: Final = {"http": "ws", "https": "wss"}


class Http1Opening:
    """Answers a handshake that came by HTTP/1.1 (RFC 6455 §4.2.2); an `Opening`.

    A request of HTTP/1.0 gets the same answer: proxies send it so and take it.
    """

    def __init__(self, transport: Any, handshake: Handshake, defaults: DefaultFields) -> None:
        self.transport = transport
        self.handshake = handshake
        self.defaults = defaults
        self.deflate = handshake.deflate
        self.writer = ResponseWriter(defaults)
        self.writer.start_request("GET", True, False)

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
        self.transport.write(self.writer.head(status, fields, body, more))

    def write(self, body: bytes, more: bool) -> None:
        """Write further content of the denial."""
        self.transport.write(self.writer.body(body, more))


def take_over(
    service: Service, transport: Any, scope: dict[str, Any], handshake: Handshake, peer: Peer
) -> WebSocketConnection:
    """Give the transport of an HTTP connection to a WebSocket, which has yet to begin."""
    opening = Http1Opening(transport, handshake, service.defaults)
    connection = WebSocketConnection(
        service, transport, opening, websocket_scope(scope, handshake), peer
    )
    transport.set_protocol(connection)
    return connection


def websocket_scope(scope: dict[str, Any], handshake: Handshake) -> dict[str, Any]:
    """Make an HTTP request's scope that of its WebSocket, in place (ASGI WebSocket 2.5)."""
    scope["type"] = "websocket"
    scope["scheme"] = _SCHEMES.get(scope["scheme"], scope["scheme"])
    del scope["method"]
    scope["subprotocols"] = handshake.subprotocols
    scope["extensions"] = {"websocket.http.response": {}}
    return scope
