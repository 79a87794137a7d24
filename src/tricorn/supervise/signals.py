"""Signals as something to select on."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterable
from typing import Any


class SignalChannel:
    """Collects the signals `numbers`; `fileno()` is readable when one has arrived."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self.numbers = list(numbers)
        self.handlers: dict[int, Any] = {}
        self.wakeup, self.waker = socket.socketpair()
        self.waker.setblocking(False)
        self.wakeup.setblocking(False)

    def fileno(self) -> int:
        """Return what to select on."""
        return self.wakeup.fileno()

    def open(self) -> None:
        """Take the signals over."""
        signal.set_wakeup_fd(self.waker.fileno(), warn_on_full_buffer=False)
        # The number arrives through the wakeup socket; a handler has to be there.
        self.handlers = {number: signal.signal(number, _noted) for number in self.numbers}

    def arrived(self) -> list[int]:
        """Return the numbers of those that came, in their order."""
        try:
            return list(self.wakeup.recv(4096))
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Give the signals back to whoever had them."""
        signal.set_wakeup_fd(-1)
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.wakeup.close()
        self.waker.close()


def _noted(number: int, frame: Any) -> None:
    """Do nothing: the loop reads the number from the wakeup socket."""
