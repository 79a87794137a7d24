"""However a coroutine behaves, it does so in a task that lay ready as in any other."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.asgi.task_rig import CallOf, call, current, turn
from tricorn.asgi.task import TaskStarter


async def waits_twice(trace: list[Any]) -> None:
    for _ in range(2):
        await asyncio.sleep(0)
        trace.append("turn")


async def fails(trace: list[Any]) -> None:
    raise LookupError("mine")


async def fails_later(trace: list[Any]) -> None:
    await asyncio.sleep(0)
    raise LookupError("mine")


async def raises_a_cancellation(trace: list[Any]) -> None:
    raise asyncio.CancelledError("mine")


async def cancels_itself_and_ends(trace: list[Any]) -> None:
    current().cancel()


async def cancels_itself_and_waits(trace: list[Any]) -> None:
    future = asyncio.get_running_loop().create_future()
    current().cancel("why")
    try:
        await future
    except asyncio.CancelledError as error:
        trace.append((error.args, future.cancelled(), current().cancelling()))
        raise


async def cancels_itself_and_sleeps(trace: list[Any]) -> None:
    current().cancel()
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        trace.append("cancelled")
    await asyncio.sleep(0)
    trace.append("went on")


async def cancels_itself_and_gives_a_turn(trace: list[Any]) -> None:
    current().cancel()
    await asyncio.sleep(0)


async def times_out(trace: list[Any]) -> None:
    try:
        async with asyncio.timeout(0):
            trace.append("within")
            await asyncio.sleep(60)
    except TimeoutError:
        trace.append(("too late", current().cancelling()))


async def has_a_group(trace: list[Any]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(waits_twice(trace))
    trace.append("joined")


async def has_a_group_that_fails(trace: list[Any]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails_later(trace))
            await asyncio.sleep(60)
    except* LookupError as errors:
        trace.append(len(errors.exceptions))
    trace.append(current().cancelling())


async def awaits_itself(trace: list[Any]) -> None:
    await current()


async def yields_nonsense(trace: list[Any]) -> None:
    class Nonsense:
        def __await__(self) -> Iterator[Any]:
            yield "nonsense"

    await Nonsense()


BEHAVIOURS = [
    waits_twice,
    fails,
    fails_later,
    raises_a_cancellation,
    cancels_itself_and_ends,
    cancels_itself_and_waits,
    cancels_itself_and_sleeps,
    cancels_itself_and_gives_a_turn,
    times_out,
    has_a_group,
    has_a_group_that_fails,
    awaits_itself,
    yields_nonsense,
]


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
class TestAsAnyTask:
    """What a coroutine sees, and how its task ends, are as `loop.create_task` has them."""

    def outcome(
        self,
        loop: asyncio.AbstractEventLoop,
        start: Callable[[Coroutine[Any, Any, None]], object],
        behaviour: Callable[[list[Any]], Coroutine[Any, Any, None]],
    ) -> Any:
        trace: list[Any] = []
        tasks: list[Any] = []

        async def app() -> None:
            tasks.append(current())
            await behaviour(trace)

        contextvars.Context().run(call, loop, lambda: start(app()) and None)

        async def ended() -> Any:
            return (await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10))[0]

        turn(loop)
        result = loop.run_until_complete(ended())
        task = tasks.pop()
        return trace, type(result), str(result).partition("<")[0], task.cancelled()

    def test_it(
        self,
        starter: TaskStarter,
        behaviour: Callable[[list[Any]], Coroutine[Any, Any, None]],
    ) -> None:
        loop = starter.loop

        def start(coroutine: Coroutine[Any, Any, None]) -> object:
            return starter.run(CallOf(coroutine))

        expected = self.outcome(loop, loop.create_task, behaviour)
        assert self.outcome(loop, start, behaviour) == expected
        # And what comes next is none the worse for it.
        assert self.outcome(loop, start, waits_twice)[0] == ["turn", "turn"]
