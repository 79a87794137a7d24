"""Leaf: one step of a coroutine, and what is asked of the interpreter around it.

The compiled twin, `step.pyx`, asks in C. CPython only.
"""

from __future__ import annotations

import contextvars
import gc
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any, Final


class Returned:
    """What a coroutine has returned."""

    def __init__(self, value: object) -> None:
        self.value = value


END: Final = Returned(None)

# How many references to an object there are; only the difference of two answers counts.
references: Callable[[object], int] = getattr(sys, "getrefcount", id)


def step(coroutine: Any) -> Any:
    """Let a coroutine go on; return what it yields, or END or `Returned` when it has ended."""
    try:
        return coroutine.send(None)
    except StopIteration as end:
        return END if end.value is None else Returned(end.value)


def step_in(context: contextvars.Context, coroutine: Any) -> Any:
    """Do the same in a context, which isn't entered already."""
    return context.run(step, coroutine)


def bind(function: Any, thing: object) -> Any:
    """Return the bound method of a function in the thing's class."""
    return types.MethodType(function, thing)


def has_variables() -> bool:
    """Whether a variable is set in the current context."""
    return len(contextvars.copy_context()) > 0


def read(descriptor: Any, thing: object) -> Any:
    """Return what a descriptor of the thing's class reads from it."""
    return descriptor.__get__(thing, type(thing))


def is_bare(task: object) -> bool:
    """Whether an object that can have them has neither weak references nor attributes."""
    if weakref.getweakrefcount(task):
        return False
    return not any(type(part) is dict for part in gc.get_referents(task))
