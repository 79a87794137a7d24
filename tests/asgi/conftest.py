"""The loops that apps are called in."""

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest

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


@pytest.fixture
def starter(every_loop: asyncio.AbstractEventLoop) -> Iterator[TaskStarter]:
    starter = TaskStarter(every_loop)
    yield starter
    starter.close()
