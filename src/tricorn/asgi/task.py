"""Starting an app's task so that its first step runs at once.

Most apps answer without ever waiting. With an eager first step they cost no turn of
the event loop. Python 3.12 has this built in. On 3.11 the same is done from
outside: while the Task is being made, the loop's `call_soon` notes the first step
instead of queueing it, and the registry of all tasks isn't told; then the step
runs, and a task that is still alive afterwards is registered. So the app runs in a
real `asyncio.Task` of its own on either.

A task that an app was done with in its first step, and that nobody has noticed, serves the
next app as well (`first_step`). It is made as on 3.11, and taken out of the registry again.

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

from tricorn.asgi.call import AppCall
from tricorn.asgi.current_task import can_replace, enter, leave, replace
from tricorn.asgi.first_step import FirstStep, ReadyTask
from tricorn.asgi.step import has_variables, references

_Task: Any = asyncio.Task
# All alike: counting them up costs more than making the rest of a Task.
_NAME = "tricorn-request"
_copy_context = contextvars.copy_context
_BUILT_IN = sys.version_info >= (3, 12)
# Later ones keep tasks in another way, and threads without a common lock count references so.
_KNOWN = sys.version_info < (3, 14) and getattr(sys, "_is_gil_enabled", lambda: True)()


def _can_be_made_eager(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether Task is CPython's own in C and the loop has a place for `call_soon`."""
    return _can_lie_ready(loop) and hasattr(getattr(_tasks, "_all_tasks", None), "__dict__")


def _can_lie_ready(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a Task can be made without being begun."""
    return (
        sys.implementation.name == "cpython"
        and _KNOWN
        and getattr(_tasks, "_CTask", None) is asyncio.Task
        and hasattr(loop, "__dict__")
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
        self.patched = False  # asyncio is made to begin tasks eagerly
        self.keeps = False  # a task lies ready
        self.ready: ReadyTask | None = None
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
            self.keeps = True
        elif self.eager and _can_lie_ready(loop):
            self.loop_names = loop.__dict__
            self.register = _tasks._register_task
            self.keeps = True

    def run(self, call: AppCall) -> asyncio.Task[None] | None:
        """Start a call of the app in a task; return the task if it isn't done."""
        # What is in a context can't be compared at little cost, but whether anything is.
        if self.keeps and (self.fresh_context or not has_variables()):
            return self._run_ahead(call)
        task = self.start(call.run())
        return None if task.done() else task

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
        if self.keeps:
            self.loop_names.pop("call_soon", None)
            self.registry_names.pop("add", None)
            if self.patched:
                self.patched = self.eager = False
            self.keeps = False
            self.ready = None

    def _run_ahead(self, call: AppCall) -> asyncio.Task[None] | None:
        """Take the first step in a task that lies ready, and see whether it still does."""
        ready = self.ready
        if ready is None:
            ready = self._make_ready()
        self.ready = None
        ready.first.take_call(call)
        before = references(ready.task)
        outer = None
        if enter(self.loop, ready.task):
            try:
                ready.first.run(ready.context)
            finally:
                leave(self.loop)
        elif can_replace():
            outer = replace(self.loop, ready.task)
            try:
                ready.first.run(ready.context)
            finally:
                replace(self.loop, outer)
        else:
            # We are within another task (a stopping server reads what has arrived),
            # and asyncio 3.11 steps one at a time.
            self._begin(ready.task)
            self.call_soon(ready.step, context=ready.context)
            return ready.task
        if references(ready.task) == before and ready.is_as_new():
            self.ready = ready
            return None
        self._begin(ready.task)
        if outer is None:
            ready.context.run(ready.step)
        else:
            self._step_within(outer, ready)
        return None if ready.task.done() else ready.task

    def _step_within(self, outer: Any, ready: ReadyTask) -> None:
        """Begin a task within another, which asyncio itself would refuse."""
        replace(self.loop, None)
        try:
            ready.context.run(ready.step)
        finally:
            replace(self.loop, outer)

    def _begin(self, task: Any) -> None:
        """Have a task that lay ready known as one that runs."""
        task._log_destroy_pending = True
        self.register(task)

    def _make_ready(self) -> ReadyTask:
        first = FirstStep()
        context = contextvars.Context()
        task: Any
        task, step = self._make_patched(first, context)
        if not self.patched:
            _tasks._unregister_task(task)
        # It may be dropped without having begun.
        task._log_destroy_pending = False
        return ReadyTask(task, step, first, context, _NAME)

    def _start_patched(
        self, coroutine: Coroutine[Any, Any, None], context: contextvars.Context
    ) -> asyncio.Task[None]:
        task, step = self._make_patched(coroutine, context)
        try:
            context.run(step)
        except RuntimeError:
            # We are within another task (a stopping server reads what has arrived),
            # and asyncio 3.11 steps one at a time.
            self.call_soon(step, context=context)
        if not task.done():
            self.register(task)
        return task

    def _make_patched(
        self, coroutine: Any, context: contextvars.Context
    ) -> tuple[asyncio.Task[None], Callable[[], object]]:
        """Make a task that hasn't begun; return it and its first step."""
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
        return task, step

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
