"""A wait for a message whose arrival runs the waiting task at once.

An asyncio future tells its task at the loop's next turn. Here who brings the message runs
the task's next step itself, in the task's own context: what the app answers then leaves
with the other answers of the same batch of events, and the loop needn't turn for it.

For the task it is a future: it has what asyncio's tasks ask of anything that has
`_asyncio_future_blocking`. Cancelling it tells the task at the next turn, as ever.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Final

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

    def arrive(self) -> None:
        """End the wait, and run who waits."""
        if self.state != _WAITING:
            return
        self.state = _ARRIVED
        callback = self.callback
        if callback is None:
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
