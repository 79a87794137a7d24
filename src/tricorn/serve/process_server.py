"""The server that a process is for: what keeps the process from ending, it names, and cuts off."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import math
import os
import selectors
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import thread as pool
from types import FrameType
from typing import TYPE_CHECKING, Any

from tricorn.net.systemd import ServiceNotifier
from tricorn.product import product_logger
from tricorn.serve.server import Server
from tricorn.serve.stacks import task_stack, tasks_of

if TYPE_CHECKING:
    import socket

    from tricorn.serve.program import Config

# Seconds for which a process that should end does so without a word.
_PATIENCE = 2.0
# Seconds from the Ctrl+C that forces to the end: apps have two of them to react.
_TO_REACT = 3.0
# The same where the server has ended already, and for whatever hangs while the process is cut off.
_TO_LEAVE = 1.0
_MOST_NAMED = 5
# Where a loop without work rests, as far as there are frames of it.
_RESTING = (asyncio.runners.__file__, selectors.__file__)

_LIBRARY = os.path.dirname(os.__file__) + os.sep
# Of asyncio, which waits in them for the threads of its pool.
_ENDING_TASK = "shutdown_default_executor"
_ENDING_THREAD = "(_do_shutdown)"

logger = product_logger("error")


class ProcessServer(Server):
    """Serves in a process that has nothing else to do, and no parent that would end it."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.owns_process = True
        self.systemd = ServiceNotifier(os.environ)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._is_done = False
        self._ends_at = math.inf  # monotonic: when the process is cut off

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop; then say it if the app keeps the process."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await super().serve(sockets)
        finally:
            self._is_done = self.should_exit = True
            # Not `threading`: its end would be waited for.
            _thread.start_new_thread(self._name_what_is_left, ())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask the server to stop; the second SIGINT ends the process, whatever runs in it."""
        super().handle_exit(sig, frame)
        after = _TO_LEAVE if self._is_done else _TO_REACT
        ends_at = time.monotonic() + after
        if self.force_exit and ends_at < self._ends_at:  # a key may be held down
            self._ends_at = ends_at
            # Within a signal handler any lock may be held, such as those of `threading`.
            _thread.start_new_thread(self._cut_off, (after,))

    def heed_interrupts(self) -> None:
        """Take SIGINT from now to the end of the process, while it waits for threads too."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self.handle_exit)

    def _name_what_is_left(self) -> None:
        time.sleep(_PATIENCE)
        left = ", ".join(self._left())
        if left:
            logger.warning(
                "Waiting for what the app left running: %s. (CTRL+C to force quit)", left
            )

    def _cut_off(self, after: float) -> None:
        time.sleep(after)
        _thread.start_new_thread(_exit, (_TO_LEAVE,))
        with contextlib.suppress(Exception):
            left = ", ".join(self._left()) or "an exit handler"
            logger.error("Forced to quit, and cut off: %s", left)
            if not self._is_done:
                self._release()
            sys.stdout.flush()
        os._exit(0)

    def _left(self) -> list[str]:
        """What keeps the process, a few words on each."""
        blocked = self._blocked_loop()
        found = [blocked] if blocked else [*self._running_tasks(), *_running_threads()]
        more = len(found) - _MOST_NAMED
        return found if more <= 0 else [*found[:_MOST_NAMED], f"{more} more"]

    def _blocked_loop(self) -> str:
        frame = sys._current_frames().get(threading.main_thread().ident or 0)
        if self._is_done or frame is None or frame.f_code.co_filename in _RESTING:
            return ""
        return f"the event loop, which stands still{_place(traceback.format_stack(frame))}"

    def _running_tasks(self) -> Iterator[str]:
        for task in tasks_of(self._loop) if self._loop is not None else ():
            name = getattr(task.get_coro(), "__qualname__", task.get_name())
            if task is not self._task and not name.endswith(_ENDING_TASK):
                yield f"task {name}{_place(task_stack(task))}"


def _running_threads() -> Iterator[str]:
    frames = sys._current_frames()
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if thread.daemon or thread is threading.main_thread() or frame is None:
            continue
        if thread.name.endswith(_ENDING_THREAD) or _is_idle(frame):
            continue
        yield f"thread {thread.name}{_place(traceback.format_stack(frame))}"


def _is_idle(frame: FrameType) -> bool:
    """Is it a thread of a pool that has no work?"""
    code = frame.f_code
    return code.co_filename == pool.__file__ and code.co_name == "_worker"


def _place(stack: list[str]) -> str:
    """Where the app's code is, as a traceback says it; nothing where it is in none of its own."""
    for entry in reversed(stack):
        line = entry.strip().partition("\n")[0]
        is_library = _LIBRARY in line and "site-packages" not in line
        if line.startswith("File ") and not is_library:
            return f" ({line})"
    return ""


def _exit(after: float) -> None:
    time.sleep(after)
    os._exit(0)
