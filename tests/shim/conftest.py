"""Programs that import Uvicorn, with the shim in front of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shim.in_front import APPS, Start, in_front
from tests.support.server import Server, launch


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
