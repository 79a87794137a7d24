"""The scope of a request: what it takes from its connection, and what from its head.

And what becomes of it where the request opens a WebSocket.
"""

from __future__ import annotations

from typing import Any, Final

from tricorn.net.service import Service
from tricorn.net.tls import tls_extension
from tricorn.wire.fields import Fields
from tricorn.wire.proxy_protocol import ProxyHeader
from tricorn.wire.ws_handshake import Handshake

EXTENSIONS: Final[dict[str, dict[str, Any]]] = {
    "http.response.early_hint": {},
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
}
"""What a request's scope offers on every version of HTTP but 1.0."""

_HTTP: Final = "http"
_WEBSOCKET_SCHEMES: Final = {"http": "ws", "https": "wss"}


class ConnectionScope:
    """What the scopes of one connection have in common (ASGI HTTP 2.5).

    `proxied` is what a trusted proxy has said of it before its first byte.
    """

    def __init__(
        self, service: Service, transport: Any, proxied: ProxyHeader | None = None
    ) -> None:
        self.service = service
        self.client = peer_address(transport.get_extra_info("peername"))
        self.server = local_address(transport.get_extra_info("sockname"))
        self.scheme = _HTTP
        self.tls: dict[str, Any] | None = None
        if transport.get_extra_info("sslcontext") is not None:
            self.scheme = "https"
            self.tls = tls_extension(transport.get_extra_info("ssl_object"))
        if proxied is not None:
            self._take(proxied)
        self.forward: Any = None
        forwarder = service.forwarder
        if forwarder is not None and forwarder.trusts(self.client):
            self.forward = forwarder.apply

    def _take(self, proxied: ProxyHeader) -> None:
        """Have the addresses and the scheme be those of the connection to the proxy."""
        if proxied.addresses:
            self.client = proxied.client
            self.server = proxied.server
        if proxied.secure:
            self.scheme = "https"

    def of_line(
        self, version: str, method: str, raw_path: bytes, path: str, query: bytes
    ) -> dict[str, Any]:
        """Make what a scope takes from the connection and the request line."""
        service = self.service
        # A copy with all keys in place costs less than filling an empty dict.
        scope = service.scope.copy()
        scope["http_version"] = version
        scope["server"] = self.server
        scope["client"] = self.client
        scope["method"] = method
        scope["path"] = path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        if service.root_path:
            scope["path"] = service.root_path + path
            scope["raw_path"] = service.root_path.encode() + raw_path
        if self.scheme is not _HTTP:
            scope["scheme"] = self.scheme
        return scope

    def complete(
        self, scope: dict[str, Any], fields: Fields, extensions: dict[str, Any], forwarded: bool
    ) -> None:
        """Add the rest: `forwarded` tells that a forwarding field is among `fields`."""
        scope["headers"] = fields
        scope["state"] = self.service.state.copy()
        scope["extensions"] = extensions
        if self.tls is not None:
            extensions["tls"] = self.tls
        if forwarded and self.forward is not None:
            self.forward(scope)


def websocket_scope(scope: dict[str, Any], handshake: Handshake) -> dict[str, Any]:
    """Make an HTTP request's scope that of its WebSocket, in place (ASGI WebSocket 2.5)."""
    scope["type"] = "websocket"
    if scope["http_version"] == "1.0":
        # A proxy's way to write the handshake. The answer, and so the WebSocket, is of 1.1.
        scope["http_version"] = "1.1"
    scope["scheme"] = _WEBSOCKET_SCHEMES.get(scope["scheme"], scope["scheme"])
    del scope["method"]
    scope["subprotocols"] = handshake.subprotocols
    kept = {name: of for name, of in scope["extensions"].items() if name == "tls"}
    scope["extensions"] = {"websocket.http.response": {}} | kept
    return scope


def peer_address(name: Any) -> tuple[str, int] | None:
    """Return a peer's address and port; None for a Unix peer, which has none."""
    if type(name) is not tuple or len(name) < 2:
        return None
    host: str = name[0]
    if host.startswith("::ffff:") and "." in host:
        # An IPv4 client of a dual-stack socket (RFC 4291 §2.5.5.2).
        host = host[7:]
    return host, name[1]


def local_address(name: Any) -> tuple[str, int | None] | None:
    """Return a socket's own address and port, or its path and None."""
    if isinstance(name, tuple) and len(name) >= 2:
        return name[0], name[1]
    if isinstance(name, str) and name:
        return name, None
    if isinstance(name, bytes) and name:
        return name.decode("utf-8", "replace"), None
    return None
