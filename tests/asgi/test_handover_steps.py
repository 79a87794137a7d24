"""A task that waits for one thing after the other, stepped by who brings it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.asgi.task_rig import CallOf, call, turn
from tricorn.asgi.handover import Handover, Steps
from tricorn.asgi.task import TaskStarter

VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="its tasks are stepped by the loop alone"
)


@pytest.fixture
def loop(every_loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return every_loop


class Mailbox:
    """A task that receives mail, as a session's does."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        starter: TaskStarter,
        run: Callable[[Mailbox], Awaitable[Any]],
    ) -> None:
        self.loop = loop
        self.mail: list[Any] = []
        self.seen: list[Any] = []
        self.waiter: Handover | None = None
        self.waits: list[Handover] = []
        self.steps = Steps(CallOf(self.run(run)), loop)
        self.task: asyncio.Task[None] = call(loop, lambda: starter.start(self.steps.first))
        self.steps.task = self.task

    async def run(self, run: Callable[[Mailbox], Awaitable[Any]]) -> None:
        await run(self)

    async def receive(self) -> Any:
        while not self.mail:
            waiter = self.steps.again()
            if waiter is None:
                waiter = Handover(self.loop)
                waiter.steps = self.steps
            self.waiter = waiter
            self.waits.append(waiter)
            await waiter
        return self.mail.pop(0)

    def bring(self, mail: Any) -> int:
        """Bring it, from no task; return how much was seen before the loop turned."""

        def arrive() -> int:
            self.mail.append(mail)
            if self.waiter is not None:
                self.waiter.arrive()
            return len(self.seen)

        return call(self.loop, arrive)

    def turns(self) -> None:
        for _ in range(6):
            turn(self.loop)

    def end(self) -> BaseException | None:
        """Wait until the task is done; return what it failed with."""
        for _ in range(1000):
            if self.task.done():
                break
            turn(self.loop)
        assert self.task.done()
        return None if self.task.cancelled() else self.task.exception()


Make = Callable[[Callable[[Mailbox], Awaitable[Any]]], Mailbox]


@pytest.fixture
def make(loop: asyncio.AbstractEventLoop, starter: TaskStarter) -> Make:
    return lambda run: Mailbox(loop, starter, run)


async def reading(box: Mailbox) -> None:
    while (mail := await box.receive()) is not None:
        VARIABLE.set(VARIABLE.get() + 1)
        box.seen.append((mail, VARIABLE.get(), asyncio.current_task() is box.task))


class TestTheSameWait:
    def test_serves_each_time_and_the_task_is_the_current_one(self, make: Make) -> None:
        box = make(reading)
        assert [box.bring(mail) for mail in "abc"] == [1, 2, 3]
        assert box.seen == [("a", 1, True), ("b", 2, True), ("c", 3, True)]
        assert len({id(wait) for wait in box.waits}) == 1
        assert len(box.waits) == 4
        assert VARIABLE.get() == 0
        assert not box.task.done()
        box.bring(None)
        assert box.end() is None

    def test_no_task_is_the_current_one_behind_it(
        self, make: Make, loop: asyncio.AbstractEventLoop
    ) -> None:
        box = make(reading)
        box.bring("a")
        assert call(loop, lambda: asyncio.current_task(loop)) is None
        box.bring(None)
        assert box.end() is None

    def test_within_another_task_it_runs_in_its_turn(
        self, make: Make, loop: asyncio.AbstractEventLoop
    ) -> None:
        box = make(reading)
        box.bring("a")

        async def other() -> None:
            box.mail.append("b")
            assert box.waiter is not None
            box.waiter.arrive()
            assert len(box.seen) == 1

        loop.run_until_complete(other())
        box.turns()
        assert [note[0] for note in box.seen] == ["a", "b"]
        assert box.bring("c") == 3
        box.bring(None)
        assert box.end() is None


