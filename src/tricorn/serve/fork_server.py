"""A process that imports the app once and forks workers from it: what `--preload` starts.

It runs nothing else: no event loop, no thread of tricorn's, nothing of the app but its import.
What it and the parent say to each other over the control socket:

| who | says | and means |
|---|---|---|
| parent | number (4 bytes), with a descriptor | fork a worker with that place and channel |
| server | `R`, 0, 0 | the app is imported |
| | `P`, pid, number | the worker asked for has this process number |
| | `X`, pid, code | that worker has ended |

The end of the stream means that no more workers are wanted: the fork server gives the listening
sockets up, so that the system refuses connections once its workers have left them too, and goes
when the last of them has ended.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import threading
from typing import Any, Final

from tricorn.product import product_logger
from tricorn.serve.binding import Descriptors, take_sockets
from tricorn.serve.program import Config
from tricorn.serve.received import read_orders
from tricorn.serve.report import (
    EXITED,
    FORKED,
    IMPORTED,
    REPLY,
    REQUEST,
    STARTUP_FAILURE,
    WORKER_ID,
)
from tricorn.serve.worker import serve, take_reopening
from tricorn.serve.worker_server import Channel
from tricorn.settings.errors import ConfigError

logger = product_logger("error")

# The parent decides about these; a terminal sends some of them to all.
_IGNORED: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR2,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGWINCH,
)


def main() -> None:
    """Serve the parent, and, in each fork, clients; exit with the code of either."""
    control = socket.socket(fileno=int(sys.argv[2]))
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    take_reopening()
    orders = read_orders(control)
    try:
        config = orders.config()
        config.load()
    except ConfigError as error:
        logger.error("%s", error)
        sys.exit(STARTUP_FAILURE)
    _warn_of_threads()
    # Counting what was imported would copy its pages in every worker.
    gc.collect()
    gc.freeze()
    sys.exit(ForkServer(control, orders.fds, config).run())


class ForkServer:
    """Forks workers on request and tells of their ends."""

    def __init__(self, control: socket.socket, fds: Descriptors, config: Config) -> None:
        self.control = control
        self.fds = fds
        self.config = config
        self.selector = selectors.DefaultSelector()
        self.wakeup, self.waker = socket.socketpair()
        self.children: set[int] = set()

    def run(self) -> int:
        """Return 0 when the last worker has ended, or in a fork the worker's exit code."""
        self.waker.setblocking(False)
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _noted)
        self.selector.register(self.control, selectors.EVENT_READ)
        self.selector.register(self.wakeup, selectors.EVENT_READ)
        self._say(IMPORTED, 0, 0)
        wanted = True
        while wanted or self.children:
            ready = {key.fileobj for key, _ in self.selector.select()}
            if self.wakeup in ready:
                self.wakeup.recv(4096)
                self._reap()
            if self.control in ready:
                data, fds, _, _ = socket.recv_fds(self.control, REQUEST.size, 1)
                if not data:
                    wanted = False
                    self._give_up_listening()
                    continue
                code = self._fork(REQUEST.unpack(data)[0], fds[0])
                if code is not None:
                    return code
        self._close()
        return 0

    def _give_up_listening(self) -> None:
        self.selector.unregister(self.control)
        for fd in self.fds.all:
            os.close(fd)

    def _fork(self, number: int, fd: int) -> int | None:
        """Fork a worker. In the worker: serve, and return its exit code."""
        pid = os.fork()
        if pid:
            os.close(fd)
            self.children.add(pid)
            self._say(FORKED, pid, number)
            return None
        self._become_worker()
        os.environ[WORKER_ID] = str(number)
        channel = Channel(socket.socket(fileno=fd))
        try:
            return serve(number, channel, take_sockets(self.fds, number), lambda: self.config)
        except KeyboardInterrupt:
            return 128 + signal.SIGINT

    def _become_worker(self) -> None:
        """Drop what is the fork server's own."""
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._close()

    def _close(self) -> None:
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for sock in (self.wakeup, self.waker, self.control):
            sock.close()

    def _reap(self) -> None:
        for pid in list(self.children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self.children.discard(pid)
                self._say(EXITED, pid, os.waitstatus_to_exitcode(status))

    def _say(self, kind: bytes, pid: int, value: int) -> None:
        try:
            self.control.sendall(REPLY.pack(kind, pid, value))
        except OSError:
            pass  # the parent is gone, which the next read tells


def _noted(number: int, frame: Any) -> None:
    """Do nothing: the wakeup socket has the signal."""


def _warn_of_threads() -> None:
    """A fork has only the thread that forks; what the others held stays locked."""
    names = {thread.name for thread in threading.enumerate()} - {threading.main_thread().name}
    if names:
        logger.warning(
            "--preload: importing the application started threads (%s), which the workers won't "
            "have; start them in its lifespan instead.",
            ", ".join(sorted(names)),
        )
