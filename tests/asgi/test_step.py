"""The leaf of a task's first step: one test class for both versions."""

import asyncio
import contextvars
import weakref
from types import ModuleType
from typing import Any

import pytest

from tests.support.speeds import versions
from tricorn.asgi import step as imported

VERSIONS = versions(imported)
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


async def fails() -> None:
    raise LookupError("mine")


class Noticed:
    def name(self) -> str:
        return "noticed"


def steps_of(step: ModuleType, coroutine: Any) -> Any:
    """A coroutine whose end is returned by `go_on`, as a `FirstStep` is."""

    class Steps(step.Stepper):  # type: ignore[misc, name-defined]
        def go_on(self) -> Any:
            return step.step(coroutine)

    return Steps()


def make_task(loop: asyncio.AbstractEventLoop) -> Any:
    """Make a task that hasn't begun, and of which the registry of tasks doesn't know."""

    async def app() -> None:
        pass

    task = loop.create_task(app())
    asyncio.tasks._unregister_task(task)
    return task


@pytest.mark.parametrize("step", VERSIONS.values(), ids=VERSIONS)
class TestStep:
    def test_what_is_yielded_and_the_end(self, step: ModuleType) -> None:
        async def app() -> None:
            await asyncio.sleep(0)

        coroutine = app()
        assert step.step(coroutine) is None
        assert step.step(coroutine) is step.END

    def test_what_is_returned(self, step: ModuleType) -> None:
        async def app() -> str:
            return "mine"

        returned = step.step(app())
        assert type(returned) is step.Returned and returned.value == "mine"
        assert type(step.END) is step.Returned and step.END.value is None

    def test_bind(self, step: ModuleType) -> None:
        thing = Noticed()
        bound = step.bind(Noticed.name, thing)
        assert (bound(), bound) == ("noticed", thing.name)

    def test_has_variables(self, step: ModuleType) -> None:
        empty = contextvars.Context()
        assert not empty.run(step.has_variables)
        empty.run(VARIABLE.set, "mine")
        assert empty.run(step.has_variables)

    def test_an_error_goes_through(self, step: ModuleType) -> None:
        with pytest.raises(LookupError):
            step.step(fails())
        context = contextvars.Context()
        for _ in range(2):
            with pytest.raises(LookupError):
                step.step_in(context, steps_of(step, fails()))

    def test_the_context(self, step: ModuleType) -> None:
        async def app() -> None:
            VARIABLE.set("mine")

        context = contextvars.Context()
        assert step.step_in(context, steps_of(step, app())) is step.END
        assert context[VARIABLE] == "mine"
        assert VARIABLE.get() == "unset"

    def test_references(self, step: ModuleType) -> None:
        thing = Noticed()
        before = step.references(thing)
        kept = [thing]
        after = step.references(thing)
        assert after == before + 1
        kept.clear()
        assert step.references(thing) == before

    def test_is_untouched(self, step: ModuleType) -> None:
        loop = asyncio.new_event_loop()
        task = make_task(loop)
        other = make_task(loop)
        assert step.is_untouched(task)
        kept = weakref.ref(other)
        assert not step.is_untouched(other)
        del kept
        assert step.is_untouched(other)
        other.mine = 1
        assert not step.is_untouched(other)
        loop.run_until_complete(asyncio.gather(task, other))
        loop.close()

    def test_a_callback_touches(self, step: ModuleType) -> None:
        loop = asyncio.new_event_loop()
        task = make_task(loop)
        task.add_done_callback(print)
        assert not step.is_untouched(task)
        task.remove_done_callback(print)
        assert step.is_untouched(task)
        loop.run_until_complete(task)
        loop.close()

    def test_cancelling_touches(self, step: ModuleType) -> None:
        loop = asyncio.new_event_loop()
        task = make_task(loop)
        task.cancel()
        assert not step.is_untouched(task)
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()
