"""A wait for a message whose arrival runs the waiting task at once.

An asyncio future tells its task at the loop's next turn. Here who brings the message runs
the task's next step itself, in the task's own context: what the app answers then leaves
with the other answers of the same batch of events, and the loop needn't turn for it.

For the task it is a future: it has what asyncio's tasks ask of anything that has
`_asyncio_future_blocking`. Cancelling it tells the task at the next turn, as ever.

What a task does around each step of its coroutine (be called back, ask for the result, look
at what the coroutine waits for, have itself called back) costs more than the step of a small
app. An app on a WebSocket mostly waits for a message, answers, and waits again. So with
`Steps` who brings the message takes the coroutine's step: with the task as the current one,
in the task's context. If it ends in a wait for the same handover, the task needn't know: it
waits for that still. Otherwise it is called back, and finds in its coroutine, a `FirstStep`,
what the step has left.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Final

from tricorn.asgi.call import AppCall
from tricorn.asgi.current_task import current, enter, leave
from tricorn.asgi.first_step import FirstStep

_WAITING: Final = 0
_ARRIVED: Final = 1
_CANCELLED: Final = 2


class Handover:
    """One wait of one task. Made and used in the loop's thread.

    `state` is 0 while it lasts.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self.loop = loop
        self.state = _WAITING
        self.message: Any = None  # of the cancellation
        self.callback: Callable[[Any], object] | None = None
        self.context: contextvars.Context | None = None
        self.steps: Steps | None = None  # of the task that is likely to wait
        self.owner: Any = None  # the task that waits, once it matters

    def arrive(self) -> None:
        """End the wait, and run who waits. It may be another wait of the same task then."""
        if self.state != _WAITING:
            return
        self.state = _ARRIVED
        callback = self.callback
        if callback is None:
            return
        if self.steps is not None and self.steps.go_on(self):
            return
        context = self.context
        self.callback = self.context = None
        assert context is not None
        try:
            context.run(callback, self)
        except RuntimeError:
            # Another task is running now (a stopping server closes its sessions): asyncio
            # steps one at a time, so this one has to wait for its turn.
            self.loop.call_soon(callback, self, context=context)

    # What a Task asks of a future

    def __await__(self) -> Any:
        return self

    def __iter__(self) -> Handover:
        return self

    def __next__(self) -> Handover:
        if self.state == _WAITING:
            self._asyncio_future_blocking = True
            return self
        self.result()
        raise StopIteration

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop whose tasks may wait for this."""
        return self.loop

    def add_done_callback(
        self, callback: Callable[[Any], object], *, context: contextvars.Context | None = None
    ) -> None:
        """Have `callback(self)` called when the wait is over."""
        if context is None:
            context = contextvars.copy_context()
        if self.state != _WAITING:
            self.loop.call_soon(callback, self, context=context)
        else:
            self.callback = callback
            self.context = context

    def cancel(self, msg: Any = None) -> bool:
        """Give the wait up; the task is told at the loop's next turn."""
        steps = self.steps
        if steps is not None and steps.wait is self:
            steps.cancelled = True
            return False
        if self.state != _WAITING:
            return False
        self.state = _CANCELLED
        self.message = msg
        if self.callback is not None:
            self.loop.call_soon(self.callback, self, context=self.context)
            self.callback = self.context = None
        return True

    def result(self) -> None:
        """Return None when the message is there.

        Raises CancelledError when the wait was given up, InvalidStateError while it lasts.
        """
        if self.state == _CANCELLED:
            if self.message is None:
                raise asyncio.CancelledError
            raise asyncio.CancelledError(self.message)
        if self.state == _WAITING:
            raise asyncio.InvalidStateError("the message hasn't arrived")


class Steps:
    """The steps of the task that makes a call of the app. Who starts the task sets `task`.

    Its coroutine is `first`.
    """

    def __init__(self, call: AppCall, loop: asyncio.AbstractEventLoop) -> None:
        self.first = FirstStep()
        self.first.take_call(call)
        self.loop = loop
        self.task: asyncio.Task[None] | None = None
        self.wait: Handover | None = None  # what has ended, while the step behind it is taken
        self.cancelled = False  # the task was, within that step

    def go_on(self, wait: Handover) -> bool:
        """Take the step behind a wait that has ended.

        Returns whether the step ended in the same wait; if not, the task must be called back.
        """
        callback, context = wait.callback, wait.context
        assert context is not None
        if wait.owner is None:
            wait.owner = getattr(callback, "__self__", self)
        # Not while another task is the current one: asyncio steps one at a time.
        if wait.owner is not self.task or not enter(self.loop, self.task):
            return False
        self.wait = wait
        self.cancelled = False
        # What happens to the wait within the step is no news to the task.
        wait.callback = None
        self.first.run(context)
        wait.callback = callback
        self.wait = None
        leave(self.loop)
        if wait.state == _WAITING and not self.cancelled and self.first.waits_again(wait):
            wait._asyncio_future_blocking = False
            return True
        wait.state = _ARRIVED
        return False

    def again(self) -> Handover | None:
        """Begin the wait anew that has just ended; None if it isn't its task that asks."""
        wait = self.wait
        if wait is None:
            return None
        if current(self.loop) is not self.task:
            return None
        wait.state = _WAITING
        return wait
