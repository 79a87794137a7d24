"""The loops that apps are called in."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.asgi import exchange_rig
from tests.asgi.session_rig import App, Make, SessionRig
from tests.support.loops import FACTORIES
from tricorn.asgi.task import TaskStarter


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture(params=FACTORIES)
def every_loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """Each kind. Whatever it had to complain of fails the test."""
    loop = FACTORIES[request.param]()
    loop.set_debug(False)  # whatever PYTHONASYNCIODEBUG says
    faults: list[Any] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    yield loop
    loop.close()
    gc.collect()
    assert faults == []


@pytest.fixture(params=FACTORIES)
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]:
    """Runs what makes a coroutine in each kind of loop; none runs for longer than 20 s."""

    def run(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        async def within_deadline() -> Any:
            async with asyncio.timeout(20):
                return await make()

        with asyncio.Runner(loop_factory=FACTORIES[request.param]) as runner:
            return runner.run(within_deadline())

    return run


@pytest.fixture
def starter(every_loop: asyncio.AbstractEventLoop) -> Iterator[TaskStarter]:
    starter = TaskStarter(every_loop)
    yield starter
    starter.close()


@pytest.fixture
def stream() -> exchange_rig.Recorder:
    return exchange_rig.Recorder()


@pytest.fixture
def rig(loop: asyncio.AbstractEventLoop) -> Iterator[Make]:
    """Makes a `SessionRig` and starts it, behind what `first` does with it.

    Whatever the loop had to complain of fails the test.
    """
    faults: list[Any] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    tasks: list[Any] = []

    def make(
        app: App, first: Callable[[SessionRig], object] = lambda _: None, **options: Any
    ) -> SessionRig:
        made = SessionRig(loop, app, **options)
        first(made)
        made.start()
        tasks.append(made.session.task)
        return made

    yield make
    left = [task for task in tasks if task is not None and not task.done()]
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    assert not faults, faults
