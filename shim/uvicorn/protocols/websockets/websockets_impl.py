"""The protocol class of WebSockets."""

from tricorn.net.websocket import WebSocketConnection as WebSocketProtocol

__all__ = ["WebSocketProtocol"]
