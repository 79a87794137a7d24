"""One worker's life: bind, start, serve, drain, stop.

`Server` has Uvicorn's surface, since programs embed it: they subclass it, run it in
threads, set `should_exit`, and call its steps one by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from tricorn.net.address import Bind
from tricorn.net.http1 import Http1Connection
from tricorn.net.hub import Hub
from tricorn.net.inherited import take_inherited
from tricorn.net.listen import BindError, Listener, open_listeners
from tricorn.net.service import Service
from tricorn.net.systemd import ServiceNotifier
from tricorn.net.tls import TlsError, TlsSource
from tricorn.net.tls_transport import TlsTransport
from tricorn.product import product_logger, running_on
from tricorn.serve.acceptors import (
    HubAcceptor,
    LoopAcceptor,
    behind_header,
    has_readers,
    hub_works,
    loop_acceptor,
)
from tricorn.serve.binding import Banner, addresses, banners, listen_options
from tricorn.serve.components import make_service, proxy_protocol
from tricorn.serve.identity import Identity, find_identity
from tricorn.serve.pidfile import PidFile, PidFileError
from tricorn.serve.redirects import Redirector, https_port
from tricorn.serve.signals import captured, hangup_outlived
from tricorn.serve.starting import StartingChecks
from tricorn.settings.rules import HTTP2_IS_OFF
from tricorn.wire.proxy_protocol import ProxyHeader

if TYPE_CHECKING:
    import ssl

    from tricorn.serve.program import Config

STARTUP_FAILURE = 3
# How often programs' `should_exit` and the counters are looked at, in seconds.
TICK = 0.1
# After `timeout_graceful_shutdown` apps are cancelled, and have this long to react.
_AFTER_CANCEL = 2.0
# Seconds over which the WebSockets close of a server that waits without limit.
_UNBOUNDED_DRAIN = 60.0
# A redirect is answered at once; who hasn't finished asking is given up after so long.
_REDIRECTS_END = 1.0

logger = product_logger("error")


class ServerState:
    """Counters of one server, under Uvicorn's names."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.default_headers: list[tuple[bytes, bytes]] = []

    @property
    def total_requests(self) -> int:
        """Responses completed."""
        return 0 if self.service is None else self.service.total_requests

    @property
    def connections(self) -> set[Any]:
        """The open connections."""
        return set() if self.service is None else self.service.connections

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The apps' tasks that are waiting for something."""
        return set() if self.service is None else self.service.tasks


