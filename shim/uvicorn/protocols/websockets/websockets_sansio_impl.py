"""The protocol class of WebSockets."""

from tricorn.net.websocket import WebSocketConnection as WebSocketsSansIOProtocol

__all__ = ["WebSocketsSansIOProtocol"]
