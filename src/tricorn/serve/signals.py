"""Signals in a process that serves: who handles them while a server runs, and who afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Protocol

HANDLED_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if sys.platform == "win32":
    HANDLED_SIGNALS.append(signal.SIGBREAK)


class Handling(Protocol):
    """A server, as far as signals go."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take one of HANDLED_SIGNALS."""


# Servers that handle signals, and what did before the first of them. Servers that share
# a loop end in any order, so each can't put back what it found itself.
_capturing: list[Handling] = []
_originals: dict[int, Any] = {}


@contextlib.contextmanager
def captured(server: Handling) -> Iterator[bool]:
    """Have `server.handle_exit` handle HANDLED_SIGNALS; in the main thread, elsewhere nothing.

    The handlers are installed with `signal.signal` and are bound methods of the server:
    sse-starlette finds the server that way, and ends its streams. Gives False where nothing
    was changed: elsewhere, and within the same server's own.
    """
    is_captured = server in _capturing
    if is_captured or threading.current_thread() is not threading.main_thread():
        yield False
        return
    if not _capturing:
        _originals.update({sig: signal.getsignal(sig) for sig in HANDLED_SIGNALS})
    _capturing.append(server)
    for sig in HANDLED_SIGNALS:
        signal.signal(sig, server.handle_exit)
    try:
        yield True
    finally:
        _capturing.remove(server)
        for number, handler in _originals.items():
            signal.signal(number, _capturing[-1].handle_exit if _capturing else handler)


@contextlib.contextmanager
def hangup_outlived() -> Iterator[None]:
    """Have SIGHUP not end the process, where nobody else has decided about it.

    For servers whose certificates are renewed: whoever renews them sends it by habit. From a
    terminal it means that the terminal is gone, as everywhere.
    """
    in_terminal = sys.stdin is not None and sys.stdin.isatty()
    if (
        os.name != "posix"
        or in_terminal
        or threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGHUP) != signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
