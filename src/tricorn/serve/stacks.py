"""Where every thread and task of this process is, for the log: how a hang explains itself."""

from __future__ import annotations

import asyncio
import gc
import linecache
import logging
import sys
import threading
import traceback
from typing import Any


def log_stacks(logger: logging.Logger, loop: asyncio.AbstractEventLoop | None) -> None:
    """Log a stack for each thread, and for each task of `loop`."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            stack = "".join(traceback.format_stack(frame))
            _log(logger, f"Thread {names.get(ident, ident)}:\n{stack}")
    if loop is not None:
        for task in tasks_of(loop):
            _log(logger, f"Task {task.get_name()}:\n{''.join(task_stack(task))}")


def _log(logger: logging.Logger, text: str) -> None:
    # Without arguments, whose line ends would be escaped: no client has a say in a stack.
    logger.error(text.rstrip())


def task_stack(task: asyncio.Task[Any]) -> list[str]:
    """The lines of the coroutines that a task is in, outermost first.

    Not `Task.get_stack`: it wants a line number of each, which a compiled coroutine hasn't
    while it waits.
    """
    lines: list[str] = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        lines.append(_line(awaited))
        awaited = _awaited_by(awaited)
    return lines


def _awaited_by(waiting: Any) -> Any:
    awaited = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    if type(awaited).__name__ == "coroutine_wrapper":
        # What compiled code awaits, wrapped, and nothing but the collector sees within.
        awaited = next(iter(gc.get_referents(awaited)), None)
    return awaited


def _line(awaited: Any) -> str:
    frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
    name = getattr(awaited, "__qualname__", type(awaited).__qualname__)
    number = getattr(frame, "f_lineno", None)
    if frame is None or number is None:
        return f"  in {name}\n"
    path = frame.f_code.co_filename
    code = linecache.getline(path, number).strip()
    return f'  File "{path}", line {number}, in {name}\n' + (f"    {code}\n" if code else "")


def tasks_of(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    """The tasks of a loop that may be running in another thread."""
    # The set is a weak one and may change while another thread iterates over it.
    for _ in range(100):
        try:
            return list(asyncio.all_tasks(loop))
        except RuntimeError:
            continue
    return []
