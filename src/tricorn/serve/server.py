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
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property
from types import FrameType
from typing import TYPE_CHECKING, Any

from tricorn.asgi.lifespan import run_unless
from tricorn.net.listen import BindError
from tricorn.net.ticker import Ticker
from tricorn.net.tls import TlsError
from tricorn.product import product_logger
from tricorn.serve.components import make_service
from tricorn.serve.draining import Drain, StopDelay
from tricorn.serve.identity import Identity, find_identity
from tricorn.serve.listening import Listening
from tricorn.serve.pidfile import PidFile, PidFileError
from tricorn.serve.report import STARTUP_FAILURE
from tricorn.serve.server_state import ServerState
from tricorn.serve.signals import captured, hangup_outlived
from tricorn.settings.errors import ConfigError

if TYPE_CHECKING:
    import socket

    from tricorn.net.service import Service
    from tricorn.net.systemd import ServiceNotifier
    from tricorn.serve.program import Config

# How often programs' `should_exit` and the counters are looked at, in seconds.
TICK = 0.1
# Seconds over which the WebSockets close of a server that waits without limit.
_UNBOUNDED_DRAIN = 60.0
# A redirect is answered at once; who hasn't finished asking is given up after so long.
_REDIRECTS_END = 1.0

logger = product_logger("error")


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
        self.listening = Listening(config)
        self._pid_file: PidFile | None = None
        self._service: Service | None = None
        self._stop_delay = StopDelay()
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
            self._open(sockets)
            self._settle(identity)
            self._is_settled = True
            self.listening.answer_checks()
        if not self.config.loaded:
            self._load()

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

    def _open(self, sockets: Sequence[socket.socket] | None) -> None:
        """Have the sockets open, and certificates read, before any of the app's code runs."""
        try:
            self.listening.open(sockets)
        except ConfigError:
            raise
        except (TlsError, BindError, ValueError) as error:
            logger.error("%s", error)
            sys.exit(STARTUP_FAILURE)

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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, run the app's startup, and begin to accept, in this order.

        Leaves `should_exit` True when the app's startup failed or was interrupted.
        """
        self._open(sockets)
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
        await self.listening.accept(service, sockets)
        self.servers = self.listening.acceptors
        if self.owns_process:
            self.settle()
        self.started = True
        if self.names_places:
            self.listening.announce(sockets)
        if self.systemd is not None:
            self.systemd.ready("serving")

    def settle(self) -> None:
        """Prepare for a long life: what the app has loaded needn't be collected again."""
        gc.collect()
        gc.freeze()

    async def _start_lifespan(self) -> bool:
        """Run the app's startup; a signal interrupts it. Returns whether to go on."""
        if not await run_unless(lambda: self._interrupted, self.lifespan.startup()):
            logger.info("Application startup interrupted. Exiting.")
            return False
        return not self.lifespan.should_exit

    # Serving

    async def main_loop(self) -> None:
        """Wait until the server has to stop."""
        ticked = asyncio.Event()
        ticker = Ticker(asyncio.get_running_loop(), TICK, ticked.set)
        ticker.start()
        counter = 0
        try:
            while not await self.on_tick(counter):
                counter = (counter + 1) % 864000
                ticked.clear()
                await ticked.wait()
        finally:
            ticker.stop()

    async def on_tick(self, counter: int) -> bool:
        """Look at what changes slowly; return whether to stop."""
        if counter % 10 == 0:
            self.listening.renew_certificates()
            await self._notify()
            access = None if self._service is None else self._service.access
            if access is not None:
                access.refresh()  # type: ignore[attr-defined]
        if self._stop_delay.is_begun:
            self._look_at_delay()
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

    def _look_at_delay(self) -> None:
        """Say that the delay before the drain has begun; stop once it is over."""
        if self._stop_delay.is_news():
            logger.info("Draining in %g s; until then connections are accepted.", self._delay())
            if self.systemd is not None:
                self.systemd.stopping()
        if self._stop_delay.is_over(time.monotonic()):
            self.should_exit = True

    def _may_delay(self) -> bool:
        return self.started and not self._stop_delay.is_begun and self._delay() > 0

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
        for sock in sockets or ():
            sock.close()
        await self.listening.close()
        if service is not None:
            limit = self.config.timeout_graceful_shutdown
            service.shut_connections((_UNBOUNDED_DRAIN if limit is None else limit) / 2)
            await self._drain(service)
        await self.listening.wait_closed()
        if self.force_exit:
            await self._abandon_lifespan()
        elif self.lifespan is not None:
            await self._stop_lifespan()

    def stop_accepting(self) -> None:
        """Serve who has connected by now, and nobody else."""
        self.listening.stop_accepting()

    async def _drain(self, service: Service) -> None:
        """Wait for connections and then for tasks, as long as the user lets it."""
        drain = Drain(service, self.config.timeout_graceful_shutdown, lambda: self.force_exit)
        await drain.finish()
        redirector = self.listening.redirector
        if redirector is not None:
            await drain.until(lambda: redirector.is_idle, _REDIRECTS_END)
        await drain.cut_off()

    async def _abandon_lifespan(self) -> None:
        # A program may have put a lifespan of its own there.
        if hasattr(self.lifespan, "abandon"):
            await self.lifespan.abandon()

    async def _stop_lifespan(self) -> None:
        await run_unless(lambda: self.force_exit, self.lifespan.shutdown())

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
        self.listening.release()
        service = self._service
        if service is not None:
            service.stop()
            if service.access is not None:
                service.access.flush()  # type: ignore[attr-defined]
        self.listening.close_hub()

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
        elif sig != signal.SIGINT and self._may_delay():
            self._stop_delay.begin(time.monotonic(), self._delay())
            self.notice()
        else:
            self.should_exit = True
