"""Programs that import Uvicorn, with the shim in front of it."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.server import Server, launch

ROOT = Path(__file__).parents[2]
SHIM = ROOT / "shim"
APPS = Path(__file__).parent / "apps"

Start = Callable[..., Server]


def in_front(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a program that finds the shim, as `tricorn_uvicorn.pth` would have it."""
    import tricorn

    # Where this suite found tricorn, too: the program runs in another directory.
    return {"PYTHONPATH": f"{SHIM}:{Path(tricorn.__file__).parents[1]}", **(extra or {})}


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a Python program in front of the shim, and waits until it serves."""
    servers: list[Server] = []

    def run(*args: str) -> Server:
        server = launch([sys.executable, *args], "Uvicorn", env=in_front(), cwd=APPS)
        servers.append(server)
        server.wait_started()
        return server

    yield run
    for server in servers:
        server.close()
        server.check_output()
