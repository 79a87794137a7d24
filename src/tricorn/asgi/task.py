"""Starting an app's task so that its first step runs at once.

Most apps answer without ever waiting. With an eager first step they cost no turn of
the event loop. Python 3.12 has this built in. On 3.11 the same is done from
outside: while the Task is being made, the loop's `call_soon` notes the first step
instead of queueing it, and the registry of all tasks isn't told; then the step
runs, and a task that is still alive afterwards is registered. So the app runs in a
real `asyncio.Task` of its own on either.

Where that can't be done (another implementation's Task, a task factory of the
user's, debug mode) the task starts at the loop's next turn.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
from asyncio import tasks as _tasks
from collections.abc import Callable, Coroutine
from typing import Any

_Task: Any = asyncio.Task
# All alike: counting them up costs more than making the rest of a Task.
_NAME = "tricorn-request"
_copy_context = contextvars.copy_context
_BUILT_IN = sys.version_info >= (3, 12)


def _can_be_made_eager(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether Task is CPython's own in C and the loop has a place for `call_soon`."""
    return (
        sys.implementation.name == "cpython"
        and getattr(_tasks, "_CTask", None) is asyncio.Task
        and hasattr(loop, "__dict__")
        and hasattr(getattr(_tasks, "_all_tasks", None), "__dict__")
    )


class TaskStarter:
    """Starts tasks on one loop.

    With `fresh_context` each task begins with an empty `contextvars.Context`,
    otherwise with a copy of the current one. `close()` when no more are started.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, fresh_context: bool = False) -> None:
        self.loop = loop
        self.fresh_context = fresh_context
        self.step: Any = None
        self.context: Any = None
        self.patched = False
        self.eager = not loop.get_debug() and loop.get_task_factory() is None
        self.loop_names: dict[str, Any] = {}
        self.registry_names: dict[str, Any] = {}
        self.call_soon: Callable[..., Any] = loop.call_soon
        self.register: Callable[[Any], None] = _nothing
        self.note: Callable[..., Any] = self._note
        self.skip: Callable[[Any], None] = self._skip
        if self.eager and not _BUILT_IN:
            self.eager = self.patched = _can_be_made_eager(loop)
        if self.patched:
            registry: Any = _tasks._all_tasks  # type: ignore[attr-defined]
            self.loop_names = loop.__dict__
            self.registry_names = registry.__dict__
            self.register = registry.add

    def start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task and return it, done if the coroutine didn't wait."""
        context = contextvars.Context() if self.fresh_context else _copy_context()
        if self.patched:
            return self._start_patched(coroutine, context)
        if not self.eager:
            return self.loop.create_task(coroutine, context=context)
        task: asyncio.Task[None] = _Task(
            coroutine, loop=self.loop, name=_NAME, context=context, eager_start=True
        )
        return task

    def close(self) -> None:
        """Leave the loop as it was found."""
        if self.patched:
            self.loop_names.pop("call_soon", None)
            self.registry_names.pop("add", None)
            self.patched = self.eager = False

    def _start_patched(
        self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context
    ) -> asyncio.Task[None]:
        self.context = context
        self.loop_names["call_soon"] = self.note
        self.registry_names["add"] = self.skip
        try:
            task: asyncio.Task[None] = _Task(coroutine, loop=self.loop, name=_NAME, context=context)
        finally:
            # The names stay, with what they mean anyway: taking a key out of a dict
            # and putting it back makes the dict grow.
            self.loop_names["call_soon"] = self.call_soon
            self.registry_names["add"] = self.register
        step = self.step
        self.step = self.context = None
        try:
            context.run(step)
        except RuntimeError:
            # We are within another task (a stopping server reads what has arrived),
            # and asyncio 3.11 steps one at a time.
            self.call_soon(step, context=context)
        if not task.done():
            self.register(task)
        return task

    def _note(self, callback: Any, *args: Any, context: Any = None) -> Any:
        """Stand in for `call_soon` while a Task is being made: keep its first step.

        The garbage collector may run other code in between, whose callbacks are
        queued as ever. The context tells them apart: nobody else has ours.
        """
        if context is self.context and not args:
            self.step = callback
            return None
        return self.call_soon(callback, *args, context=context)

    def _skip(self, task: Any) -> None:
        """Stand in for the registry's `add` meanwhile: others' tasks are registered."""
        if self.step is None:
            self.register(task)


def _nothing(task: Any) -> None:
    """Stand in for a registry that isn't used."""
