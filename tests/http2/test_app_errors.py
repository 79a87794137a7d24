"""Apps that break: the stream ends so that nobody takes the part for the whole (§5.4.2)."""

from collections.abc import Iterator

import pytest

from tests.support.h2_frames import Code, get
from tests.support.http2 import Http2Client
from tests.support.server import serve


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """The app's exceptions are logged, which other servers here may not have."""
    with serve("asked:app", "--http2", "all", allow_errors=True) as server:
        yield server.host, server.port


def test_app_that_breaks_before_its_response(client: Http2Client):
    """500, and only this stream."""
    client.start().send(get(1, b"/error"))
    assert client.response(1).status == 500
    assert client.alive()


def test_app_that_breaks_within_its_response(client: Http2Client):
    """§5.4.2: what is cut off is reset, so that the client can't take it for whole."""
    client.start().send(get(1, b"/error-late"))
    assert client.reset_code(1) == Code.INTERNAL_ERROR
    assert not client.stream(1).ended
    assert client.alive()
