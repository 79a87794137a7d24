"""Parents for programs that embed a server and say themselves what worker processes run.

`WorkerParent` and `ReloadingParent` have the surface of Uvicorn's supervisors: a config, a
`target`, listening sockets, and `run()`. The target is called in each process with `sockets=`;
mostly it is the method `run` of the program's server. `serve/targets.py` is the other side.
"""

from __future__ import annotations

import math
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from inspect import ismethod
from types import FrameType

from tricorn.net.address import Bind
from tricorn.net.listen import Listener
from tricorn.net.systemd import ServiceNotifier
from tricorn.serve.binding import descriptors
from tricorn.settings.config import Config
from tricorn.settings.errors import OptionError
from tricorn.supervise.orders import Standing
from tricorn.supervise.program import Announcer, SpawnLauncher, policy
from tricorn.supervise.reload_program import make_reloader, reload
from tricorn.supervise.reload_state import Patience
from tricorn.supervise.reloader import Reloader
from tricorn.supervise.state import State, Stop
from tricorn.supervise.successor import Successor
from tricorn.supervise.supervisor import Supervisor
from tricorn.supervise.telling import say

Function = Callable[..., object]


class _StopEvent(threading.Event):
    """An event that also wakes the parent, while that runs."""

    waker: socket.socket | None = None

    def set(self) -> None:
        """Have the parent stop its processes and return."""
        super().set()
        waker = self.waker
        if waker is not None:
            with suppress(OSError):  # it is just being closed
                waker.send(b"\0")


class _Parent:
    """What both kinds have. `target` may be left out: then it is the `run` of a new server.

    Raises `ConfigError` when the config or the target can't be handed to another process.
    """

    def __init__(
        self,
        config: Config,
        target: Function | Sequence[socket.socket] | None = None,
        sockets: Sequence[socket.socket] | None = None,
    ) -> None:
        if target is not None and not callable(target):
            target, sockets = None, target
        if config.preload:
            raise OptionError("preload", wrong=": not where a program says itself what workers run")
        self.config = config
        self.target = target
        self.sockets = list(sockets or ())
        self.pid = os.getpid()
        self.should_exit: threading.Event = _StopEvent()

    def signal_handler(self, sig: int, frame: FrameType | None) -> None:
        """Have the parent stop, as a program's own handler of a signal."""
        self.should_exit.set()

    def run(self) -> None:
        """Serve until told to stop, by a signal or `should_exit`. For the main thread.

        Raises SystemExit with code 3 when no process could serve.
        """
        listeners = [Listener(sock, Bind("fd", fd=sock.fileno())) for sock in self.sockets]
        fds = [sock.fileno() for sock in self.sockets]
        standing = Standing(
            self.config,
            lambda: self.config,
            descriptors([fds], listeners),
            (self.config, self.target),
        )
        code = self._run(standing, listeners)
        if code:
            raise SystemExit(code)

    def _run(self, standing: Standing, listeners: list[Listener]) -> int:
        raise NotImplementedError

    @contextmanager
    def _stopping(self, parent: Supervisor | Reloader) -> Iterator[None]:
        """Have `should_exit` stop a parent that runs."""
        wakeup, waker = socket.socketpair()
        with wakeup, waker:
            parent.watch(wakeup, lambda: (wakeup.recv(64), parent.happened(Stop())))
            self.should_exit.waker = waker  # type: ignore[attr-defined]
            try:
                if self.should_exit.is_set():
                    waker.send(b"\0")
                yield
            finally:
                self.should_exit.waker = None  # type: ignore[attr-defined]


class WorkerParent(_Parent):
    """Runs `config.workers` processes, and replaces those that end."""

    def _run(self, standing: Standing, listeners: list[Listener]) -> int:
        say("Started parent process [%s]", self.pid)
        announce = Announcer(listeners, "http", Successor(listeners, complete=False))
        # The program has opened the sockets, and `bind_socket` has told where.
        announce.places = []
        state = State(policy(self.config), target=self.config.workers or 1)
        lifetime = self.config.limit_worker_lifetime or math.inf
        supervisor = Supervisor(SpawnLauncher(standing), listeners, state, announce, lifetime)
        with self._stopping(supervisor):
            code = supervisor.run()
        say("Stopping parent process [%s]", self.pid)
        return code


class ReloadingParent(_Parent):
    """Runs one process, and a new one after each change of a watched file."""

    def _run(self, standing: Standing, listeners: list[Listener]) -> int:
        systemd = ServiceNotifier(os.environ)
        reloader = make_reloader(self.config, standing, listeners, systemd)
        if not ismethod(self.target):
            # What serves says nothing, so that it is going to leave neither.
            patience = reloader.state.patience
            reloader.state.patience = Patience(answer=patience.leave, leave=patience.leave)
        with self._stopping(reloader):
            return reload(reloader)


__all__ = ["ReloadingParent", "WorkerParent"]