class Server:
    """Serves one `Config` in this process."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.server_state = ServerState()
        self.started = False
        self.should_exit = False
        self.force_exit = False
        self.last_notified = 0.0
        self.servers: list[Any] = []
        self.lifespan: Any = None
        # Set by the command line: the process is ours and ends with the server.
        self.owns_process = False
        # Who started the process, if that is to know how we are; also set by the command line.
        self.systemd: ServiceNotifier | None = None
        self.delays_stop = True  # False where the parent has done so
        self.names_places = True  # says where it listens; with workers the parent does
        # What connections speak TLS with, over the loop's transports; set before the start by
        # who brings a context of its own.
        self.ssl_context: ssl.SSLContext | None = None
        # Who speaks the PROXY protocol; set before the start by who has a list of its own. None:
        # those whose forwarding fields count.
        self.proxy_peers: list[str] | None = None
        # Listening sockets that answer redirects to https; set before the start by who has opened
        # them. None: the server opens what the options ask for.
        self.redirecting: list[socket.socket] | None = None
        self.redirector: Redirector | None = None
        self._tls: TlsSource | None = None
        self._listeners: list[Listener] = []
        self._bound = False
        self._pid_file: PidFile | None = None
        self._hub: Hub | None = None
        self._service: Service | None = None
        self._starting: StartingChecks | None = None
        self._stop_at: float | None = None  # monotonic: when the delay before a drain is over
        self._told_delay = False
        self._noticed = False  # that it drains soon
        self._interrupted = False
        self._loading = False
        self._is_settled = False
        self._captured_signals: list[int] = []

    @cached_property
    def limit_max_requests(self) -> int | None:
        """After how many responses to stop, the jitter included."""
        if self.config.limit_max_requests is None:
            return None
        # Spread, so that workers don't all restart at once; nothing secret.
        jitter = random.randint(0, self.config.limit_max_requests_jitter)
        return self.config.limit_max_requests + jitter

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop, in a new event loop."""
        factory = self.config.get_loop_factory()
        with self.capture_signals():
            self.prepare(sockets)
            with asyncio.Runner(loop_factory=factory) as runner:
                runner.run(self.serve(sockets=sockets))

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop, in the running event loop.

        Handles SIGINT and SIGTERM while it runs in the main thread. Raises SystemExit
        with STARTUP_FAILURE when an address can't be bound; a failed app startup
        leaves `started` False.
        """
        renews_tls = self.owns_process and self.config.is_ssl
        with self.capture_signals(), hangup_outlived() if renews_tls else nullcontext():
            await self._serve(sockets)

    async def _serve(self, sockets: list[socket.socket] | None = None) -> None:
        process_id = os.getpid()
        try:
            self._get_ready(sockets)
            self.lifespan = self.config.lifespan_class(self.config)
            logger.info(
                "Started server process [%d]",
                process_id,
                extra={"color_message": "Started server process [\x1b[36m%d\x1b[0m]"},
            )
            await self.startup(sockets=sockets)
            if not self.should_exit:
                await self.main_loop()
            if self.started:
                await self.shutdown(sockets=sockets)
                logger.info(
                    "Finished server process [%d]",
                    process_id,
                    extra={"color_message": "Finished server process [\x1b[36m%d\x1b[0m]"},
                )
        except BaseException:
            await self._give_up()
            raise
        finally:
            self._release()

    # Starting

    def prepare(self, sockets: Sequence[socket.socket] | None) -> None:
        """Bind and import the app, before there is a loop: its modules may run one of their own."""
        try:
            self._get_ready(sockets)
        except BaseException:
            self._release()
            raise

    def _get_ready(self, sockets: Sequence[socket.socket] | None) -> None:
        if not self._is_settled:
            self.config.check()
            identity = self._find_identity()
            self._load_tls()
            self._bind(sockets)
            self._settle(identity)
            self._is_settled = True
            self._answer_checks()
        if not self.config.loaded:
            self._load()

    def _answer_checks(self) -> None:
        """Tell load balancers that the app starts, where nobody else serves the same sockets.

        Not where a connection begins with something else than HTTP.
        """
        config = self.config
        path = config.health_path
        own = [one for one in self._listeners if not one.bind.redirects]
        begins_otherwise = self.ssl_context is not None or config.proxy_protocol != "off"
        is_shared = any(one.bind.kind == "fd" for one in own)
        if path is None or begins_otherwise or is_shared or not own or sys.platform == "win32":
            return
        self._starting = StartingChecks([one.sock for one in own], path, config.backlog)
        self._starting.start()

    def _end_checks(self) -> list[tuple[socket.socket, socket.socket]]:
        """Leave the checks to the service; return who came meanwhile, and by which socket."""
        starting, self._starting = self._starting, None
        return [] if starting is None else starting.stop()

    def _load(self) -> None:
        """Import the app. It may take its time, so a signal interrupts it."""
        self._loading = True
        try:
            self.config.load()
        except KeyboardInterrupt:
            logger.info("Interrupted while the application was imported. Exiting.")
            raise
        finally:
            self._loading = False

    def _bind(self, sockets: Sequence[socket.socket] | None) -> None:
        """Open the listening sockets, before any of the app's code runs."""
        if self._bound:
            return
        self._bound = True
        try:
            # Who hands us sockets may leave those of redirects to us.
            binds = self._addresses() if sockets is None else self.config.redirect_addresses()
            if self.redirecting is not None:
                binds = [bind for bind in binds if not bind.redirects]
            self._listeners = open_listeners(binds, listen_options(self.config))
        except (BindError, ValueError) as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)

    def _load_tls(self) -> None:
        """Read certificates and keys: as root, where the process is to become somebody else."""
        if self.ssl_context is not None or not self.config.is_ssl:
            return
        try:
            self._tls = self.config.load_tls()
        except TlsError as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)
        assert self._tls is not None
        self.ssl_context = self._tls.context

    def _renew_tls(self) -> None:
        """Use certificates that have changed, for the connections that begin from now on."""
        assert self._tls is not None
        try:
            if not self._tls.renew():
                return
        except TlsError as error:
            logger.error("%s. The certificates that were read before stay in use.", error)
            return
        self.ssl_context = self.config.ssl = self._tls.context
        for server in self.servers:
            if isinstance(server, LoopAcceptor):
                server.tls = self._tls.context
        logger.info("The TLS certificates have changed and are in use.")

    def _find_identity(self) -> Identity:
        config = self.config
        umask = None if config.umask is None else int(config.umask)
        return find_identity(config.user, config.group, umask)

    def _settle(self, identity: Identity) -> None:
        """Leave our number, and become who we shall be, now that the sockets are bound."""
        path = self.config.pid
        try:
            if path is not None:
                self._pid_file = PidFile(path)
                self._pid_file.write(identity.uid)
        except PidFileError as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)
        identity.take()

    def _addresses(self) -> list[Bind]:
        return addresses(self.config, take_inherited(os.environ))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, run the app's startup, and begin to accept, in this order.

        Leaves `should_exit` True when the app's startup failed or was interrupted.
        """
        self._load_tls()
        self._bind(sockets)
        if not await self._start_lifespan():
            self.should_exit = True
            return
        loop = asyncio.get_running_loop()
        service = make_service(
            self.config, self.config.loaded_app, getattr(self.lifespan, "state", {}), loop
        )
        self._service = self.server_state.service = service
        service.leaving = self._noticed
        service.start()
        listening = list(sockets) if sockets else self._opened(redirects=False)
        held = self._end_checks()
        await self._accept(service, listening)
        for connection, listener in held:
            acceptor = self.servers[0]
            if isinstance(acceptor, HubAcceptor | LoopAcceptor):
                acceptor.adopt(connection, listener)
            else:
                connection.close()
        await self._redirect(service, listening)
        if self.owns_process:
            self.settle()
        self.started = True
        if self.names_places:
            if self.config.lacks_http2_engine:
                logger.info(HTTP2_IS_OFF)
            self._log_started(sockets)
        if self.systemd is not None:
            self.systemd.ready("serving")

    def settle(self) -> None:
        """Prepare for a long life: what the app has loaded needn't be collected again."""
        gc.collect()
        gc.freeze()

    async def _start_lifespan(self) -> bool:
        """Run the app's startup; a signal interrupts it. Returns whether to go on."""
        startup = asyncio.ensure_future(self.lifespan.startup())
        while not startup.done():
            await asyncio.wait({startup}, timeout=TICK)
            if self._interrupted and not startup.done():
                logger.info("Application startup interrupted. Exiting.")
                startup.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await startup
                return False
        startup.result()
        return not self.lifespan.should_exit

    async def _accept(self, service: Service, sockets: Sequence[socket.socket]) -> None:
        def connection(header: ProxyHeader | None = None) -> Http1Connection:
            return Http1Connection(service, header)

        for sock in sockets:
            sock.setblocking(False)

        def connection_over_tls(header: ProxyHeader | None = None) -> TlsTransport:
            # The context of now: it may have been renewed.
            assert self.ssl_context is not None
            made = connection if header is None else partial(connection, header)
            return TlsTransport(service, self.ssl_context, made)

        tls = self.ssl_context
        proxied = proxy_protocol(self.config, self.proxy_peers)
        if hub_works(service.loop):
            self._hub = Hub(service.loop)
            factory = connection if tls is None else connection_over_tls
            acceptor = HubAcceptor(self._hub, sockets, behind_header(service, proxied, factory))
            service.accepts = acceptor.listeners
            self.servers = [acceptor]
            return
        if has_readers(service.loop):
            by_loop = LoopAcceptor(service, sockets, connection, tls, proxied)
            service.accepts = [by_loop]
            self.servers = [by_loop]
            return
        backlog = self.config.backlog
        made = behind_header(service, proxied, connection)
        self.servers = [await loop_acceptor(sock, made, backlog) for sock in sockets]

    def _opened(self, redirects: bool) -> list[socket.socket]:
        return [opened.sock for opened in self._listeners if opened.bind.redirects is redirects]

    async def _redirect(self, service: Service, serving: Sequence[socket.socket]) -> None:
        """Answer redirects to https, where there are sockets for it."""
        sockets = self._opened(redirects=True) if self.redirecting is None else self.redirecting
        if not sockets:
            return
        if self._hub is None and hub_works(service.loop):
            self._hub = Hub(service.loop)
        self.redirector = Redirector(self.config, service, https_port(self.config, serving))
        await self.redirector.start(sockets, self._hub)

    def _log_started(self, sockets: Sequence[socket.socket] | None) -> None:
        places = banners(self._listeners, "https" if self.config.is_ssl else "http")
        for sock in sockets or ():
            places.append(Banner(running_on(), f"socket {sock.getsockname()}"))
        for place in places:
            color_message = place.text.replace("%s", "\x1b[1m%s\x1b[0m")
            logger.info(place.text, place.where, extra={"color_message": color_message})

    # Serving

    async def main_loop(self) -> None:
        """Wait until the server has to stop."""
        counter = 0
        should_exit = await self.on_tick(counter)
        while not should_exit:
            counter += 1
            counter %= 864000
            await asyncio.sleep(TICK)
            should_exit = await self.on_tick(counter)

    async def on_tick(self, counter: int) -> bool:
        """Look at what changes slowly; return whether to stop."""
        if counter % 10 == 0:
            if self._tls is not None:
                self._renew_tls()
            await self._notify()
            access = None if self._service is None else self._service.access
            if access is not None:
                access.refresh()  # type: ignore[attr-defined]
        if self._stop_at is not None:
            self._look_at_delay(time.monotonic())
        if self.should_exit:
            return True
        if self.systemd is not None:
            self.systemd.alive(time.monotonic())
        most = self.limit_max_requests
        if most is not None and self.server_state.total_requests >= most:
            return self.retire(f"Maximum request limit of {most} exceeded")
        return False

    def notice(self) -> None:
        """Have the health path say that this server drains soon. Any thread may call it."""
        self._noticed = True
        if self._service is not None:
            self._service.leaving = True

    def _look_at_delay(self, now: float) -> None:
        """Say that the delay before the drain has begun; stop once it is over."""
        assert self._stop_at is not None
        if not self._told_delay:
            self._told_delay = True
            logger.info("Draining in %g s; until then connections are accepted.", self._delay())
            if self.systemd is not None:
                self.systemd.stopping()
        if now >= self._stop_at:
            self.should_exit = True

    def _delay(self) -> float:
        return self.config.drain_delay if self.delays_stop else 0.0

    def retire(self, why: str) -> bool:
        """Return whether to stop, now that this process has served its time."""
        logger.info("%s. Terminating process.", why)
        return True

    async def _notify(self) -> None:
        callback = self.config.callback_notify
        if callback is not None and time.time() - self.last_notified > self.config.timeout_notify:
            self.last_notified = time.time()
            await callback()

    # Stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, finish what runs, and run the app's shutdown."""
        logger.info("Shutting down")
        if self.systemd is not None:
            self.systemd.stopping()
        service = self._service
        if service is not None:
            # Before the acceptors close: they serve what is in the backlog.
            service.draining = True
        self.stop_accepting()
        for sock in (*(sockets or ()), *(self.redirecting or ())):
            sock.close()
        for listener in self._listeners:
            listener.close()
        for server in self.servers:
            if isinstance(server, LoopAcceptor):
                await server.settle()
        if service is not None:
            limit = self.config.timeout_graceful_shutdown
            service.shut_connections((_UNBOUNDED_DRAIN if limit is None else limit) / 2)
            await self._drain(service)
        for server in self.servers:
            await server.wait_closed()
        if self.force_exit:
            await self._abandon_lifespan()
        elif self.lifespan is not None:
            await self._stop_lifespan()

    def stop_accepting(self) -> None:
        """Serve who has connected by now, and nobody else."""
        for server in self.servers:
            server.close()
        if self.redirector is not None:
            self.redirector.close()

    async def _drain(self, service: Service) -> None:
        """Wait for connections and then for tasks, as long as the user lets it."""
        limit = self.config.timeout_graceful_shutdown
        give_up = None if limit is None else time.monotonic() + limit
        await asyncio.sleep(0)
        if service.connections and not self.force_exit:
            logger.info("Waiting for connections to close. (CTRL+C to force quit)")
            await self._until(lambda: not service.connections, give_up)
        if service.tasks and not self.force_exit:
            logger.info("Waiting for background tasks to complete. (CTRL+C to force quit)")
            await self._until(lambda: not service.tasks, give_up)
        if self.redirector is not None:
            await self._until(lambda: self.redirector.is_idle, time.monotonic() + _REDIRECTS_END)
        if service.tasks:
            if not self.force_exit:
                logger.error(
                    "Cancel %d running task(s), timeout graceful shutdown exceeded",
                    len(service.tasks),
                )
            tasks = set(service.tasks)
            for task in tasks:
                task.cancel(msg="Task cancelled, timeout graceful shutdown exceeded")
            await asyncio.wait(tasks, timeout=_AFTER_CANCEL)
        for connection in list(service.connections):
            connection.transport.abort()

    async def _until(self, done: Any, give_up: float | None) -> None:
        while not done() and not self.force_exit:
            if give_up is not None and time.monotonic() >= give_up:
                return
            await asyncio.sleep(TICK / 4)

    async def _abandon_lifespan(self) -> None:
        # A program may have put a lifespan of its own there.
        if hasattr(self.lifespan, "abandon"):
            await self.lifespan.abandon()

    async def _stop_lifespan(self) -> None:
        shutdown = asyncio.ensure_future(self.lifespan.shutdown())
        while not shutdown.done():
            await asyncio.wait({shutdown}, timeout=TICK)
            if self.force_exit and not shutdown.done():
                shutdown.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await shutdown
                return
        shutdown.result()

    async def _give_up(self) -> None:
        """End what runs without waiting: the server's own task was cancelled, or broke."""
        if self._service is not None:
            for task in list(self._service.tasks):
                task.cancel(msg="the server was cancelled")
        await self._abandon_lifespan()

    def _release(self) -> None:
        """Give back what the worker holds, however it ends."""
        if self._pid_file is not None:
            self._pid_file.remove()
        for connection, _ in self._end_checks():
            connection.close()
        for listener in self._listeners:
            listener.close()
        if self.redirector is not None:
            self.redirector.stop()
        service = self._service
        if service is not None:
            service.stop()
            if service.access is not None:
                service.access.flush()  # type: ignore[attr-defined]
        if self._hub is not None:
            self._hub.close()
            self._hub = None

    # Signals

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM until the drain is over.

        What was caught is raised again afterwards: for another server in this program, else
        for the program's own handlers.
        """
        # `run` does so before it imports the app, and calls `serve`, which does it again.
        with captured(self) as is_outermost:
            yield
        if is_outermost and not self.owns_process:
            for caught in reversed(self._captured_signals):
                signal.raise_signal(caught)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask the server to stop; a second SIGINT, to stop at once.

        SIGTERM leaves load balancers the time to notice. A second signal ends that.
        """
        self._captured_signals.append(sig)
        self._interrupted = True
        if self._loading:
            # The app's modules are running, and look at no flag of ours.
            raise KeyboardInterrupt
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        elif sig != signal.SIGINT and self.started and self._stop_at is None and self._delay():
            self._stop_at = time.monotonic() + self._delay()
            self.notice()
        else:
            self.should_exit = True
