"""The rigs for connections without sockets, and for the hub with them."""

import asyncio
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.net.h2_rig import Http2Rig
from tests.net.hub_rig import Place
from tests.net.rig import Rig
from tests.net.ws_rig import CarriedRig, WebSocketRig
from tests.support.loops import FACTORIES

R = TypeVar("R", Rig, WebSocketRig, Http2Rig, CarriedRig, WebSocketRig | CarriedRig)


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    """Makes a `Rig` for an app. Whatever the loop had to complain of fails the test."""
    with maker(Rig) as make:
        yield make


@pytest.fixture
def ws_rig() -> Iterator[Callable[..., WebSocketRig]]:
    """Makes a `WebSocketRig` for an app, as `rig` does."""
    with maker(WebSocketRig) as make:
        yield make


@pytest.fixture(params=[WebSocketRig, CarriedRig], ids=["http1", "http2"])
def any_ws_rig(
    request: pytest.FixtureRequest,
) -> Iterator[Callable[..., WebSocketRig | CarriedRig]]:
    """Makes a `WebSocketRig`, and for the same test a `CarriedRig`."""
    with maker(request.param) as make:
        yield make


@pytest.fixture
def carried_rig() -> Iterator[Callable[..., CarriedRig]]:
    """Makes a `CarriedRig` for an app, as `rig` does."""
    with maker(CarriedRig) as make:
        yield make


@pytest.fixture
def h2_rig() -> Iterator[Callable[..., Http2Rig]]:
    """Makes an `Http2Rig` for an app, as `rig` does."""
    with maker(Http2Rig) as make:
        yield make


@pytest.fixture
def maker_of() -> Callable[..., Any]:
    """Makes what makes a rig of any kind, as those above do."""
    return maker


@contextmanager
def maker(kind: Callable[..., R]) -> Iterator[Callable[..., R]]:
    loop = asyncio.new_event_loop()
    faults: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    rigs: list[R] = []

    def make(app: Any, **options: Any) -> R:
        made = kind(loop, app, **options)
        rigs.append(made)
        return made

    try:
        yield make
        for made in rigs:
            end(made)
        # A task that failed unseen says so when it is collected.
        gc.collect()
    finally:
        loop.close()
    assert not faults, faults


def end(rig: Rig | CarriedRig) -> None:
    for transport in rig.transports:
        rig.call(transport.abort)
    for task in list(rig.service.tasks):
        task.cancel()
    rig.turn()
    rig.service.stop()
    assert not rig.service.connections
    assert not rig.service.tasks, "an app's task is left"


@pytest.fixture(params=FACTORIES)
def every_loop(
    request: pytest.FixtureRequest,
) -> Iterator[asyncio.AbstractEventLoop]:
    """Each kind. Whatever it had to complain of fails the test."""
    made = FACTORIES[request.param]()
    faults: list[Any] = []
    made.set_exception_handler(lambda _, context: faults.append(context))
    yield made
    gc.collect()
    made.run_until_complete(asyncio.sleep(0))
    made.close()
    assert not faults, faults


@pytest.fixture(params=["tcp", "unix"])
def place(
    request: pytest.FixtureRequest, every_loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> Iterator[Place]:
    """A hub that listens; each of its connections is lost once, and last of all."""
    if request.param == "tcp":
        made = Place(every_loop, socket.AF_INET, ("127.0.0.1", 0))
    else:
        made = Place(every_loop, socket.AF_UNIX, str(tmp_path / "socket"))
    yield made
    made.close()
    for protocol in made.protocols:
        lost = [event for event in protocol.events if event.startswith("lost")]
        assert len(lost) == 1, protocol.events
        assert protocol.events[-1] == lost[0]
