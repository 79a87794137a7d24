"""Plain connections under the running loop, without the loop's own transports.

One epoll set holds the listeners and all their connections. The asyncio loop
watches that set with a single reader; when it fires, up to READY_AT_ONCE
connections receive and run, and then their answers are sent together. This costs the
loop one callback for many requests, and makes every asyncio loop equally fast. The
answers wait for each other because each one sent alone may wake a client that sleeps,
which costs the system more than the sending. They don't wait for apps that take their time.

Where there is no epoll, `serve` uses the loop's transports.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final

from tricorn.net import sysio
from tricorn.net.accept_error import report_accept_error
from tricorn.net.hub_transport import HubTransport, TransportSet, open_transport
from tricorn.net.sysio import accept, monotonic
from tricorn.product import product_logger

logger = product_logger("error")

_READABLE: Final = sysio.READABLE
# Answers that wait for each other: with more, an app that blocks holds up many.
_SEND_AT_ONCE: Final = 64
_ACCEPT_AT_ONCE: Final = 64


class HubListener:
    """One listening socket in a hub. The server closes the socket itself."""

    def __init__(self, hub: Hub, sock: socket.socket, factory: Callable[[], Any]) -> None:
        self.hub = hub
        self.sock = sock
        self.fd = sock.fileno()
        self.factory = factory
        self.is_unix = sock.family == getattr(socket, "AF_UNIX", None)
        self.sockname: Any = sock.getsockname()
        # Bound to any address: each connection has to be asked for its own.
        self.is_wildcard = not self.is_unix and self.sockname[0] in ("0.0.0.0", "::")
        self.watched = False
        self.retry: asyncio.TimerHandle | None = None

    def pause(self) -> None:
        """Accept no more for now; who connects waits in the backlog."""
        if self.watched:
            self.watched = False
            self.hub.poller.remove(self.fd)

    def resume(self) -> None:
        """Accept (again)."""
        self.retry = None
        if not self.watched and self.fd in self.hub.listeners:
            self.watched = True
            self.hub.poller.add(self.fd, _READABLE)

    def on_events(self, events: int) -> None:
        """Accept what waits, and let each new connection speak first."""
        hub = self.hub
        for _ in range(_ACCEPT_AT_ONCE):
            if not self.watched:
                return
            try:
                accepted = accept(self.sock)
            except OSError as error:
                self._failed(error)
                return
            if accepted is None:
                return
            transport = open_transport(hub, accepted[0], accepted[1], self)
            try:
                transport.begin(self.factory())
            except Exception as error:
                # The others that wait have done nothing wrong.
                transport.fail(error)
                logger.error("A connection could not begin.", exc_info=error)
            if hub.running:
                hub.send_due()

    def adopt(self, fd: int) -> None:
        """Serve a connection that another process has accepted and detached.

        Raises OSError, and closes it, when its client has gone.
        """
        with socket.socket(fileno=fd) as connection:
            peer = connection.getpeername()
            connection.detach()
        open_transport(self.hub, fd, peer, self).begin(self.factory())

    def _failed(self, error: OSError) -> None:
        seconds = report_accept_error(error)
        if seconds:
            self.pause()
            self.retry = self.hub.loop.call_later(seconds, self.resume)


class Hub(TransportSet):
    """The epoll set of one worker, under its loop. Made and used in the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.prepare(loop)
        self.listeners: dict[int, HubListener] = {}
        loop.add_reader(self.poller.fileno(), self.on_ready)

    def listen(self, sock: socket.socket, factory: Callable[[], Any]) -> HubListener:
        """Accept connections from a listening, non-blocking socket."""
        listener = HubListener(self, sock, factory)
        self.listeners[listener.fd] = listener
        listener.resume()
        return listener

    def unlisten(self, listener: HubListener) -> None:
        """Stop accepting for good. The socket stays open."""
        listener.pause()
        if listener.retry is not None:
            listener.retry.cancel()
        self.listeners.pop(listener.fd, None)

    def close(self) -> None:
        """Give up the set. Connections still open are aborted."""
        for transport in list(self.transports):
            if transport is not None:
                transport.abort()
        self.tell_lost()
        self.loop.remove_reader(self.poller.fileno())
        self.poller.close()

    def on_ready(self) -> None:
        """Serve all that is ready. Called by the loop."""
        self.running = True
        self.sent_at = monotonic()
        transport: HubTransport | None = None
        poller = self.poller
        transports = self.transports
        try:
            for index in range(poller.wait()):
                fd = poller.fd_at(index)
                transport = transports[fd] if fd < len(transports) else None
                if transport is not None:
                    transport.on_events(poller.events_at(index))
                    if self.unsent:
                        self.send_due()
                    continue
                # Neither: closed since the events were collected.
                listener = self.listeners.get(fd)
                if listener is not None:
                    listener.on_events(poller.events_at(index))
        except Exception as error:
            # What else was ready still is. The loop logs the error.
            if transport is not None:
                transport.fail(error)
            raise
        finally:
            self.running = False
            self.send_all()
            if self.lost:
                self.tell_lost()

    def send_due(self) -> None:
        """Send what was written meanwhile, if it is much or has waited."""
        now = monotonic()
        if len(self.unsent) >= _SEND_AT_ONCE or now - self.sent_at > self.send_within:
            self.sent_at = now
            self.send_all()
