"""A process under `--reload`: it waits until it is sent in, serves the app as its code is then,
and leaves quickly when the code has changed.

The parent calls `main` in a fresh interpreter with a descriptor as the last argument: the
channel (`report.py`). First on it come what to do and the environment, then a worker's orders.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import importlib
import logging
import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, Final

from tricorn.net.service import Service
from tricorn.product import product_logger
from tricorn.serve.binding import Sockets, take_sockets
from tricorn.serve.draining import cut_off
from tricorn.serve.error_page import ErrorPage
from tricorn.serve.handover import Handover
from tricorn.serve.importer import ImportFromStringError
from tricorn.serve.program import Config
from tricorn.serve.received import Received, read_exactly, read_orders
from tricorn.serve.report import LEAVING, READY, STARTUP_FAILURE, STOPPING
from tricorn.serve.server import TICK, Server
from tricorn.serve.targets import become, load_target
from tricorn.serve.user_error import UserCodeError
from tricorn.serve.worker import ignore_signals_for_parent, take_reopening
from tricorn.serve.worker_server import Channel, take_signals
from tricorn.settings.errors import ConfigError

logger = product_logger("error")

# Seconds. A request that runs, or that a new TLS connection may just be sending, has so long to be
# answered; a response that has begun, or another client that may just be asking, so long to end.
_ANSWER_WITHIN: Final = 0.5
_END_WITHIN: Final = 0.05
_POLL: Final = 0.005
# What is cancelled, and the app's shutdown, have so long.
_AFTER_CANCEL: Final = 0.5
_SHUTDOWN_WITHIN: Final = 5.0

# What `_run` returns when a signal ended it.
_INTERRUPTED: Final = object()

_PAGE_OPTIONS: Final = {
    "factory": False,
    "interface": "asgi3",
    "lifespan": "off",
    "loop": "asyncio",
    "ws": "none",
    "root_path": "",
    "limit_max_requests": None,
    "callback_notify": None,
}


class ReloadedServer(Server):
    """A server whose successor waits for it to leave."""

    def __init__(self, config: Config, channel: Channel, handover: Handover) -> None:
        super().__init__(config)
        self.report_to(channel, handover)

    def report_to(self, channel: Channel, handover: Handover) -> None:
        """Tell the parent at the other end of `channel` how it goes, and leave by `handover`."""
        self.channel = channel
        self.handover = handover
        self.owns_process = True
        self.delays_stop = False
        self.names_places = False
        self.told = asyncio.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop. The loop stays open: closing it would wait for threads."""
        factory = self.config.get_loop_factory()
        with self.capture_signals():
            self.prepare(sockets)
            runner = asyncio.Runner(loop_factory=factory)
            try:
                runner.run(self.serve(sockets=sockets))
            finally:
                runner.run(_end_tasks())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so when the app has started and connections are accepted."""
        await super().startup(sockets)
        if self.started:
            self.handover.take(self.servers)
            self.channel.say(READY)

    def settle(self) -> None:
        """Do nothing: this life is short, and somebody waits for an answer."""

    async def main_loop(self) -> None:
        """Wait until the server has to stop, which it hears of at once."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864000
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.told.wait(), TICK)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask the server to stop; a second SIGINT, to stop at once."""
        super().handle_exit(sig, frame)
        service = self.server_state.service
        if service is not None and not service.loop.is_closed():
            service.loop.call_soon_threadsafe(self.told.set)

    def retire(self, why: str) -> bool:
        """Ask for a replacement, and serve until it is there."""
        self.channel.say(LEAVING + why.encode() + b"\n")
        return False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: who connects from now on is served by the next process."""
        self.channel.say(STOPPING)
        await super().shutdown(sockets)

    def stop_accepting(self) -> None:
        """Leave those who wait in the backlog, and those who are idle, to the next process."""
        self.listening.leave()
        if self.server_state.service is not None:
            self.handover.give(list(self.server_state.connections))

    async def _drain(self, service: Service) -> None:
        """Let short requests finish. WebSockets and streams end now."""
        service.shut_connections(0)
        start = time.monotonic()
        while service.connections or service.tasks:
            passed = time.monotonic() - start
            if passed >= _ANSWER_WITHIN:
                break
            connections = list(service.connections)
            self.handover.give(connections)
            if passed >= _END_WITHIN:
                _close(connections, _may_be_answered)
            await asyncio.sleep(_POLL)
        _close(list(service.connections), lambda connection: connection.is_awaited())
        await cut_off(service, "Task cancelled, the code has changed", _AFTER_CANCEL)


def _may_be_answered(connection: Any) -> bool:
    """Whether its client waits for an answer or, over TLS, has only just come and may ask yet.

    What is new without TLS, and silent, has been given to the next process.
    """
    over_tls = getattr(connection.transport, "is_awaited", None)
    return connection.is_awaited() or (over_tls is not None and over_tls())


