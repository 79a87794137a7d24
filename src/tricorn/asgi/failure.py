"""How an app's call can fail: a client that left, a cancelled task, an error of its own."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final

# How many errors behind an error are looked at: chains may be circular.
_CHAIN: Final = 20


class ClientDisconnected(OSError):
    """The client is gone, so nothing can be sent (ASGI HTTP 2.4, send exceptions)."""


def was_cancelled() -> bool:
    """Whether somebody cancelled this task, rather than one that the app waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def drop_our_frames(error: BaseException) -> None:
    """Have the traceback of an app's error begin and end in the app."""
    first = error.__traceback__
    while first is not None and _is_ours(first):
        first = first.tb_next
    if first is None:
        return
    error.__traceback__ = last = frame = first
    while frame.tb_next is not None:
        frame = frame.tb_next
        if not _is_ours(frame):
            last = frame
    last.tb_next = None


def _is_ours(frame: TracebackType) -> bool:
    return str(frame.tb_frame.f_globals.get("__name__")).startswith("tricorn.asgi.")


def tells_of_disconnect(error: BaseException | None) -> bool:
    """Whether an app's error only passes on that the client is gone.

    Frameworks wrap what `send()` raised: Starlette's `ClientDisconnect` has it as its
    context, and a task group as one of its errors.
    """
    for _ in range(_CHAIN):
        if error is None or isinstance(error, ClientDisconnected):
            break
        if isinstance(error, BaseExceptionGroup):
            return all(map(tells_of_disconnect, error.exceptions))
        error = error.__cause__ or error.__context__
    return isinstance(error, ClientDisconnected)
