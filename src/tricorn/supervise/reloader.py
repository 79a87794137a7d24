"""Doing under `--reload`: a loop that turns signals, exits, words of processes and changes of
files into events, and carries out what `reload_decide` makes of them.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from tricorn.net.listen import Listener
from tricorn.net.systemd import ServiceNotifier
from tricorn.product import product_logger
from tricorn.serve.report import LEAVING, READY, STOPPING
from tricorn.supervise.children import Children
from tricorn.supervise.orders import renewed
from tricorn.supervise.reload_decide import decide
from tricorn.supervise.reload_state import (
    Changed,
    Explain,
    Go,
    ReloadAction,
    ReloadEvent,
    ReloadState,
    Stage,
    Stopping,
)
from tricorn.supervise.signals import SignalChannel
from tricorn.supervise.state import (
    CloseListeners,
    Drain,
    End,
    Exited,
    Kill,
    Leaving,
    Ready,
    Reload,
    Say,
    Start,
    Started,
    Stop,
    Tick,
)
from tricorn.supervise.telling import tell
from tricorn.supervise.worker_process import WorkerProcess
from tricorn.watch.logs import reopen

logger = product_logger("error")

_NO_RELOAD: Final = "No reload: %s. What serves goes on."

# The longest the loop sleeps, in seconds, while a process leaves and otherwise.
_TICK: Final = 0.1
_IDLE_TICK: Final = 1.0


class SpareLauncher(Protocol):
    """Starts processes that wait, and sends them in."""

    def start(self) -> WorkerProcess:
        """Start one that waits. Raises OSError when there can be none."""

    def renew(self) -> None:
        """Read again what processes are made from. Raises `ConfigError` when it can't be used."""

    def go(self, process: WorkerProcess, changed: set[Path]) -> None:
        """Have one import the app, of which `changed` is new, and serve it."""

    def explain(self, process: WorkerProcess, text: str) -> None:
        """Have one answer everything with `text`."""

    def close(self) -> None:
        """Give back what it holds."""


class Feed(Protocol):
    """Where changed files come from."""

    def start(self) -> None:
        """Begin to look for them."""

    def fileno(self) -> int:
        """Return what is readable when there are any."""

    def take(self) -> set[Path]:
        """Return those that have changed since it was asked last."""


class Reloader:
    """Runs one process on `listeners`, a new one after each change, until told to stop."""

    def __init__(
        self,
        launcher: SpareLauncher,
        listeners: Sequence[Listener],
        state: ReloadState,
        feed: Feed,
        systemd: ServiceNotifier,
    ) -> None:
        self.launcher = launcher
        self.listeners = list(listeners)
        self.state = state
        self.feed = feed
        self.systemd = systemd
        self.children = Children(self._heard, self._ended)
        self.processes = self.children.processes
        self.changed: set[Path] = set()  # since the app was imported last
        self.exit_code: int | None = None  # known at the end
        self.signals = SignalChannel([*_MEANING, *_OTHERS])

    def watch(self, source: Any, callback: Callable[[], object]) -> None:
        """Have `callback` called whenever `source` (with a `fileno()`) is readable."""
        self.children.watch(source, callback)

    def run(self) -> int:
        """Serve and reload; return the exit code."""
        self.signals.open()
        self.children.watch(self.signals, self._signals_arrived)
        self.feed.start()
        self.children.watch(self.feed, self._files_changed)
        try:
            self.happened(Tick())
            while self.exit_code is None:
                self._wait()
        finally:
            self.children.close()
            self.launcher.close()
            self.signals.close()
            for listener in self.listeners:
                listener.close()
        return self.exit_code

    def happened(self, event: ReloadEvent) -> None:
        """Decide what follows from an event, and do it."""
        if isinstance(event, Changed | Reload) and not renewed(self.launcher.renew, _NO_RELOAD):
            return
        for action in decide(self.state, event, time.monotonic()):
            self._do(action)

    # What happens

    def _wait(self) -> None:
        current = self.state.current()
        is_busy = self.state.stopping or current is None or current.stage is not Stage.SERVING
        tick = _TICK if is_busy else _IDLE_TICK
        self.children.wait(min(tick, (self.systemd.watchdog or math.inf) / 4))
        self.happened(Tick())
        self.systemd.alive(time.monotonic())

    def _files_changed(self) -> None:
        paths = self.feed.take()
        if paths:
            self.changed |= paths
            self.happened(Changed(tuple(sorted(_shown(path) for path in paths))))

    def _heard(self, key: int, word: bytes) -> None:
        if word == READY:
            self.systemd.ready("serving")
            self.happened(Ready(key))
        elif word == STOPPING:
            self.happened(Stopping(key))
        elif word[:1] == LEAVING:
            self.happened(Leaving(key, word[1:].decode("utf-8", "replace")))

    def _signals_arrived(self) -> None:
        for number in self.signals.arrived():
            if number == signal.SIGCHLD:
                self.children.reap()
            elif number == signal.SIGUSR1:
                self._reopen_logs()
            elif number == signal.SIGUSR2:
                logger.warning("SIGUSR2 replaces no tricorn that reloads; stop it and start it.")
            elif number == signal.SIGINT and self.state.stopping:
                self.happened(Stop(now=True))
            elif (event := _MEANING.get(number)) is not None:
                self.happened(event)

    def _reopen_logs(self) -> None:
        reopen()
        current = self.state.current()
        if current is not None and current.key in self.processes:
            self.processes[current.key].signal(signal.SIGUSR1)

    def _ended(self, key: int, code: int) -> None:
        self.happened(Exited(key, code))

    # Actions

    def _do(self, action: ReloadAction) -> None:
        if isinstance(action, Start):
            self._start(action.key)
        elif isinstance(action, Say):
            tell(action)
        elif isinstance(action, CloseListeners):
            self.systemd.stopping()
            for listener in self.listeners:
                listener.close()
        elif isinstance(action, End):
            self.exit_code = action.code
        elif action.key in self.processes:
            self._tell(self.processes[action.key], action)

    def _tell(self, process: WorkerProcess, action: Go | Explain | Drain | Kill) -> None:
        if isinstance(action, Go):
            changed, self.changed = self.changed, set()
            self.launcher.go(process, changed)
        elif isinstance(action, Explain):
            self.launcher.explain(process, action.text)
        else:
            is_drain = isinstance(action, Drain)
            process.signal(signal.SIGTERM if is_drain else signal.SIGKILL)

    def _start(self, key: int) -> None:
        try:
            process = self.launcher.start()
        except OSError as error:
            logger.error("No process can be started: %s", error)
            self.happened(Exited(key, 1))
            return
        self.children.add(key, process)
        self.happened(Started(key, process.pid))


def _shown(path: Path) -> str:
    """A path as the log names it: from the working directory on, where it is beneath it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


_MEANING: Final[dict[int, ReloadEvent]] = {
    signal.SIGTERM: Stop(),
    signal.SIGINT: Stop(),
    signal.SIGQUIT: Stop(now=True),
    signal.SIGHUP: Reload(),
}
_OTHERS: Final = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2)
