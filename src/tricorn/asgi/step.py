"""Leaf: one step of a coroutine, and who looks at its task.

The compiled twin, `step.pyx`, asks the interpreter in C. CPython only.
"""

from __future__ import annotations

import contextvars
import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any, Final

END: Final = object()

# How many references to an object there are; only the difference of two answers counts.
references: Callable[[object], int] = getattr(sys, "getrefcount", id)


def step(coroutine: Any) -> Any:
    """Let a coroutine go on; return what it yields, or END when it has returned."""
    try:
        return coroutine.send(None)
    except StopIteration:
        return END


def step_in(context: contextvars.Context, coroutine: Any) -> Any:
    """Do the same in a context, which isn't entered already."""
    return context.run(step, coroutine)


def is_bare(task: object) -> bool:
    """Whether an object that can have them has neither weak references nor attributes."""
    if weakref.getweakrefcount(task):
        return False
    return not any(type(part) is dict for part in gc.get_referents(task))
