"""The protocol class of WebSockets."""

from tricorn.net.websocket import WebSocketConnection as AutoWebSocketsProtocol

__all__ = ["AutoWebSocketsProtocol"]
