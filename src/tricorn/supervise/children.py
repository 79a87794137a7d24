"""The processes of a parent: it listens to them, and takes note of their ends."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable
from typing import Any

from tricorn.supervise.worker_process import WorkerProcess, unreaped


class Children:
    """Processes, each known by a key; and the selector in which their parent waits.

    `heard(key, word)` is called for each word of one, `ended(key, code)` when it is over, and
    `other_ended(pid, code)` for a process that isn't among these.
    """

    def __init__(
        self,
        heard: Callable[[int, bytes], object],
        ended: Callable[[int, int], object],
        other_ended: Callable[[int, int], object] = lambda pid, code: None,
    ) -> None:
        self.heard = heard
        self.ended = ended
        self.other_ended = other_ended
        self.processes: dict[int, WorkerProcess] = {}
        self._keys: dict[int, int] = {}  # pid -> key
        self._selector = selectors.DefaultSelector()

    def watch(self, source: Any, callback: Callable[[], object]) -> None:
        """Have `callback` called whenever `source` (with a `fileno()`) is readable."""
        self._selector.register(source, selectors.EVENT_READ, callback)

    def unwatch(self, source: Any) -> None:
        """Look at `source` no more. It needn't be watched, or even open."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)

    def wait(self, timeout: float) -> None:
        """Wait so many seconds at most for what happens, and have it handled."""
        for key, _ in self._selector.select(timeout):
            key.data()
        # A child may have ended before there was a handler of SIGCHLD.
        self.reap()

    def add(self, key: int, process: WorkerProcess) -> None:
        """Listen to one. Its process number may come later, by `known`."""
        process.key = key
        self.processes[key] = process
        self.watch(process.channel, lambda: self._listen_to(key))
        if process.pid:
            self.known(process)

    def known(self, process: WorkerProcess) -> None:
        """Take note of a process number."""
        self._keys[process.pid] = process.key

    def signal(self, number: int) -> None:
        """Send a signal to each."""
        for process in list(self.processes.values()):
            process.signal(number)

    def _listen_to(self, key: int) -> None:
        process = self.processes.get(key)
        if process is None or process.has_closed():
            return
        for word in process.says():
            self.heard(key, word)
        if process.has_closed():
            # It closes the channel as it goes; its exit will tell how.
            self.unwatch(process.channel)

    def reap(self) -> None:
        """Take note of our processes that ended; as PID 1, of orphans too.

        Otherwise of no others: the program that called `run` may wait for some itself.
        """
        for pid in list(unreaped):
            self._reap_one(pid)
        while os.getpid() == 1 and self._reap_one(-1):
            pass

    def _reap_one(self, pid: int) -> bool:
        """Take note of the end of a child, -1 for any, if it has ended. Return whether."""
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            unreaped.discard(pid)
            return False
        if not ended:
            return False
        unreaped.discard(ended)
        code = os.waitstatus_to_exitcode(status)
        key = self._keys.pop(ended, None)
        if key is None:
            self.other_ended(ended, code)
        else:
            self.over(key, code)
        return True

    def over(self, key: int, code: int) -> None:
        """Take note that one has ended."""
        # Its last words may still be unread.
        self._listen_to(key)
        process = self.processes.pop(key, None)
        if process is None:
            return
        self._keys.pop(process.pid, None)
        self.unwatch(process.channel)
        process.close()
        self.ended(key, code)

    def close(self) -> None:
        """Kill those that are left, whatever the reason, and look at nothing any more."""
        self.signal(signal.SIGKILL)
        for process in self.processes.values():
            try:
                os.waitpid(process.pid, 0)
            except ChildProcessError:
                pass
            unreaped.discard(process.pid)
            process.close()
        self.processes.clear()
        self._selector.close()