class TestAnotherEnd:
    """The step doesn't end in the same wait."""

    @pytest.mark.parametrize("before", [0, 1, 2])
    def test_another_wait(self, make: Make, before: int) -> None:
        async def run(box: Mailbox) -> None:
            for _ in range(before):
                box.seen.append(await box.receive())
            await box.receive()
            await asyncio.sleep(0)
            box.seen.append("slept")
            while (mail := await box.receive()) is not None:
                box.seen.append(mail)

        box = make(run)
        for number in range(before):
            box.bring(number)
        assert box.bring("on") == before
        box.turns()
        assert box.seen[before:] == ["slept"]
        assert [box.bring(mail) for mail in "ab"] == [before + 2, before + 3]
        box.bring(None)
        assert box.end() is None

    @pytest.mark.parametrize("before", [0, 1, 2])
    def test_an_error(self, make: Make, before: int) -> None:
        async def run(box: Mailbox) -> None:
            for _ in range(before + 1):
                box.seen.append(await box.receive())
            raise ValueError("the app's")

        box = make(run)
        for number in range(before + 1):
            box.bring(number)
        assert box.task.done()
        assert isinstance(box.end(), ValueError)

    def test_an_exit(self, make: Make) -> None:
        async def run(box: Mailbox) -> None:
            await box.receive()
            await box.receive()
            raise SystemExit(3)

        box = make(run)
        box.bring("a")
        with pytest.raises(SystemExit):
            box.bring("b")
        assert isinstance(box.end(), SystemExit)

    def test_a_wait_in_a_task_of_its_own(self, make: Make) -> None:
        async def run(box: Mailbox) -> None:
            box.seen.append(await box.receive())
            box.seen.append(await asyncio.wait_for(asyncio.create_task(box.receive()), 60))
            box.seen.append(await box.receive())

        box = make(run)
        for mail in "abc":
            box.bring(mail)
            box.turns()
        assert box.end() is None
        assert box.seen == ["a", "b", "c"]

    def test_a_wait_begun_by_hand_and_left(
        self, make: Make, loop: asyncio.AbstractEventLoop
    ) -> None:
        other: asyncio.Future[str] = loop.create_future()

        async def run(box: Mailbox) -> None:
            await box.receive()
            begun = box.receive()
            begun.send(None)
            begun.close()
            box.seen.append(await other)

        box = make(run)
        box.bring("a")
        # Nobody waits for this any more.
        box.bring("b")
        box.turns()
        assert box.seen == []
        other.set_result("other")
        assert box.end() is None
        assert box.seen == ["other"]

    def test_what_arrives_within_the_step_isnt_lost(self, make: Make) -> None:
        async def run(box: Mailbox) -> None:
            await box.receive()
            begun = box.receive()
            wait = begun.send(None)
            box.mail.append("b")
            wait.arrive()
            begun.close()
            box.seen.append(await box.receive())
            box.seen.append(await box.receive())

        box = make(run)
        box.bring("a")
        box.turns()
        assert box.seen == ["b"]
        box.bring("c")
        assert box.end() is None
        assert box.seen == ["b", "c"]


class TestCancelling:
    def test_between_two_steps(self, make: Make) -> None:
        box = make(reading)
        box.bring("a")
        box.task.cancel("why")
        assert box.end() is None
        assert box.task.cancelled()

    def test_caught_and_waited_again(self, make: Make) -> None:
        async def run(box: Mailbox) -> None:
            box.seen.append(await box.receive())
            try:
                await box.receive()
            except asyncio.CancelledError as error:
                box.seen.append(error.args)
            await reading(box)

        box = make(run)
        box.bring("a")
        box.task.cancel("why")
        box.turns()
        assert box.seen == ["a", ("why",)]
        assert [box.bring(mail) for mail in "bc"] == [3, 4]
        box.bring(None)
        assert box.end() is None

    @pytest.mark.parametrize("waits", [True, False])
    def test_by_itself_within_the_step(self, make: Make, waits: bool) -> None:
        async def run(box: Mailbox) -> None:
            await box.receive()
            box.task.cancel("own")
            try:
                await (box.receive() if waits else asyncio.sleep(60))
            except asyncio.CancelledError as error:
                box.seen.append(error.args)
            await reading(box)

        box = make(run)
        box.bring("a")
        box.turns()
        assert box.seen == [("own",)]
        assert [box.bring(mail) for mail in "bc"] == [2, 3]
        box.bring(None)
        assert box.end() is None

    def test_taken_back_within_the_step(self, make: Make) -> None:
        async def run(box: Mailbox) -> None:
            box.seen.append(await box.receive())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await asyncio.sleep(60)
            await reading(box)

        box = make(run)
        box.bring("a")
        for _ in range(1000):
            if len(box.waits) == 2:
                break
            turn(box.loop)
        assert [box.bring(mail) for mail in "bc"] == [2, 3]
        box.bring(None)
        assert box.end() is None

    def test_a_timeout_of_the_wait(self, make: Make) -> None:
        async def run(box: Mailbox) -> None:
            box.seen.append(await box.receive())
            try:
                async with asyncio.timeout(0.001):
                    await box.receive()
            except TimeoutError:
                box.seen.append("timeout")

        box = make(run)
        box.bring("a")
        box.loop.run_until_complete(asyncio.wait([box.task], timeout=30))
        assert box.seen == ["a", "timeout"]
        assert box.end() is None


def test_nothing_is_left_for_the_garbage_collector(make: Make) -> None:
    gc.collect()
    gc.disable()
    try:
        box = make(reading)
        box.bring("a")
        box.bring(None)
        assert box.end() is None
        gone = weakref.ref(box.task)
        box.waits.clear()
        del box
        assert gone() is None
    finally:
        gc.enable()
