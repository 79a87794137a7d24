"""Leaf: which task is a loop's current one, as only asyncio itself may set it.

Up to Python 3.11 asyncio keeps that in a dict of its own. From 3.12 on there is a function which
puts one task in another's place, so that a task may be stepped within another's step, too.
"""

from __future__ import annotations

import asyncio
from asyncio import tasks as _tasks
from typing import Any

_swap: Any = getattr(_tasks, "_swap_current_task", None)
_current: dict[Any, Any] = getattr(_tasks, "_current_tasks", {})


def enter(loop: asyncio.AbstractEventLoop, task: Any) -> bool:
    """Make a task the current one and return True, unless another task is. Then `leave`."""
    if _swap is None:
        # It isn't this one: a task that runs waits for nothing.
        return _current.setdefault(loop, task) is task
    before = _swap(loop, task)
    if before is not None:
        _swap(loop, before)
    return before is None


def leave(loop: asyncio.AbstractEventLoop) -> None:
    """Have no task be the current one."""
    if _swap is None:
        del _current[loop]
    else:
        _swap(loop, None)


def can_replace() -> bool:
    """Whether there is `replace` on this Python."""
    return _swap is not None


def replace(loop: asyncio.AbstractEventLoop, task: Any) -> Any:
    """Make a task, or None, the current one; return which one was."""
    return _swap(loop, task)


def current(loop: asyncio.AbstractEventLoop) -> Any:
    """Return the current task, or None."""
    if _swap is None:
        return _current.get(loop)
    return asyncio.current_task(loop)
