"""The rig for connections without sockets."""

import asyncio
import gc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.net.rig import Rig


@pytest.fixture(scope="session")
def quick_collection() -> None:
    """Leave the modules out of collections: each test makes one."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def rig(quick_collection: None) -> Iterator[Callable[..., Rig]]:
    """Makes a `Rig` for an app. Whatever the loop had to complain of fails the test."""
    loop = asyncio.new_event_loop()
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    rigs: list[Rig] = []

    def make(app: Any, **options: Any) -> Rig:
        made = Rig(loop, app, **options)
        rigs.append(made)
        return made

    try:
        yield make
        for made in rigs:
            for transport in made.transports:
                made.call(transport.abort)
            for task in list(made.service.tasks):
                task.cancel()
            made.turn()
            made.service.stop()
            assert not made.service.connections
            assert not made.service.tasks, "an app's task is left"
        # A task that failed unseen says so when it is collected.
        gc.collect()
    finally:
        loop.close()
    assert not faults, faults
