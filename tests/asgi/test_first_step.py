"""Coroutines that begin in a task which lies ready: nobody can tell, and nothing is left."""

import asyncio
import contextvars
import gc
import inspect
import sys
import weakref
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

from tests.asgi.task_rig import CallOf, call, current, run, run_call, turn
from tricorn.asgi.first_step import FirstStep
from tricorn.asgi.task import TaskStarter

KEEPS_TASKS = sys.implementation.name == "cpython" and sys.version_info < (3, 14)
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


@pytest.fixture
def loop(every_loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return every_loop


async def nothing() -> None:
    pass


class TestReturning:
    def test_none_for_what_is_done(self, starter: TaskStarter) -> None:
        if KEEPS_TASKS:
            assert run(starter, nothing()) is None

    def test_the_task_of_what_waits(self, starter: TaskStarter) -> None:
        seen = []

        future = starter.loop.create_future()

        async def waits() -> None:
            seen.append(current())
            await future
            seen.append(current())

        task = run(starter, waits())
        assert asyncio.all_tasks(starter.loop) == {task}
        future.set_result(None)
        turn(starter.loop, 3)
        assert seen == [task, task]
        assert task.done() and task.result() is None
        assert asyncio.all_tasks(starter.loop) == set()

    def test_many(self, starter: TaskStarter) -> None:
        done = []

        async def app(number: int) -> None:
            assert asyncio.get_running_loop() is starter.loop
            for _ in range(number % 4):
                await asyncio.sleep(0)
            done.append(number)

        def start() -> None:
            for number in range(1000):
                starter.run(CallOf(app(number)))

        contextvars.Context().run(call, starter.loop, start)
        turn(starter.loop, 6)
        assert sorted(done) == list(range(1000))
        assert asyncio.all_tasks(starter.loop) == set()
        assert call(starter.loop, asyncio.current_task) is None


@pytest.mark.skipif(not KEEPS_TASKS, reason="makes a task for each")
class TestLyingReady:
    def test_the_task_serves_the_next(self, starter: TaskStarter) -> None:
        seen = []

        async def app() -> None:
            seen.append(id(current()))

        for _ in range(3):
            assert run(starter, app()) is None
        assert len(set(seen)) == 1

    @pytest.mark.parametrize("waits", [False, True])
    def test_not_when_it_is_kept(self, starter: TaskStarter, waits: bool) -> None:
        kept = []

        async def app() -> None:
            kept.append(current())
            if waits:
                await asyncio.sleep(0)

        for _ in range(3):
            run(starter, app())
        turn(starter.loop, 2)
        assert len(set(kept)) == 3
        assert [task.done() and task.result() for task in kept] == [None] * 3

    def test_not_when_it_is_kept_weakly(self, starter: TaskStarter) -> None:
        kept: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        found = []

        async def app() -> None:
            found.append(kept.get(current()))
            kept[current()] = "mine"

        for _ in range(3):
            run(starter, app())
        assert found == [None] * 3
        gc.collect()
        assert len(kept) == 0

    def test_not_with_an_attribute(self, starter: TaskStarter) -> None:
        found = []

        async def app() -> None:
            task: Any = current()
            found.append(getattr(task, "mine", None))
            task.mine = "mine"

        for _ in range(3):
            run(starter, app())
        assert found == [None] * 3

    def test_not_with_a_name(self, starter: TaskStarter) -> None:
        found = []

        async def app() -> None:
            found.append(current().get_name())
            current().set_name("mine")

        for _ in range(3):
            run(starter, app())
        assert found == ["tricorn-request"] * 3

    def test_not_when_it_was_cancelled(self, starter: TaskStarter) -> None:
        found = []

        async def app() -> None:
            found.append(current().cancelling())
            current().cancel()
            current().uncancel()

        for _ in range(3):
            run(starter, app())
        assert found == [0] * 3
        waited = run(starter, asyncio.sleep(0))
        turn(starter.loop, 2)
        assert not waited.cancelled()

    def test_its_callbacks_are_called(self, starter: TaskStarter) -> None:
        told: list[Any] = []

        async def app() -> None:
            current().add_done_callback(lambda task: told.append(task.result()))

        for _ in range(3):
            run(starter, app())
        turn(starter.loop, 2)
        assert told == [None] * 3

    def test_no_variable_is_left(self, starter: TaskStarter) -> None:
        found = []

        async def app(value: str) -> None:
            found.append(VARIABLE.get())
            VARIABLE.set(value)
            if value == "waits":
                await asyncio.sleep(0)
                found.append(VARIABLE.get())

        for value in ("one", "two", "waits"):
            run(starter, app(value))
        turn(starter.loop, 2)
        assert found == ["unset", "unset", "unset", "waits"]

    def test_variables_of_who_runs_it(self, starter: TaskStarter) -> None:
        found = []

        async def app(value: str) -> None:
            found.append(VARIABLE.get())
            VARIABLE.set(value)
            found.append(VARIABLE.get())

        def start() -> None:
            VARIABLE.set("from outside")
            starter.run(CallOf(app("one")))
            starter.run(CallOf(app("two")))
            assert VARIABLE.get() == "from outside"

        contextvars.copy_context().run(call, starter.loop, start)
        assert found == ["from outside", "one", "from outside", "two"]
        run(starter, app("three"))
        assert found[-2:] == ["unset", "three"]

    def test_a_task_made_by_it_goes_on(self, starter: TaskStarter) -> None:
        found = []

        async def background() -> None:
            await asyncio.sleep(0)
            found.append(VARIABLE.get())

        async def app() -> None:
            VARIABLE.set("mine")
            asyncio.get_running_loop().create_task(background())

        run(starter, app())
        run(starter, nothing())
        turn(starter.loop, 3)
        assert found == ["mine"]

    def test_what_was_ready_is_dropped_in_silence(self, loop: asyncio.AbstractEventLoop) -> None:
        starter = TaskStarter(loop)
        run(starter, nothing())
        assert starter.ready is not None
        starter.close()
        assert starter.ready is None
        gc.collect()  # The fixture would see a task that was destroyed while it waited.


class TestNested:
    def test_within_a_first_step(self, starter: TaskStarter) -> None:
        tasks = []

        async def inner() -> None:
            tasks.append(current())

        async def outer() -> None:
            tasks.append(current())
            starter.run(CallOf(inner()))
            assert current() is tasks[0]

        run(starter, outer())
        turn(starter.loop, 2)
        assert len(set(tasks)) == 2

    def test_within_another_task(self, starter: TaskStarter) -> None:
        seen = []

        async def app() -> None:
            seen.append(current())
            await asyncio.sleep(0)
            seen.append(current())

        async def outer() -> None:
            me = current()
            task = starter.run(CallOf(app()))
            assert current() is me
            assert task is not None
            await task
            assert seen == [task, task]

        starter.loop.run_until_complete(outer())


class TestHowACallEnds:
    async def waiting(self, ends: Callable[[], object]) -> object:
        await asyncio.sleep(0)
        return ends()

    async def at_once(self, ends: Callable[[], object]) -> object:
        return ends()

    @pytest.mark.parametrize("name", ["waiting", "at_once"])
    @pytest.mark.parametrize("result", [None, "mine"])
    def test_what_it_returns_is_told_once(
        self, starter: TaskStarter, name: str, result: object
    ) -> None:
        made = CallOf(getattr(self, name)(lambda: result))
        task = run_call(starter, made)
        turn(starter.loop, 2)
        assert made.results == [result]
        assert task is None or (task.done() and task.result() is None)

    @pytest.mark.parametrize("name", ["waiting", "at_once"])
    @pytest.mark.parametrize("goes_on", [False, True])
    def test_what_it_raises_is_told_once(
        self, starter: TaskStarter, name: str, goes_on: bool
    ) -> None:
        class Keeps(CallOf):
            def raised(self, error: BaseException) -> bool:
                super().raised(error)
                return goes_on

        tasks = []

        def fail() -> None:
            tasks.append(current())
            raise LookupError("mine")

        made = Keeps(getattr(self, name)(fail))
        run_call(starter, made)
        turn(starter.loop, 2)
        assert made.results == [LookupError]
        [task] = tasks
        assert task.done()
        assert isinstance(task.exception(), LookupError) is goes_on

    def test_what_follows_a_cancellation(self, starter: TaskStarter) -> None:
        async def app() -> str:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
            return "tidied up"

        made = CallOf(app())
        task = run_call(starter, made)
        task.cancel()
        turn(starter.loop, 4)
        assert task.done() and not task.cancelled()
        assert made.results == ["tidied up"]

    def test_an_awaitable_that_is_no_coroutine(self, starter: TaskStarter) -> None:
        class Waits:
            def __await__(self) -> Generator[Any, None, str]:
                yield from asyncio.sleep(0).__await__()
                return "mine"

        made = CallOf(Waits())
        run_call(starter, made)
        turn(starter.loop, 2)
        assert made.results == ["mine"]

    def test_an_app_that_fails_before_it_is_awaited(self, starter: TaskStarter) -> None:
        tasks = []

        class Fails(CallOf):
            def begin(self) -> Awaitable[object]:
                tasks.append(current())
                raise LookupError("mine")

        coroutine = nothing()
        made = Fails(coroutine)
        run_call(starter, made)
        turn(starter.loop, 2)
        coroutine.close()
        assert made.results == [LookupError]
        assert isinstance(tasks[0].exception(), LookupError)


class TestCoroutine:
    def test_its_state_shows(self, starter: TaskStarter) -> None:
        if not KEEPS_TASKS:
            return
        states = []
        future = starter.loop.create_future()

        async def app() -> None:
            states.append(inspect.getcoroutinestate(current().get_coro()))  # type: ignore[arg-type]
            await future
            states.append(inspect.getcoroutinestate(current().get_coro()))  # type: ignore[arg-type]

        task = run(starter, app())
        assert isinstance(task.get_coro(), FirstStep)
        states.append(inspect.getcoroutinestate(task.get_coro()))
        assert "app" in str(task.get_coro().cr_frame)
        future.set_result(None)
        turn(starter.loop, 2)
        assert states[1:] == [inspect.CORO_SUSPENDED, inspect.CORO_RUNNING]
        assert states[0] == inspect.CORO_RUNNING
        assert inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CLOSED

    def test_it_can_be_closed(self) -> None:
        seen = []

        async def app() -> None:
            try:
                await asyncio.sleep(0)
            finally:
                seen.append("closed")

        first = FirstStep()
        first.take_call(CallOf(app()))
        first.run(contextvars.Context())
        first.close()
        assert seen == ["closed"]
