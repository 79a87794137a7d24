"""A wait whose end runs the waiting task at once, with asyncio's own tasks."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tricorn.asgi.handover import Handover
from tricorn.asgi.task import TaskStarter

VARIABLE = contextvars.ContextVar("VARIABLE", default="outside")


class Waiting:
    """A task that waits for one handover, and what it wrote down."""

    def __init__(self, loop: asyncio.AbstractEventLoop, eager: bool = False) -> None:
        self.loop = loop
        self.handover = Handover(loop)
        self.notes: list[Any] = []
        self.task: asyncio.Task[None] | None = None
        if eager:
            starter = TaskStarter(loop)
            self.call(lambda: setattr(self, "task", starter.start(self.run())))
            starter.close()
        else:
            self.task = loop.create_task(self.run())
            self.turn()

    async def run(self) -> None:
        VARIABLE.set("inside")
        try:
            await self.handover
        except BaseException as error:
            self.notes.append(error)
            raise
        self.notes.append((VARIABLE.get(), asyncio.current_task()))

    def call(self, function: Callable[[], Any]) -> None:
        """Call it as the loop calls what reads a socket: no task is running."""
        self.loop.call_soon(function)
        self.turn()

    def turn(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))

    def turns(self) -> None:
        for _ in range(4):
            self.turn()


def both(test: Any) -> Any:
    """Tasks as the loop starts them, and as the server does."""
    return pytest.mark.parametrize("eager", [False, True], ids=["task", "eager"])(test)


class TestArriving:
    @both
    def test_the_task_runs_before_arrive_returns(
        self, loop: asyncio.AbstractEventLoop, eager: bool
    ) -> None:
        waiting = Waiting(loop, eager)
        seen: list[int] = []

        def arrive() -> None:
            waiting.handover.arrive()
            seen.append(len(waiting.notes))

        waiting.call(arrive)
        assert seen == [1]
        # In its own context, and as a task that asyncio knows is running.
        assert waiting.notes == [("inside", waiting.task)]
        assert VARIABLE.get() == "outside"
        assert waiting.task is not None
        assert waiting.task.done()

    @both
    def test_within_another_task_it_runs_in_its_turn(
        self, loop: asyncio.AbstractEventLoop, eager: bool
    ) -> None:
        waiting = Waiting(loop, eager)

        async def other() -> int:
            waiting.handover.arrive()
            assert asyncio.current_task() is not waiting.task
            return len(waiting.notes)

        assert loop.run_until_complete(other()) == 0
        waiting.turns()
        assert waiting.notes == [("inside", waiting.task)]

    def test_before_the_wait(self, loop: asyncio.AbstractEventLoop) -> None:
        async def wait() -> str:
            handover = Handover(loop)
            handover.arrive()
            await handover
            return "on"

        assert loop.run_until_complete(wait()) == "on"

    def test_twice_is_once(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting = Waiting(loop)
        waiting.call(waiting.handover.arrive)
        waiting.call(waiting.handover.arrive)
        assert len(waiting.notes) == 1

    def test_an_app_that_exits_is_heard(self, loop: asyncio.AbstractEventLoop) -> None:
        handover = Handover(loop)

        async def leave() -> None:
            await handover
            raise SystemExit(3)

        task = loop.create_task(leave())
        loop.run_until_complete(asyncio.sleep(0))
        with pytest.raises(SystemExit):
            handover.arrive()
        assert task.done()
        with pytest.raises(SystemExit):
            task.result()

    def test_the_error_of_the_task_stays_its_own(self, loop: asyncio.AbstractEventLoop) -> None:
        handover = Handover(loop)
        calls: list[int] = []

        async def fail() -> None:
            await handover
            calls.append(1)
            raise RuntimeError("the app's")

        task = loop.create_task(fail())
        loop.run_until_complete(asyncio.sleep(0))
        handover.arrive()
        with pytest.raises(RuntimeError, match="the app's"):
            loop.run_until_complete(task)
        assert calls == [1]


class TestCancelling:
    @both
    def test_the_task_is_told_in_its_turn(
        self, loop: asyncio.AbstractEventLoop, eager: bool
    ) -> None:
        waiting = Waiting(loop, eager)
        assert waiting.task is not None
        waiting.task.cancel("why")
        assert waiting.notes == []
        waiting.turns()
        (error,) = waiting.notes
        assert isinstance(error, asyncio.CancelledError)
        assert error.args == ("why",)
        assert waiting.task.cancelled()

    def test_what_arrives_then_wakes_nobody(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting = Waiting(loop)
        assert waiting.task is not None
        waiting.task.cancel()
        waiting.handover.arrive()
        waiting.turns()
        assert [type(note) for note in waiting.notes] == [asyncio.CancelledError]

    def test_behind_an_arrival_in_another_task(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting = Waiting(loop)

        async def other() -> None:
            assert waiting.task is not None
            waiting.handover.arrive()
            waiting.task.cancel()

        loop.run_until_complete(other())
        waiting.turns()
        assert waiting.task is not None
        assert waiting.task.cancelled()

    def test_a_timeout(self, loop: asyncio.AbstractEventLoop) -> None:
        async def wait() -> None:
            async with asyncio.timeout(0.001):
                await Handover(loop)

        with pytest.raises(TimeoutError):
            loop.run_until_complete(wait())


class TestAsAFuture:
    def test_result_before_the_end(self, loop: asyncio.AbstractEventLoop) -> None:
        with pytest.raises(asyncio.InvalidStateError):
            Handover(loop).result()

    def test_knows_its_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        assert Handover(loop).get_loop() is loop

    def test_a_callback_behind_the_end_is_called(self, loop: asyncio.AbstractEventLoop) -> None:
        handover = Handover(loop)
        handover.arrive()
        seen: list[Any] = []
        handover.add_done_callback(seen.append)
        loop.run_until_complete(asyncio.sleep(0))
        assert seen == [handover]

    def test_an_end_behind_the_end_is_none(self, loop: asyncio.AbstractEventLoop) -> None:
        handover = Handover(loop)
        handover.arrive()
        assert handover.cancel() is False
        handover.result()

    @pytest.mark.parametrize(
        "wrap",
        [
            lambda wait: asyncio.wait_for(wait(), 30),
            lambda wait: asyncio.shield(wait()),
            lambda wait: asyncio.gather(wait()),
            lambda wait: asyncio.create_task(wait()),
        ],
        ids=["wait_for", "shield", "gather", "create_task"],
    )
    def test_within_what_asyncio_wraps_waits_in(
        self, loop: asyncio.AbstractEventLoop, wrap: Callable[[Any], Awaitable[Any]]
    ) -> None:
        handover = Handover(loop)

        async def wait() -> str:
            await handover
            return "on"

        async def run() -> Any:
            loop.call_later(0.001, handover.arrive)
            return await wrap(wait)

        assert loop.run_until_complete(run()) in ("on", ["on"])

    def test_in_debug_mode(self) -> None:
        with asyncio.Runner(debug=True) as runner:
            waiting = Waiting(runner.get_loop())
            waiting.call(waiting.handover.arrive)
            assert len(waiting.notes) == 1

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="new in Python 3.12")
    def test_with_eager_tasks_of_the_app(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]
        waiting = Waiting(loop)
        waiting.call(waiting.handover.arrive)
        assert waiting.notes == [("inside", waiting.task)]


@both
def test_nothing_is_left_for_the_garbage_collector(
    loop: asyncio.AbstractEventLoop, eager: bool
) -> None:
    gc.collect()
    gc.disable()
    try:
        waiting = Waiting(loop, eager)
        waiting.call(waiting.handover.arrive)
        waiting.notes.clear()
        gone = weakref.ref(waiting.task)  # type: ignore[arg-type]
        waiting.task = None
        waiting.turns()
        assert gone() is None
    finally:
        gc.enable()
