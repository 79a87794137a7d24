"""The protocol class of WebSockets."""

from tricorn.net.websocket import WebSocketConnection as WSProtocol

__all__ = ["WSProtocol"]
