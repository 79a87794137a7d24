"""Accepting connections: by the hub where the system has epoll, else by the loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tricorn.net import sysio
from tricorn.net.hub import Hub, HubListener

# For comparing and debugging: `loop` keeps to the event loop's own transports.
TRANSPORT_VARIABLE = "TRICORN_TRANSPORT"


class Acceptor(Protocol):
    """What `Server.servers` holds: the part of `asyncio.Server` that programs use."""

    @property
    def sockets(self) -> Sequence[Any]:
        """The listening sockets; empty once closed."""

    def close(self) -> None:
        """Accept no more."""

    async def wait_closed(self) -> None:
        """Wait until it is closed."""


class HubAcceptor:
    """Accepts into a hub. The sockets stay open: whoever opened them closes them."""

    def __init__(
        self, hub: Hub, sockets: Sequence[socket.socket], factory: Callable[[], Any]
    ) -> None:
        self.sockets: tuple[socket.socket, ...] = tuple(sockets)
        self._hub = hub
        self.listeners: list[HubListener] = [hub.listen(sock, factory) for sock in sockets]

    def is_serving(self) -> bool:
        """Whether it accepts."""
        return bool(self.listeners)

    def close(self) -> None:
        """Accept what waits already, and then no more.

        Who is in the backlog has connected as far as it can tell, and would be reset.
        """
        listeners, self.listeners = self.listeners, []
        for listener in listeners:
            listener.on_events(sysio.READABLE)
            self._hub.unlisten(listener)
        self.sockets = ()

    async def wait_closed(self) -> None:
        """Return at once: `close` waits for nothing."""


def hub_works(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether connections can be served under this loop without its transports."""
    if not sysio.HAS_EPOLL or os.environ.get(TRANSPORT_VARIABLE) == "loop":
        return False
    # Proactor loops have no readers.
    return type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader


async def loop_acceptor(
    sock: socket.socket, factory: Callable[[], Any], backlog: int
) -> asyncio.AbstractServer:
    """Accept with the loop's own server."""
    loop = asyncio.get_running_loop()
    if sock.family == getattr(socket, "AF_UNIX", None):
        return await loop.create_unix_server(factory, sock=sock, backlog=backlog)
    return await loop.create_server(factory, sock=sock, backlog=backlog)