def _close(connections: Iterable[Any], but: Callable[[Any], bool]) -> None:
    """Close connections in an orderly way, but not those of which the test is true."""
    for connection in connections:
        if not but(connection):
            connection.transport.close()


async def _end_tasks() -> None:
    """End what the app left running in the loop."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_AFTER_CANCEL)
    await asyncio.get_running_loop().shutdown_asyncgens()


class Recorder(logging.Handler):
    """Keeps the errors that are logged, to tell them to clients too."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.texts.append(logging.Formatter("%(message)s").format(record))


def main() -> None:
    """Wait, serve, and end this process."""
    channel = Channel(socket.socket(fileno=int(sys.argv[-1])))
    ignore_signals_for_parent()
    take_reopening()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    # What an app's import needn't wait for.
    with contextlib.suppress(ImportError):
        importlib.import_module("uvloop")
    size = int.from_bytes(read_exactly(channel.sock, 8), "big")
    explanation, environment, ends = pickle.loads(read_exactly(channel.sock, size))
    os.environ.clear()
    os.environ.update(environment)
    orders = read_orders(channel.sock)
    for fd in (*orders.fds.all, *ends):
        os.set_inheritable(fd, False)
    # Files have come and gone since the interpreter looked.
    importlib.invalidate_caches()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=channel.listen, name="tricorn-parent", daemon=True).start()
    worker = ReloadedWorker(channel, Handover(ends), take_sockets(orders.fds, 1), orders)
    leave(worker.serve(explanation))


def leave(code: int) -> None:
    """End this process as usual, but without waiting for threads that are at work."""
    try:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(code)


class ReloadedWorker:
    """Serves the app, or says why it can't be served."""

    def __init__(
        self,
        channel: Channel,
        handover: Handover,
        sockets: Sockets,
        orders: Received,
    ) -> None:
        self.channel = channel
        self.handover = handover
        self.sockets = sockets
        self.orders = orders

    def serve(self, explanation: str = "") -> int:
        """Serve until told to leave; return the exit code."""
        try:
            fault = explanation or self._serve_app()
            return 0 if not fault or self._serve_page(fault) else STARTUP_FAILURE
        except KeyboardInterrupt:
            return 128 + signal.SIGINT

    def _serve_app(self) -> str:
        """Serve the app; return why it couldn't be, or nothing."""
        try:
            server, run = self._aim()
        except (ConfigError, UserCodeError) as error:
            logger.error(str(error))
            return str(error)
        recorder = Recorder()
        # Not before logging is set up: that takes all handlers away.
        logger.addHandler(recorder)
        ended = _run(run, self.sockets.serving)
        if server is None:
            return ""
        if server.started or server._interrupted or ended is _INTERRUPTED:
            return ""
        said = "\n".join(recorder.texts)
        return said or f"The application ended with {ended!r} as it was started."

    def _aim(self) -> tuple[Server | None, Callable[..., object]]:
        """Return the server of the app and what runs it; of a program's own maybe the latter.

        Raises `ConfigError`, and `UserCodeError` for a program that can't be imported.
        """
        config = self.orders.config()
        server: Server | None = None
        if self.orders.target:
            target = load_target(self.orders)
            if target.server is None:
                # It doesn't say when it serves.
                self.channel.say(READY)
                return None, target.run
            server, config, run = target.server, target.config, target.run
            reloaded = become(server, ReloadedServer)
            reloaded.report_to(self.channel, self.handover)
            self._prepare(reloaded)
        else:
            server = self._server(config)
            run = server.run
        limit = config.timeout_lifespan_shutdown or _SHUTDOWN_WITHIN
        config.timeout_lifespan_shutdown = min(limit, _SHUTDOWN_WITHIN)
        return server, run

    def _serve_page(self, fault: str) -> bool:
        """Answer everything with `fault`. Return False when not even that can be done."""
        config = Config(ErrorPage(fault), **{**self.orders.options, **_PAGE_OPTIONS})
        server = self._server(config)
        logger.info("The application can't be served. Waiting for changes.")
        ended = _run(server.run, self.sockets.serving)
        return server.started or server._interrupted or ended is _INTERRUPTED

    def _server(self, config: Config) -> ReloadedServer:
        server = ReloadedServer(config, self.channel, self.handover)
        self._prepare(server)
        return server

    def _prepare(self, server: Server) -> None:
        server.listening.redirecting = self.sockets.redirecting
        take_signals(server)


def _run(run: Callable[..., object], sockets: list[socket.socket]) -> object:
    """Have a server run; log what it fails on, and return what its app ended with."""
    try:
        run(sockets=sockets)
    except (ImportFromStringError, UserCodeError, ConfigError) as error:
        logger.error(str(error))
    except SystemExit as error:
        return error.code
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED
    return STARTUP_FAILURE
