"""Connections that begin with the PROXY protocol, before TLS and before HTTP.

`ProxiedConnection` is a protocol that stands before the one which serves, over the hub's
transports and over loops that accept by themselves. `receive_header` reads the same from a plain
socket, for who makes the transport only afterwards: bytes behind the header stay in the socket.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from tricorn.net.address import client_name
from tricorn.net.scope import peer_address
from tricorn.net.service import Service
from tricorn.product import product_logger
from tricorn.wire.errors import ProxyHeaderError
from tricorn.wire.proxy_protocol import VERSIONS, ProxyHeader, read_header

logger = product_logger("error")

_AT_ONCE: Final = 4096


class ProxyProtocol(NamedTuple):
    """Which peers must send a header, and of which versions. `trusts` gets None for a Unix peer."""

    trusts: Callable[[str | None], bool]
    versions: frozenset[int] = VERSIONS

    def expects(self, peername: Any) -> bool:
        """Whether the peer of this name must send a header."""
        peer = peer_address(peername)
        return self.trusts(None if peer is None else peer[0])


def refuse(peername: Any, reason: str) -> None:
    """Tell the operator why a proxy's connection is closed."""
    peer = client_name(peer_address(peername))
    logger.warning("Invalid PROXY protocol from %s: %s", peer, reason)


class ProxiedConnection:
    """Reads the header, and makes who serves the connection: `factory(header)`.

    `factory(None)` serves a peer that isn't trusted. Until then this stands among the service's
    connections itself.
    """

    def __init__(
        self,
        service: Service,
        expected: ProxyProtocol,
        factory: Callable[[ProxyHeader | None], Any],
    ) -> None:
        self.service = service
        self.expected = expected
        self.factory = factory
        self.transport: Any = None
        self.data = b""
        self.deadline = math.inf
        self.over = False

    # Called by the transport

    def connection_made(self, transport: Any) -> None:
        """Take the transport of a new connection."""
        self.transport = transport
        if not self.expected.expects(transport.get_extra_info("peername")):
            self._hand_over(None)
            return
        self.deadline = self.service.now + self.service.limits.idle
        self.service.add(self)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes."""
        if self.over:
            return
        if not self.data:
            self.deadline = self.service.now + self.service.limits.head
        self.data += data
        try:
            found = read_header(self.data, self.expected.versions)
        except ProxyHeaderError as error:
            self._refuse(error.reason)
            return
        if found is None:
            return
        header, size = found
        rest = self.data[size:]
        self._hand_over(header)
        # Only now, so that their number never falls below what it is.
        self.service.remove(self)
        if rest:
            self.transport.get_protocol().data_received(rest)
        if self.service.draining:
            self.transport.get_protocol().shutdown()

    def eof_received(self) -> bool:
        """The peer sends no more. One that has sent nothing looked whether somebody listens."""
        if self.data and not self.over:
            self._refuse("the connection ended within its header")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is over."""
        self.over = True
        self.service.remove(self)

    def pause_writing(self) -> None:
        """Do nothing: nothing has been written."""

    def resume_writing(self) -> None:
        """Do nothing: nothing has been written."""

    def _hand_over(self, header: ProxyHeader | None) -> None:
        self.over = True
        protocol = self.factory(header)
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)

    def _refuse(self, reason: str) -> None:
        self.over = True
        refuse(self.transport.get_extra_info("peername"), reason)
        # What it has sent beside needn't be read: there is no answer that a reset could overtake.
        self.transport.abort()

    # As one of the service's connections

    def tick(self, now: float) -> None:
        """Look at the deadline; called about twice a second."""
        if now < self.deadline or self.over:
            return
        if self.data:
            self._refuse(f"its header took over {self.service.limits.head:g} s")
        else:
            self.over = True
            self.transport.abort()

    def shutdown(self) -> None:
        """The server stops: who has begun may go on, who has said nothing is closed."""
        read_now = getattr(self.transport, "read_now", None)
        if read_now is not None:
            # A header may have arrived that nobody has read yet.
            read_now()
        if not self.data and not self.over:
            self.over = True
            self.transport.close()

    def is_awaited(self) -> bool:
        """Whether a client waits for a response that hasn't begun."""
        return bool(self.data) and not self.over

    def detach(self) -> int:
        """Give the descriptor away, where nothing has come yet; else return -1."""
        detach = getattr(self.transport, "detach", None)
        if self.data or self.over or detach is None:
            return -1
        fd: int = detach()
        return fd


async def receive_header(
    sock: socket.socket, expected: ProxyProtocol, service: Service
) -> ProxyHeader | None:
    """Read the header that begins a connection, and not a byte more.

    Returns None for a peer that isn't trusted. Raises `ConnectionAbortedError` where the
    connection is to be closed; what there is to tell has been logged.
    """
    peer = sock.getpeername()
    if not expected.expects(peer):
        return None
    limits = service.limits
    data = b""
    try:
        while True:
            async with asyncio.timeout(_patience(limits.head if data else limits.idle)):
                piece = await peek(service.loop, sock, _AT_ONCE)
            found = read_header(data + piece, expected.versions)
            if found is not None:
                sock.recv(found[1] - len(data))
                return found[0]
            if not piece:
                raise ProxyHeaderError("the connection ended within its header")
            data += sock.recv(len(piece))
    except ProxyHeaderError as error:
        if data or piece:
            refuse(peer, error.reason)
    except TimeoutError:
        if data:
            refuse(peer, f"its header took over {limits.head:g} s")
    raise ConnectionAbortedError


async def peek(loop: asyncio.AbstractEventLoop, sock: socket.socket, most: int) -> bytes:
    """Wait for bytes and return them without taking them; empty when the client left."""
    readable = loop.create_future()
    loop.add_reader(sock, _set, readable)
    try:
        await readable
    finally:
        loop.remove_reader(sock)
    return sock.recv(most, socket.MSG_PEEK)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _patience(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None
