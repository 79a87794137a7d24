"""Tasks whose first step runs at once, on each loop and each Python."""

import asyncio
import contextvars
import gc
import sys
import weakref
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.asgi.task_rig import call, turn
from tricorn.asgi.task import TaskStarter

EAGER = sys.implementation.name == "cpython"
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture
def loop(every_loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return every_loop


async def nothing() -> None:
    pass


async def waits() -> None:
    await asyncio.sleep(60)


def end(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    task.cancel()
    while not task.done():
        turn(loop)


class TestStarting:
    def test_the_first_step_runs_at_once(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        seen = []

        async def run() -> None:
            seen.append("run")

        def start() -> asyncio.Task[None]:
            task = starter.start(run())
            assert seen == (["run"] if EAGER else [])
            assert task.done() is EAGER
            return task

        task = call(loop, start)
        turn(loop)
        assert seen == ["run"]
        assert task.done()
        assert task.result() is None

    def test_it_is_a_task_and_the_current_one(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        seen: list[Any] = []

        async def run() -> None:
            seen.append(asyncio.current_task())
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            seen.append(asyncio.current_task())

        task = call(loop, lambda: starter.start(run()))
        turn(loop, 2)
        assert type(task) is asyncio.Task
        assert seen == [task, task]
        assert call(loop, asyncio.current_task) is None

    def test_all_tasks_has_it_while_it_waits(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        task = call(loop, lambda: starter.start(waits()))
        assert asyncio.all_tasks(loop) == {task}
        end(loop, task)
        assert asyncio.all_tasks(loop) == set()

    def test_other_tasks_are_registered_as_ever(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        async def run() -> None:
            inner = asyncio.ensure_future(asyncio.sleep(0))
            assert inner in asyncio.all_tasks()
            assert not inner.done()
            await inner

        task = call(loop, lambda: starter.start(run()))
        turn(loop, 4)
        assert task.result() is None
        other = loop.create_task(waits())
        assert asyncio.all_tasks(loop) == {other}
        end(loop, other)

    def test_it_goes_on_where_it_waited(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        future = loop.create_future()

        async def run() -> None:
            assert await future == 5

        task = call(loop, lambda: starter.start(run()))
        assert not task.done()
        future.set_result(5)
        turn(loop, 2)
        assert task.result() is None

    def test_starting_from_within_a_first_step(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        """One connection's app can make another's request ready in its own step."""
        started: list[asyncio.Task[None]] = []
        order: list[str] = []

        async def inner() -> None:
            assert asyncio.current_task() is not outer_task[0]
            order.append("inner")

        outer_task: list[Any] = []

        async def outer() -> None:
            outer_task.append(asyncio.current_task())
            started.append(starter.start(inner()))
            assert asyncio.current_task() is outer_task[0]
            order.append("outer")

        task = call(loop, lambda: starter.start(outer()))
        turn(loop, 2)
        assert sorted(order) == ["inner", "outer"]
        assert task.done()
        assert started[0].done()
        assert asyncio.all_tasks(loop) == set()

    def test_starting_from_within_another_task(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        seen = []

        async def run() -> None:
            seen.append(asyncio.current_task())
            await asyncio.sleep(0)
            seen.append(asyncio.current_task())

        async def outer() -> None:
            me = asyncio.current_task()
            task = starter.start(run())
            assert asyncio.current_task() is me
            await task
            assert seen == [task, task]

        loop.run_until_complete(outer())

    def test_many(self, loop: asyncio.AbstractEventLoop, starter: TaskStarter) -> None:
        done = []

        async def run(number: int) -> None:
            if number % 2:
                await asyncio.sleep(0)
            done.append(number)

        call(loop, lambda: [starter.start(run(number)) for number in range(1000)])
        turn(loop, 2)
        assert sorted(done) == list(range(1000))
        assert asyncio.all_tasks(loop) == set()

    def test_a_finished_task_is_not_kept(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        gone = call(loop, lambda: weakref.ref(starter.start(nothing())))
        turn(loop, 2)
        gc.collect()
        assert gone() is None


class TestEnds:
    def test_an_exception(self, loop: asyncio.AbstractEventLoop, starter: TaskStarter) -> None:
        async def run() -> None:
            raise LookupError("mine")

        task = call(loop, lambda: starter.start(run()))
        turn(loop)
        assert isinstance(task.exception(), LookupError)

    def test_cancelling_itself_in_the_first_step(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        async def run() -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(60)

        task = call(loop, lambda: starter.start(run()))
        turn(loop, 2)
        assert task.cancelled()

    def test_raising_a_cancellation_in_the_first_step(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        async def run() -> None:
            raise asyncio.CancelledError

        task = call(loop, lambda: starter.start(run()))
        turn(loop)
        assert task.cancelled()

    def test_being_cancelled(self, loop: asyncio.AbstractEventLoop, starter: TaskStarter) -> None:
        seen = []

        async def run() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError as error:
                seen.append(error.args)
                raise

        task = call(loop, lambda: starter.start(run()))
        task.cancel("stop")
        turn(loop, 2)
        assert task.cancelled()
        assert seen == [("stop",)]

    @pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
    def test_leaving_the_program(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter, error: BaseException
    ) -> None:
        loop.set_exception_handler(None)  # nobody is left to ask for the task's result

        async def run() -> None:
            raise error

        with pytest.raises(type(error)):
            call(loop, lambda: starter.start(run()))
            turn(loop)
        # And the loop is as it was.
        assert call(loop, asyncio.current_task) is None
        assert call(loop, lambda: starter.start(nothing())) is not None
        turn(loop)

    def test_a_task_that_fails_unseen_is_told(self, starter: TaskStarter) -> None:
        loop = starter.loop
        told: list[Any] = []
        loop.set_exception_handler(lambda _, context: told.append(context["message"]))

        async def run() -> None:
            await asyncio.sleep(0)
            raise LookupError

        call(loop, lambda: starter.start(run()) and None)
        turn(loop, 3)
        gc.collect()
        assert told == ["Task exception was never retrieved"]


class TestContext:
    def test_each_has_a_copy(self, loop: asyncio.AbstractEventLoop, starter: TaskStarter) -> None:
        seen = []

        async def run(value: str) -> None:
            seen.append(VARIABLE.get())
            VARIABLE.set(value)
            await asyncio.sleep(0)
            seen.append(VARIABLE.get())

        def start() -> None:
            VARIABLE.set("from outside")
            starter.start(run("one"))
            starter.start(run("two"))
            assert VARIABLE.get() == "from outside"

        contextvars.copy_context().run(call, loop, start)
        turn(loop, 2)
        assert sorted(seen) == ["from outside", "from outside", "one", "two"]
        assert VARIABLE.get() == "unset"

    def test_fresh(self, loop: asyncio.AbstractEventLoop) -> None:
        starter = TaskStarter(loop, fresh_context=True)
        seen = []

        async def run() -> None:
            seen.append(VARIABLE.get())
            await asyncio.sleep(0)
            seen.append(VARIABLE.get())

        def start() -> None:
            VARIABLE.set("from outside")
            starter.start(run())

        contextvars.copy_context().run(call, loop, start)
        turn(loop, 2)
        starter.close()
        assert seen == ["unset", "unset"]


class Troublemaker:
    """What the garbage collector may run at any allocation."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seen: list[str]) -> None:
        self.loop = loop
        self.seen = seen
        self.me = self

    def __del__(self) -> None:
        self.loop.call_soon(self.seen.append, "from __del__")
        self.loop.call_soon(self.without_arguments)
        self.loop.create_task(self.task())

    def without_arguments(self) -> None:
        self.seen.append("without arguments")

    async def task(self) -> None:
        self.seen.append("task")


class TestSurroundings:
    def test_garbage_collected_while_the_task_is_made(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        """Callbacks queued by finalizers neither get lost nor run in the task's place."""
        seen: list[str] = []
        ran = []

        async def run() -> None:
            ran.append(asyncio.current_task())

        def start() -> list[asyncio.Task[None]]:
            threshold = gc.get_threshold()
            tasks = []
            for first in range(1, 30):
                Troublemaker(loop, seen)
                gc.set_threshold(first)
                try:
                    tasks.append(starter.start(run()))
                finally:
                    gc.set_threshold(*threshold)
                gc.collect()
            return tasks

        tasks = call(loop, start)
        turn(loop, 3)
        assert ran == tasks
        assert sorted(seen) == sorted(["from __del__", "without arguments", "task"] * 29)
        assert asyncio.all_tasks(loop) == set()

    @pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio does it itself from 3.12 on")
    def test_callbacks_queued_while_the_task_is_made(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        """The same, at the very place: `call_soon` is what the Task's constructor calls."""
        seen: list[Any] = []
        others: list[asyncio.Task[None]] = []
        note, skip = starter.note, starter.skip

        def in_between() -> None:
            handle = loop.call_soon(seen.append, "with arguments")
            assert not handle.cancelled()
            VARIABLE.set("in between")
            loop.call_soon(without_arguments)
            others.append(loop.create_task(run("other")))

        def without_arguments() -> None:
            seen.append(VARIABLE.get())

        async def run(name: str) -> None:
            seen.append((name, VARIABLE.get()))

        def interrupted_before(*args: Any, **options: Any) -> Any:
            starter.loop_names["call_soon"] = note
            contextvars.copy_context().run(in_between)
            return note(*args, **options)

        def interrupted_behind(task: Any) -> None:
            starter.registry_names["add"] = skip
            contextvars.copy_context().run(in_between)
            skip(task)

        starter.note, starter.skip = interrupted_before, interrupted_behind

        def start() -> None:
            task = starter.start(run("ours"))
            assert task.done()
            assert seen == [("ours", "unset")]
            assert set(others) == asyncio.all_tasks()

        call(loop, start)
        starter.note, starter.skip = note, skip
        turn(loop, 2)
        assert seen[1:] == ["with arguments", "in between", ("other", "in between")] * 2

    def test_debug_mode(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.set_debug(True)
        starter = TaskStarter(loop)
        task = call(loop, lambda: starter.start(nothing()))
        turn(loop)
        assert task.done()
        starter.close()

    def test_a_task_factory_of_the_users(self, loop: asyncio.AbstractEventLoop) -> None:
        class OwnTask(asyncio.Task[Any]):
            pass

        def factory(loop: Any, coro: Coroutine[Any, Any, Any], **options: Any) -> Any:
            return OwnTask(coro, loop=loop, **options)

        loop.set_task_factory(factory)
        starter = TaskStarter(loop)
        task = call(loop, lambda: starter.start(nothing()))
        turn(loop)
        assert type(task) is OwnTask
        assert task.done()
        starter.close()

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="new in Python 3.12")
    def test_asyncios_own_eager_factory(self) -> None:
        loop = asyncio.SelectorEventLoop()  # uvloop calls it with options it doesn't know
        loop.set_task_factory(asyncio.eager_task_factory)
        starter = TaskStarter(loop)
        task = call(loop, lambda: starter.start(nothing()))
        turn(loop)
        assert task.done()
        starter.close()
        loop.close()

    def test_closing_leaves_the_loop_as_it_was(self, loop: asyncio.AbstractEventLoop) -> None:
        registry = getattr(asyncio.tasks, "_all_tasks", None)  # gone in 3.12

        def names() -> list[set[str]]:
            return [set(getattr(patched, "__dict__", ())) for patched in (loop, registry)]

        before = names()
        starter = TaskStarter(loop)
        call(loop, lambda: starter.start(nothing()))
        starter.close()
        starter.close()  # twice does no harm
        assert names() == before
        # It can still start: a drain lasts longer than its service.
        task = call(loop, lambda: starter.start(nothing()))
        turn(loop)
        assert task.done()

    def test_two_on_one_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        one, two = TaskStarter(loop), TaskStarter(loop)
        call(loop, lambda: (one.start(nothing()), two.start(nothing())))
        one.close()
        task = call(loop, lambda: two.start(waits()))
        assert asyncio.all_tasks(loop) == {task}
        end(loop, task)
        two.close()
        other = loop.create_task(waits())
        assert asyncio.all_tasks(loop) == {other}
        end(loop, other)

    def test_a_task_that_never_starts_is_no_leak(
        self, loop: asyncio.AbstractEventLoop, starter: TaskStarter
    ) -> None:
        class NoCoroutine:
            pass

        with pytest.raises(TypeError):
            call(loop, lambda: starter.start(NoCoroutine()))  # type: ignore[arg-type]
        task = call(loop, lambda: starter.start(nothing()))
        turn(loop)
        assert task.done()
        assert asyncio.all_tasks(loop) == set()
