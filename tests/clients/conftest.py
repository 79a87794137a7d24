"""One server on an IPv4, an IPv6 and a Unix address, and each of them in turn."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.raw import RawClient
from tests.support.server import Server, serve
from tests.support.wait import DEADLINE


class Place(NamedTuple):
    """An address of the server, as clients want it."""

    kind: str  # "tcp4", "tcp6" or "unix"
    url: str  # without a slash at the end; for a Unix socket, of a made-up host
    address: tuple[str, int] | str
    path: str | None  # of the Unix socket

    def connect(self, deadline: float = DEADLINE) -> RawClient:
        return RawClient(self.address, deadline)


def places(server: Server) -> dict[str, Place]:
    found = {}
    for match in server.banners():
        if match["path"]:
            found["unix"] = Place("unix", "http://unix.test", match["path"], match["path"])
        else:
            host, kind = (match["v6"], "tcp6") if match["v6"] else (match["host"], "tcp4")
            found[kind] = Place(kind, match["url"], (host, int(match["port"])), None)
    return found


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Serves `tests/apps/inspect_server.py`; a fault in its log fails the module."""
    with tempfile.TemporaryDirectory(prefix="tricorn-") as folder:
        listening = ["--bind", "127.0.0.1:0", "--bind", "[::1]:0"]
        listening += ["--bind", f"unix:{Path(folder, 'socket')}"]
        with serve("inspect_server:app", *listening) as server:
            server.wait_output("socket")
            yield server


@pytest.fixture(params=["tcp4", "tcp6", "unix"])
def place(request: pytest.FixtureRequest, server: Server) -> Place:
    return places(server)[request.param]


@pytest.fixture(params=["tcp4", "tcp6"])
def tcp(request: pytest.FixtureRequest, server: Server) -> Place:
    """For clients that don't know Unix sockets."""
    return places(server)[request.param]
