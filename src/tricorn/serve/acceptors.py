"""Accepting connections: by the hub where the system has epoll, else by the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tricorn.net import sysio
from tricorn.net.accept_error import report_accept_error
from tricorn.net.hub import Hub, HubListener
from tricorn.net.proxied import ProxiedConnection, ProxyProtocol, peek, receive_header
from tricorn.net.service import Service
from tricorn.net.tls_transport import TlsTransport
from tricorn.product import product_logger
from tricorn.wire.h1_response import refusal_response
from tricorn.wire.proxy_protocol import ProxyHeader

if TYPE_CHECKING:
    import ssl

logger = product_logger("error")

_ACCEPT_AT_ONCE = 64
# Seconds for a TLS handshake, and for one that goes on when the server stops.
_HANDSHAKE = 60.0
_LATE_HANDSHAKE = 1.0
# The first byte of a TLS record that opens a connection (RFC 8446 §5.1).
_TLS_HANDSHAKE = b"\x16"
_PLAIN_LIMIT = 65536

# For comparing and debugging: `loop` keeps to the event loop's own transports.
TRANSPORT_VARIABLE = "TRICORN_TRANSPORT"
# One sweep accepts a bounded number; so many empty any backlog, and end though clients go on.
_SWEEPS = 64


class Acceptor(Protocol):
    """What `Server.servers` holds: the part of `asyncio.Server` that programs use."""

    @property
    def sockets(self) -> Sequence[Any]:
        """The listening sockets; empty once closed."""

    def close(self) -> None:
        """Accept no more."""

    async def wait_closed(self) -> None:
        """Wait until it is closed."""


class Connections(NamedTuple):
    """What becomes of a connection that is accepted.

    With a TLS context, which may be another from one call to the next, it speaks TLS. With
    `proxied` those of trusted proxies begin with a header, which `factory` then gets.
    """

    service: Service
    factory: Callable[..., Any]  # makes the protocol
    tls: Callable[[], ssl.SSLContext | None] = lambda: None
    proxied: ProxyProtocol | None = None

    def behind_header(self, factory: Callable[..., Any]) -> Callable[[], Any]:
        """`factory`, or what reads the header of trusted proxies before it is called."""
        service, proxied = self.service, self.proxied
        if proxied is None:
            return factory
        return lambda: ProxiedConnection(service, proxied, factory)

    def made_by_hub(self) -> Callable[..., Any]:
        """What the hub makes of a connection, whose TLS is ours."""
        if self.tls() is None:
            return self.factory

        def made(header: ProxyHeader | None = None) -> TlsTransport:
            # The context of now: it may have been renewed.
            context = self.tls()
            assert context is not None
            inner = self.factory if header is None else partial(self.factory, header)
            return TlsTransport(self.service, context, inner)

        return made


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
            for _ in range(_SWEEPS):
                listener.on_events(sysio.READABLE)
            self._hub.unlisten(listener)
        self.sockets = ()

    def adopt(self, connection: socket.socket, by: socket.socket) -> None:
        """Serve a connection that was accepted before, `by` one of the sockets."""
        for listener in self.listeners:
            if listener.sock is by:
                with contextlib.suppress(OSError):  # it has left
                    listener.adopt(connection.detach())
                return
        connection.close()

    def leave(self) -> None:
        """Accept no more at once: another process serves who waits."""
        listeners, self.listeners = self.listeners, []
        for listener in listeners:
            self._hub.unlisten(listener)
        self.sockets = ()

    async def wait_closed(self) -> None:
        """Return at once: `close` waits for nothing."""


class LoopAcceptor:
    """Accepts into the loop's own transports, and can pause, which the loop's servers can't.

    The sockets stay open: whoever opened them closes them.
    """

    def __init__(self, sockets: Sequence[socket.socket], connections: Connections) -> None:
        self.sockets: tuple[socket.socket, ...] = tuple(sockets)
        self._connections = connections
        self._service = connections.service
        self._watched = False
        self._retry: asyncio.TimerHandle | None = None
        # Accepted, but not yet among the service's connections.
        self._starting: set[asyncio.Task[None]] = set()
        self.resume()

    def is_serving(self) -> bool:
        """Whether it accepts."""
        return bool(self.sockets)

    def pause(self) -> None:
        """Accept no more for now; who connects waits in the backlog."""
        if self._watched:
            self._watched = False
            for sock in self.sockets:
                self._service.loop.remove_reader(sock)

    def resume(self) -> None:
        """Accept (again)."""
        self._retry = None
        if self.sockets and not self._watched:
            self._watched = True
            for sock in self.sockets:
                self._service.loop.add_reader(sock, self._accept_some, sock)

    def close(self) -> None:
        """Accept what waits already, and then no more, as `HubAcceptor.close` does."""
        for sock in self.sockets:
            self._accept_some(sock)
        self.pause()
        if self._retry is not None:
            self._retry.cancel()
        self.sockets = ()

    async def settle(self) -> None:
        """Wait until each accepted connection is one of the service's.

        A client that doesn't go on with its TLS handshake is given up after a while.
        """
        if self._starting:
            _, late = await asyncio.wait(self._starting, timeout=_LATE_HANDSHAKE)
            for task in late:
                task.cancel()

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        await self.settle()

    def _has_room(self) -> bool:
        most = self._service.limits.connections
        return not most or self._service.open_connections() + len(self._starting) < most

    def _accept_some(self, sock: socket.socket) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            if not self._watched:
                return
            if not self._has_room():
                self.pause()
                return
            try:
                accepted, _ = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._failed(error)
                return
            self.adopt(accepted, sock)

    def adopt(self, accepted: socket.socket, by: socket.socket) -> None:
        """Serve a connection that has been accepted, `by` one of the sockets."""
        accepted.setblocking(False)
        task = self._service.loop.create_task(self._begin(accepted))
        self._starting.add(task)
        task.add_done_callback(self._begun)

    async def _begin(self, accepted: socket.socket) -> None:
        loop = self._service.loop
        tls = self._connections.tls()
        patience = None if tls is None else min(self._service.limits.idle, _HANDSHAKE)
        factory, proxied = self._connections.factory, self._connections.proxied
        try:
            if proxied is not None:
                header = await self._header(accepted, proxied)
                if header is not None:
                    factory = partial(factory, header)
            if patience is not None and not await self._speaks_tls(accepted, patience):
                accepted.close()
                return
            await loop.connect_accepted_socket(
                factory, accepted, ssl=tls, ssl_handshake_timeout=patience
            )
        except OSError:  # it has left meanwhile, or speaks no TLS
            accepted.close()

    async def _header(self, accepted: socket.socket, proxied: ProxyProtocol) -> ProxyHeader | None:
        try:
            return await receive_header(accepted, proxied, self._service)
        except asyncio.CancelledError:
            # Nobody else knows of it yet.
            accepted.close()
            raise

    async def _speaks_tls(self, accepted: socket.socket, patience: float) -> bool:
        """Whether the client's first byte is that of a TLS handshake; tell it what it isn't."""
        loop = self._service.loop
        try:
            async with asyncio.timeout(patience):
                first = await peek(loop, accepted, 1)
        except TimeoutError:
            return False
        if first == _TLS_HANDSHAKE:
            return True
        if first:
            logger.debug("A client spoke plain text to the TLS port.")
            reason = "this port speaks TLS: use https:// or wss://"
            answer = refusal_response(400, reason, self._service.defaults)
            with contextlib.suppress(OSError):
                accepted.send(answer)
                # What it has sent is read, or the close would reset the connection.
                accepted.recv(_PLAIN_LIMIT)
        return False

    def _begun(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A connection could not begin.", exc_info=error)
        if not self._service.full and self._retry is None and self._has_room():
            self.resume()

    def _failed(self, error: OSError) -> None:
        seconds = report_accept_error(error)
        if seconds:
            self.pause()
            if self._retry is None:
                self._retry = self._service.loop.call_later(seconds, self.resume)


async def accept_from(
    sockets: Sequence[socket.socket], connections: Connections, hub: Hub | None, backlog: int
) -> list[Acceptor]:
    """Begin to accept: into the hub if there is one, else by the loop.

    `backlog` is what the loop's own servers are to listen with, where nothing else works.
    """
    service = connections.service
    if hub is not None:
        by_hub = HubAcceptor(hub, sockets, connections.behind_header(connections.made_by_hub()))
        service.accepts = by_hub.listeners
        return [by_hub]
    if _has_readers(service.loop):
        by_loop = LoopAcceptor(sockets, connections)
        service.accepts = [by_loop]
        return [by_loop]
    return [await _loop_acceptor(sock, connections, backlog) for sock in sockets]


def hub_works(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether connections can be served under this loop without its transports."""
    if not sysio.HAS_EPOLL or os.environ.get(TRANSPORT_VARIABLE) == "loop":
        return False
    return _has_readers(loop)


def _has_readers(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the loop watches sockets for us; Windows' Proactor loop doesn't."""
    return type(loop).add_reader is not asyncio.AbstractEventLoop.add_reader


async def _loop_acceptor(sock: socket.socket, connections: Connections, backlog: int) -> Acceptor:
    """Accept with the loop's own server, where the loop has no readers."""
    loop = connections.service.loop
    factory = connections.behind_header(connections.factory)
    if sock.family == getattr(socket, "AF_UNIX", None):
        create: Callable[..., Any] = loop.create_unix_server
    else:
        create = loop.create_server
    server: Acceptor = await create(factory, sock=sock, backlog=backlog, ssl=connections.tls())
    return server
