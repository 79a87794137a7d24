"""A call of an app whose first step is taken ahead of its task.

A task costs as much as all else that serves a small request, and most apps never wait. So
a task lies ready without a coroutine of its own. The first step of an app runs as its
coroutine's, with that task as the current one and in that task's context. If the app was
done with it and nobody has noticed the task, it lies ready again for the next app. If
not, the task begins, and finds in its coroutine what the first step has left.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from types import CoroutineType
from typing import Any, Final

from tricorn.asgi.call import AppCall
from tricorn.asgi.step import END, Returned, Stepper, is_untouched, step, step_in

_RUNNING: Final = 0
_WAITS: Final = 1  # for `held`
_FAILED: Final = 2  # with `held`
_ENDED: Final = 3

_END: Final = END

# As its class has it: the way over the instance costs more.
_get_name: Callable[[Any], object] = asyncio.Task.get_name


class FirstStep(Stepper):
    """What a task takes for its coroutine: a call of an app."""

    def __init__(self) -> None:
        self.state = _ENDED
        self.held: Any = None
        self.call: AppCall | None = None
        self.coroutine: Any = None  # the app's own, once it was called

    def take_call(self, call: AppCall) -> None:
        """Be this call from here on."""
        self.call = call
        self.state = _RUNNING

    def run(self, context: contextvars.Context) -> None:
        """Take the first step in this context, and keep what comes of it."""
        try:
            held = step_in(context, self)
        except BaseException as error:
            self.held = error
            self.state = _FAILED
            return
        if held is _END:
            self.state = _ENDED
        else:
            self.held = held
            self.state = _WAITS

    def waits_again(self, held: object) -> bool:
        """Whether the step ended in a wait for this. If so it is as if none had been taken."""
        if self.state != _WAITS or self.held is not held:
            return False
        self.held = None
        self.state = _RUNNING
        return True

    def go_on(self) -> Any:
        """Take the next step; return what is waited for, or END."""
        call = self.call
        try:
            if self.coroutine is None:
                assert call is not None
                awaitable = call.begin()
                if type(awaitable) is not CoroutineType:
                    awaitable = _awaited(awaitable)
                self.coroutine = awaitable
            held = step(self.coroutine)
        except BaseException as error:
            self.call = self.coroutine = None
            if call is None or call.raised(error):
                raise
            return _END
        if held is not _END and type(held) is not Returned:
            return held
        end: Returned = held
        self.call = self.coroutine = None
        if call is not None:
            call.returned(end.value)
        return _END

    def _throw(self, error: BaseException) -> Any:
        """Raise an error where it waits; return what is waited for next, or END."""
        call = self.call
        try:
            return self.coroutine.throw(error)
        except StopIteration as end:
            self.call = self.coroutine = None
            if call is not None:
                call.returned(end.value)
        except BaseException as raised:
            self.call = self.coroutine = None
            if call is None or call.raised(raised):
                raise
        return _END

    # What a Task asks of a coroutine

    def __await__(self) -> FirstStep:
        return self

    def __iter__(self) -> FirstStep:
        return self

    def __next__(self) -> Any:
        state = self.state
        if state == _RUNNING:
            held = self.go_on()
            if held is _END:
                raise StopIteration
            return held
        if state == _ENDED:
            raise StopIteration
        held = self.held
        self.held = None
        self.state = _RUNNING
        if state == _FAILED:
            raise held
        return held

    def send(self, value: object) -> Any:
        """Go on; tasks send None."""
        return self.__next__()

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> Any:
        """Raise an exception where the coroutine waits."""
        error = kind if value is None else value
        state = self.state
        held = self.held
        self.held = None
        self.state = _RUNNING
        if state >= _FAILED:
            # The first step cancelled its own task and then ended.
            self.state = _ENDED
            raise error
        if state == _WAITS and isinstance(error, asyncio.CancelledError):
            # The first step cancelled its own task and then waited. As a task does it:
            # what is waited for is cancelled, and tells.
            if held is not None and held.cancel(*error.args):
                return held
        held = self._throw(error)
        if held is _END:
            raise StopIteration
        return held

    def close(self) -> None:
        """Give the coroutine up."""
        self.state = _ENDED
        self.held = None
        if self.coroutine is not None:
            self.coroutine.close()

    # What a coroutine shows of its state, for who looks (`inspect.getcoroutinestate`).

    @property
    def cr_running(self) -> bool:
        """Whether it runs now."""
        return bool(getattr(self.coroutine, "cr_running", False))

    @property
    def cr_suspended(self) -> bool:
        """Whether it waits."""
        return self.cr_frame is not None and not self.cr_running

    @property
    def cr_frame(self) -> Any:
        """Its frame, None when it has ended or is compiled."""
        return getattr(self.coroutine, "cr_frame", None)

    @property
    def cr_await(self) -> Any:
        """What it waits for."""
        return getattr(self.coroutine, "cr_await", None)


Coroutine.register(FirstStep)


async def _awaited(awaitable: Awaitable[object]) -> object:
    return await awaitable


class ReadyTask:
    """A task that lies ready, and all that belongs to it.

    `step` is what the loop would have called to begin it. The context is empty and only
    this task's.
    """

    def __init__(
        self,
        task: asyncio.Task[None],
        step: Callable[[], object],
        first: FirstStep,
        context: contextvars.Context,
        name: str,
    ) -> None:
        self.task = task
        self.step = step
        self.first = first
        self.context = context
        self.name = name

    def is_as_new(self) -> bool:
        """Whether the first step has ended, and left nothing in the task or its context.

        Who has kept the task itself shows in the number of its references, which isn't
        looked at here.
        """
        task = self.task
        return (
            self.first.state == _ENDED
            and not len(self.context)
            and is_untouched(task)
            and _get_name(task) is self.name
        )
