"""Who asks for a WebSocket, and how the handshake is answered."""

from __future__ import annotations

from typing import Protocol

from tricorn.asgi.stream import FieldLines
from tricorn.net.address import client_name
from tricorn.wire.ws_deflate import DeflateTerms


class Opening(Protocol):
    """How a handshake is answered: by 101 in HTTP/1.1, by 200 in HTTP/2."""

    deflate: DeflateTerms | None  # what the client and we agree to, if the app accepts

    def accept(self, subprotocol: str | None, fields: FieldLines) -> None:
        """Write the answer that opens. Raises `ResponseError`."""

    def start(self, status: int, fields: FieldLines, body: bytes, more: bool) -> None:
        """Write the head and first content of a denial. Raises `ResponseError`."""

    def write(self, body: bytes, more: bool) -> None:
        """Write further content of the denial. Raises `ResponseError`."""


class Peer:
    """Who speaks on a WebSocket: what logs say of it."""

    def __init__(self, client: tuple[str, int] | None, target: bytes) -> None:
        self.client = client
        self.target = target

    def __str__(self) -> str:
        return client_name(self.client)
