"""Leaf: one step of a coroutine, and what is asked of the interpreter around it.

The compiled twin, `step.pyx`, asks in C. CPython only.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import types
from collections.abc import Callable
from gc import get_referents
from typing import Any, Final
from weakref import getweakrefcount


class Returned:
    """What a coroutine has returned."""

    def __init__(self, value: object) -> None:
        self.value = value


END: Final = Returned(None)

# How many references to an object there are; only the difference of two answers counts.
references: Callable[[object], int] = getattr(sys, "getrefcount", id)

# Returns the bound method of a function in a thing's class.
bind: Callable[[Any, object], Any] = types.MethodType

_copy_context = contextvars.copy_context


def step(coroutine: Any) -> Any:
    """Let a coroutine go on; return what it yields, or END or `Returned` when it has ended."""
    try:
        return coroutine.send(None)
    except StopIteration as end:
        return END if end.value is None else Returned(end.value)


class Stepper:
    """What goes on step by step: `FirstStep`. Its steps are taken without a look for `send`."""

    def go_on(self) -> Any:
        """Take the next step; return what is waited for, or END."""
        raise NotImplementedError


def step_in(context: contextvars.Context, steps: Stepper) -> Any:
    """Take the next step in a context, which isn't entered already."""
    return context.run(steps.go_on)


def has_variables() -> bool:
    """Whether a variable is set in the current context."""
    return len(_copy_context()) > 0


def is_untouched(task: asyncio.Task[Any]) -> bool:
    """Whether nobody has left anything in a task.

    That is a weak reference, an attribute, a callback or its cancelling. Up to Python 3.12 the last
    stays even if it was taken back.
    """
    looked_at: Any = task
    return not (
        looked_at._must_cancel
        or looked_at._callbacks
        or getweakrefcount(task)
        or dict in map(type, get_referents(task))
    )
