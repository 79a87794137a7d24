"""The sockets that one server listens on, from their opening to their end.

They are opened before any of the app's code runs. While the app starts, health checks are
answered from them. Then connections are accepted, with TLS or without, or redirected to https.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tricorn.net.http1 import Http1Connection
from tricorn.net.hub import Hub
from tricorn.net.inherited import take_inherited
from tricorn.net.listen import Listener, open_listeners
from tricorn.net.tls import TlsError, TlsSource
from tricorn.product import product_logger, running_on
from tricorn.serve.acceptors import (
    Connections,
    HubAcceptor,
    LoopAcceptor,
    accept_from,
    hub_works,
)
from tricorn.serve.binding import Banner, addresses, banners, listen_options
from tricorn.serve.components import proxy_protocol
from tricorn.serve.redirects import Redirector, https_port
from tricorn.serve.starting import StartingChecks

if TYPE_CHECKING:
    import ssl

    from tricorn.net.service import Service
    from tricorn.serve.program import Config

logger = product_logger("error")


class Listening:
    """What one server listens on, and who accepts from it."""

    def __init__(self, config: Config) -> None:
        # Set before the start by who brings something of its own:
        # what connections speak TLS with, over the loop's transports,
        self.ssl_context: ssl.SSLContext | None = None
        # who speaks the PROXY protocol (None: those whose forwarding fields count),
        self.proxy_peers: list[str] | None = None
        # and the sockets that answer redirects to https (None: those that the options ask for).
        self.redirecting: list[socket.socket] | None = None
        self.acceptors: list[Any] = []
        self.redirector: Redirector | None = None
        self._config = config
        self._tls: TlsSource | None = None
        self._opened: list[Listener] = []
        self._is_open = False
        self._checks: StartingChecks | None = None
        self._hub: Hub | None = None

    # Opening

    def open(self, sockets: Sequence[socket.socket] | None) -> None:
        """Read certificates and keys, and open what isn't among `sockets`, once.

        As root, where the process is to become somebody else. Raises `TlsError`, and
        `BindError` for an address that can't be had.
        """
        if self.ssl_context is None and self._config.is_ssl:
            self._tls = self._config.load_tls()
            assert self._tls is not None
            self.ssl_context = self._tls.context
        if not self._is_open:
            self._is_open = True
            self._opened = open_listeners(self._binds(sockets), listen_options(self._config))

    def _binds(self, sockets: Sequence[socket.socket] | None) -> list[Any]:
        config = self._config
        if sockets is None:
            binds = addresses(config, take_inherited(os.environ))
        else:
            # Who hands us sockets may leave those of redirects to us.
            binds = config.redirect_addresses()
        if self.redirecting is not None:
            binds = [bind for bind in binds if not bind.redirects]
        return binds

    def announce(self, sockets: Sequence[socket.socket] | None) -> None:
        """Log where it is listened."""
        places = banners(self._opened, "https" if self._config.is_ssl else "http")
        for sock in sockets or ():
            places.append(Banner(running_on(), f"socket {sock.getsockname()}"))
        for place in places:
            color_message = place.text.replace("%s", "\x1b[1m%s\x1b[0m")
            logger.info(place.text, place.where, extra={"color_message": color_message})

    # While the app starts

    def answer_checks(self) -> None:
        """Tell load balancers that the app starts, where nobody else serves the same sockets.

        Not where a connection begins with something else than HTTP.
        """
        config = self._config
        path = config.health_path
        own = [one for one in self._opened if not one.bind.redirects]
        begins_otherwise = self.ssl_context is not None or config.proxy_protocol != "off"
        is_shared = any(one.bind.kind == "fd" for one in own)
        if path is None or begins_otherwise or is_shared or not own or sys.platform == "win32":
            return
        self._checks = StartingChecks([one.sock for one in own], path, config.backlog)
        self._checks.start()

    def _end_checks(self) -> list[tuple[socket.socket, socket.socket]]:
        """Leave the checks to the service; return who came meanwhile, and by which socket."""
        checks, self._checks = self._checks, None
        return [] if checks is None else checks.stop()

    # Accepting

    async def accept(self, service: Service, sockets: Sequence[socket.socket] | None) -> None:
        """Have `service` serve who connects, and who has connected while the app started."""
        serving = list(sockets) if sockets else self._sockets(redirects=False)
        held = self._end_checks()
        for sock in serving:
            sock.setblocking(False)
        await self._serve(service, serving)
        for connection, listener in held:
            acceptor = self.acceptors[0]
            if isinstance(acceptor, HubAcceptor | LoopAcceptor):
                acceptor.adopt(connection, listener)
            else:
                connection.close()
        await self._redirect(service, serving)

    async def _serve(self, service: Service, sockets: Sequence[socket.socket]) -> None:
        if hub_works(service.loop):
            self._hub = Hub(service.loop)
        connections = Connections(
            service,
            partial(Http1Connection, service),
            lambda: self.ssl_context,
            proxy_protocol(self._config, self.proxy_peers),
        )
        self.acceptors += await accept_from(sockets, connections, self._hub, self._config.backlog)

    def _sockets(self, redirects: bool) -> list[socket.socket]:
        return [one.sock for one in self._opened if one.bind.redirects is redirects]

    async def _redirect(self, service: Service, serving: Sequence[socket.socket]) -> None:
        """Answer redirects to https, where there are sockets for it."""
        sockets = self._sockets(redirects=True) if self.redirecting is None else self.redirecting
        if not sockets:
            return
        self.redirector = Redirector(self._config, service, https_port(self._config, serving))
        await self.redirector.start(sockets, self._hub)

    def renew_certificates(self) -> None:
        """Use certificates that have changed, for the connections that begin from now on."""
        if self._tls is None:
            return
        try:
            if not self._tls.renew():
                return
        except TlsError as error:
            logger.error("%s. The certificates that were read before stay in use.", error)
            return
        self.ssl_context = self._config.ssl = self._tls.context
        logger.info("The TLS certificates have changed and are in use.")

    # Ending

    def stop_accepting(self) -> None:
        """Serve who has connected by now, and nobody else."""
        for acceptor in self.acceptors:
            acceptor.close()
        if self.redirector is not None:
            self.redirector.close()

    def leave(self) -> None:
        """Accept no more at once: another process serves who waits."""
        for acceptor in self.acceptors:
            getattr(acceptor, "leave", acceptor.close)()
        if self.redirector is not None:
            self.redirector.leave()

    async def close(self) -> None:
        """Close the sockets, once nobody accepts any more."""
        for sock in self.redirecting or ():
            sock.close()
        for listener in self._opened:
            listener.close()
        for acceptor in self.acceptors:
            if isinstance(acceptor, LoopAcceptor):
                await acceptor.settle()

    async def wait_closed(self) -> None:
        """Wait for what the acceptors still have to do."""
        for acceptor in self.acceptors:
            await acceptor.wait_closed()

    def release(self) -> None:
        """Give back the sockets, however the server ends."""
        for connection, _ in self._end_checks():
            connection.close()
        for listener in self._opened:
            listener.close()
        if self.redirector is not None:
            self.redirector.stop()

    def close_hub(self) -> None:
        """End the connections' transports, once the service has stopped."""
        if self._hub is not None:
            self._hub.close()
            self._hub = None
