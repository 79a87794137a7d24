"""The coroutine of one message, the leaf: one test class for both versions."""

import asyncio
import gc
import inspect
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from tests.asgi.ways import WAYS
from tests.support.speeds import versions
from tricorn.asgi import receiving as imported
from tricorn.asgi.handover import Handover

VERSIONS = versions(imported)


def receiver_of(module: ModuleType, *messages: Any) -> Any:
    """A call of an app with messages; those that are errors are raised."""

    class Receiver(module.Receiver):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.messages = list(messages)
            self.waits: list[Handover] = []

        def take_message(self) -> Any:
            message = self.messages.pop(0) if self.messages else None
            if isinstance(message, Exception):
                raise message
            return message

        def wait_for_message(self) -> Handover:
            self.waits.append(Handover(asyncio.get_running_loop()))
            return self.waits[-1]

        def bring(self, *brought: Any) -> None:
            self.messages.extend(brought)
            self.waits[-1].arrive()

    return Receiver()


def ended(coroutine: Any) -> Any:
    """What it returns at its next step, which must be the last."""
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    return caught.value.value


@pytest.fixture(params=VERSIONS.values(), ids=VERSIONS)
def module(request: pytest.FixtureRequest) -> ModuleType:
    version: ModuleType = request.param
    return version


class TestByHand:
    @pytest.mark.parametrize("message", [{"a": 1}, {}, ("a", "pair"), StopIteration])
    def test_a_message_that_is_there(self, module: ModuleType, message: Any) -> None:
        assert ended(module.receiving(receiver_of(module, message))) is message

    def test_an_error(self, module: ModuleType) -> None:
        coroutine = module.receiving(receiver_of(module, LookupError("mine"), "b"))
        with pytest.raises(LookupError, match="mine"):
            coroutine.send(None)
        with pytest.raises(RuntimeError, match="cannot reuse"):
            coroutine.send(None)

    def test_one_that_has_returned(self, module: ModuleType) -> None:
        coroutine = module.receiving(receiver_of(module, "a", "b"))
        ended(coroutine)
        with pytest.raises(RuntimeError, match="cannot reuse"):
            coroutine.send(None)

    def test_its_steps(self, module: ModuleType, run: Callable[..., Any]) -> None:
        async def steps() -> None:
            receiver = receiver_of(module)
            coroutine = module.receiving(receiver)
            wait = coroutine.send(None)
            assert wait is receiver.waits[0]
            wait._asyncio_future_blocking = False
            # Asked before the time.
            assert coroutine.send(None) is wait
            assert wait._asyncio_future_blocking
            # Another was quicker.
            wait.arrive()
            again = coroutine.send(None)
            assert again is receiver.waits[1] and again is not wait
            receiver.bring("a")
            assert ended(coroutine) == "a"

        run(steps)

    @pytest.mark.parametrize("begun", [False, True])
    def test_what_is_thrown_in(
        self, module: ModuleType, run: Callable[..., Any], begun: bool
    ) -> None:
        async def throws() -> None:
            receiver = receiver_of(module)
            coroutine = module.receiving(receiver)
            if begun:
                coroutine.send(None)
            with pytest.raises(LookupError, match="mine"):
                coroutine.throw(LookupError("mine"))
            with pytest.raises(RuntimeError, match="cannot reuse"):
                coroutine.send(None)

        run(throws)

    def test_closed(self, module: ModuleType, run: Callable[..., Any]) -> None:
        async def closes() -> None:
            receiver = receiver_of(module)
            coroutine = module.receiving(receiver)
            coroutine.send(None)
            coroutine.close()
            coroutine.close()
            receiver.bring("a")
            with pytest.raises(RuntimeError, match="cannot reuse"):
                coroutine.send(None)
            assert receiver.messages == ["a"]

        run(closes)

    def test_what_it_waits_for_shows(self, module: ModuleType, run: Callable[..., Any]) -> None:
        async def looks() -> None:
            receiver = receiver_of(module)
            coroutine = module.receiving(receiver)
            assert inspect.getcoroutinestate(coroutine) != inspect.CORO_RUNNING
            wait = coroutine.send(None)
            assert coroutine.cr_await is wait
            assert not coroutine.cr_running
            coroutine.close()

        run(looks)

    def test_it_holds_nobody(self, module: ModuleType) -> None:
        receiver = receiver_of(module, "a")
        coroutine = module.receiving(receiver)
        ended(coroutine)
        gone = weakref.ref(receiver)
        del receiver
        gc.collect()
        assert gone() is None


class TestInTasks:
    @pytest.mark.parametrize("way", WAYS)
    @pytest.mark.parametrize("late", [False, True])
    def test_wherever_a_coroutine_goes(
        self, module: ModuleType, run: Callable[..., Any], way: Callable[..., Any], late: bool
    ) -> None:
        async def receives() -> Any:
            receiver = receiver_of(module, *(() if late else ("a",)))
            task = asyncio.create_task(way(module.receiving(receiver)))
            while late and not receiver.waits:
                await asyncio.sleep(0)
            if late:
                receiver.bring("a")
            return await task

        assert run(receives) == "a"

    def test_it_is_one(self, module: ModuleType) -> None:
        coroutine = module.receiving(receiver_of(module, "a"))
        assert asyncio.iscoroutine(coroutine) and inspect.isawaitable(coroutine)
        ended(coroutine)

    def test_cancelled(self, module: ModuleType, run: Callable[..., Any]) -> None:
        async def cancels() -> Any:
            receiver = receiver_of(module)
            task = asyncio.create_task(module.receiving(receiver))
            while not receiver.waits:
                await asyncio.sleep(0)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError):
                await task
            return task.cancelled(), receiver.waits[0].state

        assert run(cancels) == (True, 2)

    def test_an_error_reaches_who_awaits(self, module: ModuleType, run: Callable[..., Any]) -> None:
        async def fails() -> None:
            receiver = receiver_of(module)
            task = asyncio.create_task(module.receiving(receiver))
            while not receiver.waits:
                await asyncio.sleep(0)
            receiver.bring(LookupError("mine"))
            with pytest.raises(LookupError, match="mine"):
                await task

        run(fails)
