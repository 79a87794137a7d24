"""Servers to attack, over each kind of transport."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.attacks.attacked import DRAIN, HERE, QUICK, Victim
from tests.support.server import Server, serve


@pytest.fixture(scope="session", autouse=True)
def on_linux() -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("memory is read from /proc")


@pytest.fixture(params=["hub", "loop"])
def transport(request: pytest.FixtureRequest) -> str:
    """Both kinds of transports: tricorn's own and the event loop's."""
    return request.param


@pytest.fixture
def victim(transport: str) -> Iterator[Callable[..., Victim]]:
    """Starts a server with the options; whatever else it should be, it stays alive."""
    running: list[tuple[AbstractContextManager[Server], Victim]] = []

    def begin(*options: str, **how: object) -> Victim:
        environment = {"TRICORN_TRANSPORT": transport}
        context = serve(
            "victim:app",
            *QUICK,
            *DRAIN,
            *options,
            app_dir=HERE,
            env=environment,
            **how,  # type: ignore[arg-type]
        )
        made = Victim(context.__enter__())
        running.append((context, made))
        made.get()
        return made

    yield begin
    for context, made in running:
        try:
            if not made.stopped:
                assert made.server.process.poll() is None, made.server.output()
                assert made.get() == b"fine"
        finally:
            context.__exit__(None, None, None)
