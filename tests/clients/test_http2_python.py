"""Python's HTTP/2 clients: httpx, and the `h2` library as a scripted client."""

import asyncio
import json
import socket

import pytest

from tests.clients.http2_servers import Place, http2_server

httpx = pytest.importorskip("httpx")
h2_config = pytest.importorskip("h2.config")
from h2 import events  # noqa: E402
from h2.connection import H2Connection  # noqa: E402

CONTENT = bytes(range(256)) * 4000


@pytest.fixture(scope="module", params=[False, True], ids=["cleartext", "tls"])
def place(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    with http2_server("asked:app", request.param, folder, "--no-access-log") as place:
        yield place


class TestHttpx:
    @pytest.fixture
    def client(self, place: Place):
        verify = place.certificate.client_context() if place.certificate else True
        with httpx.Client(
            http1=False, http2=True, verify=verify, base_url=place.url, timeout=30, trust_env=False
        ) as client:
            yield client

    def test_get(self, client):
        answer = client.get("/")
        assert (answer.http_version, answer.text) == ("HTTP/2", "Hello, world")

    def test_upload(self, client):
        assert client.post("/echo", content=CONTENT).content == CONTENT

    def test_stream(self, client):
        with client.stream("GET", "/pieces?50") as answer:
            assert sum(len(piece) for piece in answer.iter_bytes()) == 50 * 16384

    def test_many(self, client):
        for number in range(200):
            assert len(client.get(f"/bytes?{number}").content) == number

    def test_cookies_and_fields(self, client):
        answer = client.get(
            "/headers", headers=[("cookie", "a=1; b=2"), ("x-a", "1"), ("x-a", "2")]
        )
        shown = answer.json()["headers"]
        assert ["cookie", "a=1; b=2"] in shown
        assert [value for name, value in shown if name == "x-a"] == ["1", "2"]
        assert answer.json()["http_version"] == "2"

    def test_at_a_time(self, place: Place):
        verify = place.certificate.client_context() if place.certificate else True

        async def ask():
            async with httpx.AsyncClient(
                http1=False, http2=True, verify=verify, timeout=30, trust_env=False
            ) as client:
                urls = [f"{place.url}/slow?seconds=0.05" for _ in range(80)]
                return await asyncio.gather(*(client.get(url) for url in urls))

        assert {answer.text for answer in asyncio.run(ask())} == {"at last"}


class Scripted:
    """A client whose protocol is the `h2` library: it raises where the server breaks a rule."""

    def __init__(self, place: Place) -> None:
        plain = socket.create_connection(("localhost", place.server.port), 30)
        if place.certificate:
            context = place.certificate.client_context("h2")
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
            assert self.socket.selected_alpn_protocol() == "h2"
        else:
            self.socket = plain
        self.engine = H2Connection(h2_config.H2Configuration(client_side=True))
        self.engine.initiate_connection()
        self.seen: list[events.Event] = []

    def request(
        self, path: str, method: str = "GET", *more: tuple[str, str], end: bool = True
    ) -> int:
        stream = self.engine.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "https"), (":path", path)]
        self.engine.send_headers(stream, [*fields, (":authority", "localhost"), *more], end)
        return stream

    def flush(self) -> None:
        self.socket.sendall(self.engine.data_to_send())

    def turn(self) -> list[events.Event]:
        """Send what is to be sent, and take what comes."""
        self.flush()
        came = self.engine.receive_data(self.socket.recv(65536))
        for event in came:
            if isinstance(event, events.DataReceived):
                size = event.flow_controlled_length
                self.engine.acknowledge_received_data(size, event.stream_id)
        self.seen += came
        return came

    def until(self, kind: type, stream: int) -> None:
        def came() -> bool:
            return any(isinstance(e, kind) and e.stream_id == stream for e in self.seen)

        while not came():
            self.turn()

    def content(self, stream: int) -> bytes:
        self.until(events.StreamEnded, stream)
        pieces = [
            event.data
            for event in self.seen
            if isinstance(event, events.DataReceived) and event.stream_id == stream
        ]
        return b"".join(pieces)


class TestH2:
    @pytest.fixture
    def client(self, place: Place):
        client = Scripted(place)
        yield client
        client.socket.close()

    def test_requests_in_any_order(self, client):
        streams = {client.request(f"/bytes?{size}"): size for size in (0, 1, 70_000, 5, 200_000)}
        for stream, size in reversed(streams.items()):
            assert client.content(stream) == b"b" * size

    def test_trailers(self, client):
        stream = client.request("/trailers", "POST", ("te", "trailers"), end=False)
        client.engine.send_data(stream, b"abc")
        client.engine.send_headers(stream, [("x-sent", "1")], end_stream=True)
        client.until(events.TrailersReceived, stream)
        trailers = next(e for e in client.seen if isinstance(e, events.TrailersReceived))
        assert [(bytes(n), bytes(v)) for n, v in trailers.headers] == [(b"x-count", b"3")]

    def test_early_hints(self, client):
        stream = client.request("/early")
        client.until(events.InformationalResponseReceived, stream)
        assert client.content(stream) == b"on time"

    def test_upload_within_windows(self, client):
        stream = client.request("/echo", "POST", end=False)
        left = CONTENT
        while left:
            size = min(client.engine.local_flow_control_window(stream), 16384, len(left))
            if not size:
                client.turn()
                continue
            client.engine.send_data(stream, left[:size])
            left = left[size:]
            client.flush()
        client.engine.end_stream(stream)
        assert client.content(stream) == CONTENT

    def test_settings_and_ping(self, client):
        client.engine.update_settings({4: 2000, 5: 20_000, 1: 0})
        client.engine.ping(b"abcdefgh")
        stream = client.request("/bytes?50000")
        assert len(client.content(stream)) == 50_000
        assert any(isinstance(event, events.PingAckReceived) for event in client.seen)
        assert any(isinstance(event, events.SettingsAcknowledged) for event in client.seen)

    def test_reset_and_go_on(self, client):
        held = client.request("/hold")
        client.flush()
        client.engine.reset_stream(held, 8)
        assert client.content(client.request("/")) == b"Hello, world"

    def test_scope(self, client, place: Place):
        found = json.loads(client.content(client.request("/headers")))
        assert found["http_version"] == "2"
        assert ("tls" in found["extensions"]) == bool(place.certificate)
        # Without TLS nobody vouches for the client's :scheme.
        assert found["scheme"] == ("https" if place.certificate else "http")
