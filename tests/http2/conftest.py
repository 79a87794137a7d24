"""One server for all cases, in cleartext with prior knowledge; each case has a connection."""

from collections.abc import Iterator

import pytest

from tests.support.http2 import Http2Client
from tests.support.server import Server, serve

Address = tuple[str, int]


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    with serve("asked:app", "--http2", "all", "--no-access-log") as server:
        yield server


@pytest.fixture(scope="package")
def address(server: Server) -> Address:
    return server.host, server.port


@pytest.fixture
def client(address: Address) -> Iterator[Http2Client]:
    with Http2Client(address) as client:
        yield client
