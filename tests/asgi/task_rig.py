"""A loop's turns, one by one."""

import asyncio
from collections.abc import Callable
from typing import Any


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
