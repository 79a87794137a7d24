"""Awaitables: one that is already finished, and a wake-up for several waiters."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, Final

# An exhausted iterator stays exhausted, so one serves every `await`.
_EXHAUSTED: Final[Iterator[Any]] = iter(())
next(_EXHAUSTED, None)


class Ready:
    """A finished awaitable without a result.

    `send()` returns it when nothing has to be waited for. Unlike a coroutine it has
    no state, so one object serves all calls, may be awaited any number of times or
    never, and works wherever a coroutine does: `await`, `create_task`, `gather`,
    `wait_for` (it has the coroutine protocol's four methods).
    """

    def __await__(self) -> Iterator[Any]:
        return _EXHAUSTED

    def __iter__(self) -> Ready:
        return self

    def __next__(self) -> None:
        raise StopIteration

    def send(self, value: object) -> None:
        """Finish at once, as a coroutine that never suspends does."""
        raise StopIteration

    def throw(self, kind: Any, value: Any = None, traceback: Any = None) -> None:
        """Raise what is thrown in: there is no code here that could catch it."""
        if value is None:
            value = kind() if isinstance(kind, type) else kind
        raise value if traceback is None else value.with_traceback(traceback)

    def close(self) -> None:
        """Do nothing: there is nothing to give up."""

    # What a coroutine shows of its state, for who looks (`inspect.getcoroutinestate`).

    @property
    def cr_running(self) -> bool:
        """It never runs."""
        return False

    @property
    def cr_suspended(self) -> bool:
        """It never waits."""
        return False

    @property
    def cr_frame(self) -> None:
        """It has ended."""


Coroutine.register(Ready)
READY: Final = Ready()


async def failed(error: BaseException) -> None:
    """Raise `error` when awaited, where the caller of an `async def` expects it."""
    try:
        raise error
    finally:
        # Else the error holds this frame, the frame the error, and both the app's
        # frames, generators and all, until the garbage collector comes by.
        del error


class WakeUp:
    """Lets any number of coroutines wait for the next `wake()`.

    Each waits on a future of its own, so cancelling one leaves the others waiting.
    """

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Wait for the next `wake()`."""
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        try:
            await future
        finally:
            if future in self.waiting:
                self.waiting.remove(future)

    def wake(self) -> None:
        """Let all who wait now go on."""
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)
