"""Calls at regular intervals that cost a loop nothing while it waits.

A loop that has timers waits with a timeout, for which the system arms a timer each time the loop
goes to sleep and disarms it when it is woken. With little to do that is once a request. Where
the system has timers that are descriptors (Linux's timerfd_create(2)) the loop watches one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from tricorn.net import sysio


class Ticker:
    """Calls a function every so many seconds, from `start` until `stop`, in the loop's thread."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, callback: Callable[[], object]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._callback = callback
        self._fd = -1
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin; the first call is `seconds` from now."""
        if not self._watch_descriptor():
            self._timer = self._loop.call_later(self._seconds, self._on_timer)

    def stop(self) -> None:
        """Call it no more. Does nothing a second time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._fd >= 0:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _watch_descriptor(self) -> bool:
        """Have the loop watch a timer of the system's; return whether it does."""
        if not sysio.HAS_TIMER:
            return False
        try:
            fd = sysio.timer(self._seconds)
        except OSError:  # too many open files: a timer of the loop's needs none
            return False
        try:
            self._loop.add_reader(fd, self._on_descriptor)
        except NotImplementedError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def _on_descriptor(self) -> None:
        # It stays ready until it is read. Calls that the loop was too busy for are one.
        with contextlib.suppress(BlockingIOError):
            os.read(self._fd, 8)
        self._callback()

    def _on_timer(self) -> None:
        self._timer = self._loop.call_later(self._seconds, self._on_timer)
        self._callback()
