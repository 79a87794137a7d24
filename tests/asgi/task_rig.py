"""A loop's turns, one by one, and coroutines that begin as an app's do."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from tricorn.asgi.call import AppCall
from tricorn.asgi.task import TaskStarter


def call(loop: asyncio.AbstractEventLoop, function: Callable[[], Any]) -> Any:
    """Call it as the loop calls what a socket has: outside any task."""
    found: list[Any] = []
    errors: list[BaseException] = []

    def callback() -> None:
        try:
            found.append(function())
        except BaseException as error:
            errors.append(error)
        loop.stop()

    loop.call_soon(callback)
    loop.run_forever()
    if errors:
        raise errors[0]
    return found[0]


def turn(loop: asyncio.AbstractEventLoop, times: int = 1) -> None:
    for _ in range(times):
        call(loop, lambda: None)


def current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def run(starter: TaskStarter, coroutine: Coroutine[Any, Any, None]) -> Any:
    """Run it as a connection does: from a callback of the loop, without variables."""
    return run_call(starter, CallOf(coroutine))


class CallOf(AppCall):
    """A call that changes nothing of how its coroutine ends."""

    def __init__(self, coroutine: Awaitable[object]) -> None:
        self.coroutine = coroutine
        self.results: list[object] = []

    def begin(self) -> Awaitable[object]:
        return self.coroutine

    def returned(self, result: object) -> None:
        self.results.append(result)

    def raised(self, error: BaseException) -> bool:
        self.results.append(type(error))
        return True


def run_call(starter: TaskStarter, made: AppCall) -> Any:
    return contextvars.Context().run(call, starter.loop, lambda: starter.run(made))
