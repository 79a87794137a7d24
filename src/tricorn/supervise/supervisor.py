"""Doing: a loop that turns signals, exits and words of workers into events, and carries out
what `decide` makes of them.

It is a plain loop over a selector. The parent has no event loop of asyncio, no app and no
wire, so that nothing in it can hang or grow.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from tricorn.net.listen import Listener
from tricorn.product import product_logger
from tricorn.serve.report import (
    ASK,
    BEAT,
    DUMP,
    EXPLAINED,
    GIVE_WAY,
    HUSH,
    LEAVING,
    NOTICE,
    READY,
    STACKS,
    TELL,
)
from tricorn.supervise.children import Children
from tricorn.supervise.decide import decide
from tricorn.supervise.orders import renewed
from tricorn.supervise.signals import SignalChannel
from tricorn.supervise.state import (
    Action,
    Announce,
    CloseListeners,
    Drain,
    Dump,
    End,
    EndSuccessor,
    Event,
    Exited,
    Explained,
    Heard,
    Hurry,
    Interrupt,
    Kill,
    Leaving,
    Notice,
    Pause,
    Policy,
    Ready,
    Reload,
    Say,
    Scale,
    Start,
    Started,
    StartSuccessor,
    State,
    Stop,
    StopLater,
    Succeeded,
    SuccessorEnded,
    Tick,
    Upgrade,
)
from tricorn.supervise.successor import Successor
from tricorn.supervise.telling import tell
from tricorn.supervise.worker_process import WorkerProcess
from tricorn.watch.logs import reopen

logger = product_logger("error")

_NO_RESTART: Final = "No restart: %s. The workers that serve go on."

# The longest the loop sleeps, in seconds: how exact the clocks are.
TICK: Final = 0.5
# Of a lifetime, at most so much is taken off at random, so that workers don't go together.
_LIFETIME_JITTER: Final = 0.1


class Launcher(Protocol):
    """Starts workers: in fresh interpreters, or out of a fork server."""

    def attach(self, supervisor: Supervisor) -> None:
        """Take the supervisor that it works for, before anything is started."""

    def start(self, number: int) -> WorkerProcess:
        """Start one, or begin to: its process number may come later, by `Supervisor.known`.

        Raises OSError when there can be none.
        """

    def cancel(self, worker: WorkerProcess) -> None:
        """Give up a worker whose process isn't known yet."""

    def renew(self) -> None:
        """Read again what workers are made from, before all are replaced.

        Raises `ConfigError` when it can't be used; what was read before then stays.
        """

    def reopen_logs(self) -> None:
        """Have processes of its own, if any, open their log files anew."""

    def stop_listening(self) -> None:
        """Have processes of its own, if any, close the listening sockets: none starts any more."""

    def close(self) -> None:
        """Give back what it holds."""


class Listening(Protocol):
    """Who wants to know how the server is doing."""

    def __call__(self, what: str) -> None:
        """Take note of `ready`, `reloading`, `stopping` or `succeeded`."""

    def alive(self, now: float) -> None:
        """Take note that some worker serves."""


