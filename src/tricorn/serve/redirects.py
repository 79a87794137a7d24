"""Plain HTTP beside https: its listening sockets answer each request with a redirect."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from tricorn.edge.https_redirect import HttpsRedirect
from tricorn.net.http1 import Http1Connection
from tricorn.net.service import Service
from tricorn.serve.acceptors import Acceptor, Connections, accept_from
from tricorn.serve.components import make_service, proxy_protocol

if TYPE_CHECKING:
    from tricorn.net.hub import Hub
    from tricorn.settings.config import Config

_HTTPS = 443
# Of the connections that may be open, redirects get a small part beside the app's.
_SHARE = 16
_FEWEST = 16


class Redirector:
    """Answers on `sockets` from when it is made; `port` is where its redirects lead.

    It reads as strictly and within the same limits as the server does. `hub` carries its
    connections, if there is one.
    """

    def __init__(self, config: Config, main: Service, port: int) -> None:
        service = make_service(config, HttpsRedirect(port), {}, main.loop)
        most = main.limits.connections
        if most:
            share = max(most // _SHARE, _FEWEST)
            service.limits = service.limits._replace(connections=share)
        service.use_scope("3.0", "")
        service.concurrency = 0
        service.health_path = None
        service.websockets = None
        service.forwarder = None
        service.access = main.access
        self.service = service
        self.acceptors: list[Acceptor] = []
        self._backlog = config.backlog
        self._proxied = proxy_protocol(config)

    async def start(self, sockets: Sequence[socket.socket], hub: Hub | None) -> None:
        """Begin to answer."""
        service = self.service
        service.start()
        for sock in sockets:
            sock.setblocking(False)
        connections = Connections(service, partial(Http1Connection, service), proxied=self._proxied)
        self.acceptors = await accept_from(sockets, connections, hub, self._backlog)

    def close(self) -> None:
        """Serve who has connected by now, and nobody else."""
        self.service.draining = True
        for acceptor in self.acceptors:
            acceptor.close()
        self.service.shut_connections(0)

    def leave(self) -> None:
        """Accept no more at once: another process serves who waits."""
        self.service.draining = True
        for acceptor in self.acceptors:
            getattr(acceptor, "leave", acceptor.close)()
        self.service.shut_connections(0)

    @property
    def is_idle(self) -> bool:
        """Whether no connection is open."""
        return not self.service.connections

    def stop(self) -> None:
        """End what is still open."""
        for connection in list(self.service.connections):
            connection.transport.abort()
        self.service.stop()


def https_port(config: Config, sockets: Sequence[socket.socket]) -> int:
    """Where redirects lead: as the options say, else to the first TCP socket that serves."""
    if config.https_port is not None:
        return config.https_port
    for sock in sockets:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            return int(sock.getsockname()[1])
    return _HTTPS


__all__ = ["Redirector", "https_port"]
