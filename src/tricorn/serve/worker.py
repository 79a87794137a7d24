"""A worker process, from its parent's orders to its exit code.

The parent calls `main` in a fresh interpreter with a number and a descriptor as arguments: the
worker's place, and the channel (`report.py`), on which its orders come first.
"""

from __future__ import annotations

import contextlib
import importlib
import signal
import socket
import sys
from collections.abc import Callable

from tricorn.product import product_logger
from tricorn.serve.binding import Sockets, take_sockets
from tricorn.serve.program import Config
from tricorn.serve.received import read_orders
from tricorn.serve.report import STARTUP_FAILURE
from tricorn.serve.run import run_server
from tricorn.serve.targets import serve_target
from tricorn.serve.worker_server import Channel, WorkerServer, obey, take_signals
from tricorn.settings.errors import ConfigError
from tricorn.watch.logs import reopen

logger = product_logger("error")


def main() -> None:
    """Serve as the command line says, and exit with the server's code."""
    number, fd = sys.argv[2:]
    sys.exit(work(int(number), int(fd)))


def work(number: int, fd: int) -> int:
    """Serve as worker `number` with the channel `fd`; return the exit code."""
    channel = Channel(socket.socket(fileno=fd))
    ignore_signals_for_parent()
    take_reopening()
    try:
        orders = read_orders(channel.sock)
        sockets = take_sockets(orders.fds, number)
        if not orders.target:
            return serve(number, channel, sockets, orders.config)
        with contextlib.closing(sockets):
            return serve_target(channel, sockets, orders)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def serve(
    number: int,
    channel: Channel,
    sockets: Sockets,
    make_config: Callable[[], Config],
) -> int:
    """Serve on `sockets` what the config says; return the exit code."""
    silencer = obey(channel)
    try:
        config = make_config()
        server = WorkerServer(config, channel, silencer)
        server.listening.redirecting = sockets.redirecting
    except ConfigError as error:
        logger.error("%s", error)
        return STARTUP_FAILURE
    _name_process(number, config.app)
    take_signals(server)
    # The app's modules may end the process before there is a server that closes them.
    with contextlib.closing(sockets):
        return run_server(server, sockets.serving)


def ignore_signals_for_parent() -> None:
    """A terminal sends these to the whole group."""
    for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2, signal.SIGWINCH):
        signal.signal(number, signal.SIG_IGN)


def take_reopening() -> None:
    """Have SIGUSR1 open the log files anew. The parent blocked it until now."""
    signal.signal(signal.SIGUSR1, lambda number, frame: reopen())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


def _name_process(number: int, app: str) -> None:
    with contextlib.suppress(ImportError):
        # Not a dependency: `ps` shows the number among the arguments anyway.
        titles = importlib.import_module("setproctitle")
        titles.setproctitle(f"tricorn: worker {number} ({app})")
