"""WebSockets on HTTP/2 streams, from clients that mean harm: what they hold is bounded."""

import pytest

from tests.attacks.attacked import Victim, one_transport
from tests.attacks.http2_floods import MIB, websocket
from tests.support.h2_frames import Setting, data, get
from tests.support.http2 import Http2Client
from tests.support.wait import wait_for
from tests.wire.ws_peer import sent

pytestmark = one_transport
COUNT = 90  # at a time; a request has room beside them
STREAMS = [2 * number + 1 for number in range(COUNT)]
TEXT, BINARY = 1, 2
INTERNAL_ERROR = b"\x88\x18" + (1011).to_bytes(2, "big") + b"keepalive ping timeout"


@pytest.fixture
def begin(victim):
    def start(*options: str) -> Victim:
        return victim("--http2", "all", "--timeout-keep-alive", "60", *options)

    return start


def open_all(client: Http2Client, target: bytes) -> None:
    client.send(b"".join(websocket(number, target) for number in STREAMS))
    client.until(
        lambda: all(client.stream(number).sections for number in STREAMS), "all to be open"
    )


def is_served(client: Http2Client, stream: int) -> None:
    client.send(get(stream))
    assert client.response(stream).body == b"fine"


def test_windows_that_never_open(begin):
    """The apps wait in send(), and are told when the server gives the streams up."""
    made = begin("--timeout-write", "2")
    memory = made.memory()
    with made.connect_http2((Setting.INITIAL_WINDOW_SIZE, 0), allows=False) as client:
        open_all(client, b"/pour")
        assert made.get() == b"fine"
        assert made.memory() - memory < 32 * MIB
        client.until(
            lambda: all(client.stream(number).reset is not None for number in STREAMS),
            "the server to give them up",
        )
        wait_for(lambda: int(made.get("/poured")) == -1, what="an app to be told")
        assert client.alive()


def test_a_client_that_is_not_there(begin):
    """It answers no ping and no close; its other streams are served."""
    made = begin("--ws-ping-interval", "0.5", "--ws-ping-timeout", "0.5")
    with made.connect_http2() as client:
        client.send(websocket(1, b"/echo"))
        seen = client.stream(1)
        client.until(lambda: INTERNAL_ERROR in seen.body, "the close frame")
        is_served(client, 3)


def test_apps_that_do_not_receive(begin):
    """The windows shut, of all streams together too; when the streams are given up they open."""
    made = begin()
    memory = made.memory()
    with made.connect_http2() as client:
        open_all(client, b"/deaf")
        message = sent(BINARY, bytes(4000))
        for _ in range(30):
            client.send(b"".join(data(number, message) for number in STREAMS[:15]))
        assert client.alive()
        assert made.memory() - memory < 24 * MIB
        is_served(client, 1001)


def test_content_of_single_bytes_for_an_app_that_does_not_receive(begin):
    made = begin("--ws-max-queue", "1")
    memory = made.memory()
    with made.connect_http2() as client:
        client.send(websocket(1, b"/deaf"))
        client.until(lambda: bool(client.stream(1).sections), "an answer")
        client.send(data(1, sent(TEXT, b"a") + sent(TEXT, b"b")))
        client.send(data(1, b"x") * 60_000)
        assert client.alive()
        assert made.memory() - memory < 4 * MIB
        is_served(client, 3)


def test_offers_that_nobody_answers(begin):
    made = begin("--timeout-ws-handshake", "1")
    with made.connect_http2() as client:
        client.send(b"".join(websocket(number, b"/mute") for number in STREAMS))
        for number in STREAMS:
            assert client.response(number).status == 503