class Supervisor:
    """Runs workers on `listeners` until told to stop."""

    def __init__(
        self,
        launcher: Launcher,
        listeners: Sequence[Listener],
        state: State,
        announce: Listening,
        lifetime: float = float("inf"),
        successor: Successor | None = None,
    ) -> None:
        self.launcher = launcher
        self.listeners = list(listeners)
        self.state = state
        self.announce = announce
        self.lifetime = lifetime
        self.successor = successor or Successor(listeners, complete=False)
        self.children = Children(self._heard, self._ended, self._other_ended)
        self.workers = self.children.processes
        self.told = False  # why a worker failed, since one was ready last
        self.exit_code: int | None = None  # known at the end
        self.signals = SignalChannel([*_MEANING, signal.SIGCHLD])

    def run(self) -> int:
        """Supervise; return the exit code."""
        self.signals.open()
        self.watch(self.signals, self._signals_arrived)
        try:
            self.launcher.attach(self)
            self.happened(Tick())
            while self.exit_code is None:
                self._wait()
        finally:
            self.children.close()
            self.signals.close()
            self.successor.forget()
            for listener in self.listeners:
                listener.close()
            self.launcher.close()
        return self.exit_code

    def happened(self, event: Event) -> None:
        """Decide what follows from an event, and do it."""
        if isinstance(event, Reload) and not renewed(self.launcher.renew, _NO_RESTART):
            return
        for action in decide(self.state, event, time.monotonic()):
            self._do(action)

    # The loop

    def _wait(self) -> None:
        self.children.wait(TICK)
        self.happened(Tick())
        if self.state.serving():
            self.announce.alive(time.monotonic())

    def watch(self, source: Any, callback: Callable[[], object]) -> None:
        """Have `callback` called whenever `source` (with a `fileno()`) is readable."""
        self.children.watch(source, callback)

    def unwatch(self, source: Any) -> None:
        """Look at `source` no more."""
        self.children.unwatch(source)

    def _heard(self, key: int, word: bytes) -> None:
        if word == READY:
            self.told = False
            self.happened(Ready(key))
        elif word == BEAT:
            self.happened(Heard(key))
        elif word == EXPLAINED:
            self.happened(Explained(key))
        elif word == ASK:
            self._answer(self.workers[key])
        elif word[:1] == LEAVING:
            self.happened(Leaving(key, word[1:].decode("utf-8", "replace")))

    def _answer(self, worker: WorkerProcess) -> None:
        """Let one worker say why it fails; the others fail for the same reason."""
        worker.tell(HUSH if self.told and not self.state.ever_ready else TELL)
        self.told = True

    def over(self, key: int, code: int) -> None:
        """Take note that a worker has ended."""
        self.children.over(key, code)

    def _ended(self, key: int, code: int) -> None:
        self.happened(Exited(key, code))

    def _other_ended(self, pid: int, code: int) -> None:
        if pid == self.successor.pid:
            self._successor_over(code)

    def _hear_successor(self) -> None:
        if self.successor.channel is None:
            return  # its end was noticed first
        if self.successor.has_taken_over():
            self.happened(Succeeded())
        # Ready or lost, there is no more to hear.
        self.unwatch(self.successor.channel)

    def _successor_over(self, code: int) -> None:
        if self.successor.channel is not None:
            self.unwatch(self.successor.channel)
        self.successor.forget()
        self.happened(SuccessorEnded(code))

    # Actions

    def _do(self, action: Action) -> None:
        if isinstance(action, Start):
            self._start(action)
        elif isinstance(action, Say):
            tell(action)
        elif isinstance(action, Drain | Notice | Hurry | Kill | Dump | Interrupt):
            self._tell(action)
        elif isinstance(action, CloseListeners):
            for listener in self.listeners:
                listener.close()
            self.launcher.stop_listening()
        elif isinstance(action, Announce):
            self.announce(action.what)
        elif isinstance(action, StartSuccessor):
            self._start_successor()
        elif isinstance(action, EndSuccessor):
            self.successor.end()
        elif isinstance(action, End):
            self.exit_code = action.code

    def _start(self, action: Start) -> None:
        try:
            worker = self.launcher.start(action.number)
        except OSError as error:
            logger.error("Worker %d can't be started: %s", action.number, error)
            self.happened(Exited(action.key, 1))
            return
        self.children.add(action.key, worker)
        if worker.pid:
            self.known(worker)

    def _start_successor(self) -> None:
        try:
            self.successor.start()
        except OSError as error:
            logger.error("The new tricorn can't be started: %s", error)
            self.happened(SuccessorEnded(1))
            return
        self.watch(self.successor.channel, self._hear_successor)

    def known(self, worker: WorkerProcess) -> None:
        """Take note of a worker's process number."""
        self.children.known(worker)
        lifetime = self.lifetime * (1 - random.uniform(0, _LIFETIME_JITTER))
        self.happened(Started(worker.key, worker.pid, lifetime))

    def _tell(self, action: Drain | Notice | Hurry | Kill | Dump | Interrupt) -> None:
        worker = self.workers.get(action.key)
        if worker is None:
            return
        if not worker.pid:
            self.launcher.cancel(worker)
        elif isinstance(action, Drain) and action.succeeded:
            worker.tell(GIVE_WAY)
        elif isinstance(action, Drain):
            worker.signal(signal.SIGTERM)
        elif isinstance(action, Notice):
            worker.tell(NOTICE)
        elif isinstance(action, Hurry):
            worker.signal(signal.SIGQUIT)
        elif isinstance(action, Kill):
            worker.signal(signal.SIGKILL)
        elif isinstance(action, Interrupt):
            worker.signal(STACKS)
        else:
            worker.tell(DUMP)

    # Signals

    def _signals_arrived(self) -> None:
        for number in self.signals.arrived():
            if number == signal.SIGCHLD:
                self.children.reap()
            elif number == signal.SIGUSR1:
                reopen()
                self.launcher.reopen_logs()
                self.children.signal(signal.SIGUSR1)
            else:
                self._signalled(number)

    def _signalled(self, number: int) -> None:
        if number == signal.SIGINT and self.state.stopping:
            self.happened(Stop(now=True))
        elif number == signal.SIGWINCH and sys.stdin is not None and sys.stdin.isatty():
            pass  # somebody resized the terminal
        elif number == signal.SIGUSR2 and os.getpid() == 1:
            logger.warning("SIGUSR2: a container ends with its process 1; restart with SIGHUP.")
        else:
            event = _MEANING.get(number)
            if event is not None:
                self.happened(event)


_MEANING: Final[dict[int, Event | None]] = {
    signal.SIGTERM: StopLater(),
    signal.SIGINT: Stop(),
    signal.SIGQUIT: Stop(now=True),
    signal.SIGHUP: Reload(),
    signal.SIGTTIN: Scale(1),
    signal.SIGTTOU: Scale(-1),
    signal.SIGWINCH: Pause(),
    signal.SIGUSR1: None,
    signal.SIGUSR2: Upgrade(),
}


__all__ = ["Launcher", "Policy", "Supervisor"]
