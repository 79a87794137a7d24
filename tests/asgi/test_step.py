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
    """An object as a task is: with attributes and weak references."""

    def name(self) -> str:
        return "noticed"

    @property
    def number(self) -> int:
        return 3


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

    def test_read(self, step: ModuleType) -> None:
        assert step.read(Noticed.__dict__["number"], Noticed()) == 3

    def test_an_error_goes_through(self, step: ModuleType) -> None:
        with pytest.raises(LookupError):
            step.step(fails())
        context = contextvars.Context()
        for _ in range(2):
            with pytest.raises(LookupError):
                step.step_in(context, fails())

    def test_the_context(self, step: ModuleType) -> None:
        async def app() -> None:
            VARIABLE.set("mine")

        context = contextvars.Context()
        assert step.step_in(context, app()) is step.END
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

    def test_is_bare(self, step: ModuleType) -> None:
        loop = asyncio.new_event_loop()
        future: Any = loop.create_future()
        loop.close()
        assert step.is_bare(future)
        kept = weakref.ref(future)
        assert not step.is_bare(future)
        del kept
        assert step.is_bare(future)
        future.mine = 1
        assert not step.is_bare(future)
