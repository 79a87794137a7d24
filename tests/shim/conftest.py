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
    servers: list[tuple[Server, bool]] = []

    def run(*args: str, cwd: Path = APPS, allow_errors: bool = False) -> Server:
        server = launch([sys.executable, *args], "Uvicorn", env=in_front(), cwd=cwd)
        servers.append((server, allow_errors))
        server.wait_started()
        return server

    yield run
    for server, allow_errors in servers:
        server.close()
        if not allow_errors:
            server.check_output()
