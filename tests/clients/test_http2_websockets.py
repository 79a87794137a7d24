"""WebSockets over HTTP/2 (RFC 8441): the `h2` library with `wsproto`'s frames as the client."""

import json
import re
import socket
from collections.abc import Iterator

import pytest

from tests.clients.http2_servers import Place, http2_server
from tests.support.h2_frames import Code, data, headers
from tests.support.http2 import Http2Client
from tests.support.wait import wait_for
from tests.wire.ws_peer import sent

h2_config = pytest.importorskip("h2.config")
pytest.importorskip("wsproto")
import wsproto.events as ws  # noqa: E402
from h2 import events  # noqa: E402
from h2.connection import H2Connection  # noqa: E402
from h2.settings import SettingCodes  # noqa: E402
from wsproto.connection import Connection, ConnectionType  # noqa: E402
from wsproto.extensions import PerMessageDeflate  # noqa: E402

CONNECT = [
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":authority", b"localhost"),
    (b"sec-websocket-version", b"13"),
]


@pytest.fixture(scope="module", params=[False, True], ids=["cleartext", "tls"])
def place(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("certificates")
    options = ("--timeout-keep-alive", "60")  # on a busy machine clients are slow
    with http2_server("sockets:app", request.param, folder, *options) as place:
        yield place


class Socket:
    """One WebSocket of a client: its stream, and what came on it."""

    def __init__(self, client: "Client", stream: int) -> None:
        self.client = client
        self.stream = stream
        self.head: dict[bytes, bytes] = {}
        self.body = b""
        self.frames: Connection | None = None
        self.texts: list[object] = []
        self.pieces: list[object] = []  # of the message that hasn't ended
        self.closed: tuple[int, str | None] | None = None
        self.ended = False
        self.reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.head[b":status"])

    def opened(self, offer: PerMessageDeflate | None) -> None:
        """The head has come."""
        if self.status != 200:
            return
        agreed = self.head.get(b"sec-websocket-extensions", b"").decode()
        extensions = []
        if agreed:
            assert offer is not None
            offer.finalize(agreed)
            extensions = [offer]
        self.frames = Connection(ConnectionType.CLIENT, extensions)

    def take(self, data: bytes) -> None:
        if self.frames is None:
            self.body += data
            return
        if data:  # to wsproto nothing is the end of the connection
            self.frames.receive_data(data)
        for event in self.frames.events():
            if isinstance(event, ws.CloseConnection):
                self.closed = (event.code, event.reason)
                if self.frames.state.name == "REMOTE_CLOSING":
                    self.say(event.response())
            elif isinstance(event, ws.Ping):
                self.say(event.response())
            elif isinstance(event, ws.Pong):
                self.texts.append(event)
            else:
                self.pieces.append(event.data)
                if event.message_finished:
                    nothing = "" if isinstance(event.data, str) else b""
                    self.texts.append(nothing.join(self.pieces))
                    self.pieces = []

    def say(self, event: ws.Event) -> None:
        assert self.frames is not None
        self.client.send(self.stream, self.frames.send(event))

    def until(self, count: int) -> list[object]:
        self.client.until(lambda: len(self.texts) >= count)
        return self.texts

    def until_closed(self) -> tuple[int, str | None]:
        self.client.until(lambda: self.closed is not None)
        assert self.closed is not None
        return self.closed

    def until_ended(self) -> None:
        self.client.until(lambda: self.ended)


class Client:
    """One HTTP/2 connection whose protocol is the `h2` library's."""

    def __init__(self, place: Place) -> None:
        plain = socket.create_connection(("localhost", place.server.port), 30)
        self.socket = plain
        if place.certificate:
            context = place.certificate.client_context("h2")
            self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.engine = H2Connection(h2_config.H2Configuration(client_side=True))
        self.engine.initiate_connection()
        self.sockets: dict[int, Socket] = {}
        self.offers: dict[int, PerMessageDeflate | None] = {}
        self.greeted = False
        self.until(lambda: self.greeted)
        assert self.engine.remote_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1

    def open(self, path: str, deflate: bool = False, *more: tuple[str, str]) -> Socket:
        """Ask for a WebSocket, and wait for the answer."""
        stream = self.engine.get_next_available_stream_id()
        fields = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", path),
            (":authority", "localhost"),
            ("sec-websocket-version", "13"),
            *more,
        ]
        offer = PerMessageDeflate() if deflate else None
        if offer is not None:
            fields.append(("sec-websocket-extensions", f"permessage-deflate; {offer.offer()}"))
        self.offers[stream] = offer
        self.sockets[stream] = found = Socket(self, stream)
        self.engine.send_headers(stream, fields)
        self.until(lambda: bool(found.head) or found.reset is not None)
        return found

    def send(self, stream: int, data: bytes) -> None:
        """Send as the windows allow; what comes meanwhile is taken."""
        while data:
            size = min(
                self.engine.local_flow_control_window(stream),
                self.engine.max_outbound_frame_size,
                len(data),
            )
            if not size:
                self.turn()
                continue
            self.engine.send_data(stream, data[:size])
            data = data[size:]
            self.flush()

    def end(self, stream: int) -> None:
        self.engine.end_stream(stream)
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.engine.data_to_send())

    def until(self, condition) -> None:
        while not condition():
            self.turn()

    def turn(self) -> None:
        self.flush()
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed")
        for event in self.engine.receive_data(data):
            self.take(event)
        self.flush()

    def take(self, event: events.Event) -> None:
        if isinstance(event, events.RemoteSettingsChanged):
            self.greeted = True
        found = self.sockets.get(getattr(event, "stream_id", None) or 0)
        if found is None:
            return
        if isinstance(event, events.ResponseReceived):
            found.head = {bytes(name): bytes(value) for name, value in event.headers}
            found.opened(self.offers[found.stream])
        elif isinstance(event, events.DataReceived):
            size = event.flow_controlled_length
            self.engine.acknowledge_received_data(size, event.stream_id)
            found.take(event.data)
        elif isinstance(event, events.StreamEnded):
            found.ended = True
        elif isinstance(event, events.StreamReset):
            found.reset = int(event.error_code)


@pytest.fixture
def client(place: Place) -> Iterator[Client]:
    client = Client(place)
    yield client
    client.socket.close()


@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
class TestMessages:
    def test_echo(self, client: Client, deflate: bool) -> None:
        one = client.open("/", deflate)
        assert (b"sec-websocket-extensions" in one.head) is deflate
        sent = ["", "Ahoy, \u4f60\u597d", "again and " * 30_000, bytes(range(256)) * 1000]
        for message in sent:
            one.say(ws.Message(message))
        assert one.until(len(sent)) == sent
        one.say(ws.CloseConnection(4321, "bye"))
        assert one.until_closed()[0] == 4321
        one.until_ended()
        client.end(one.stream)

    def test_much_from_the_server(self, client: Client, deflate: bool) -> None:
        one = client.open("/pour?100", deflate)
        assert one.until(100) == [bytes(65536)] * 100
        assert one.until_closed()[0] == 1000


class TestOpening:
    def test_scope(self, client: Client, place: Place) -> None:
        offered = ("sec-websocket-protocol", "a, b")
        one = client.open("/scope?q=1", False, offered)
        (text,) = one.until(1)
        shown = json.loads(str(text))
        assert shown["http_version"] == "2"
        assert shown["scheme"] == ("wss" if place.certificate else "ws")
        assert (shown["path"], shown["query"]) == ("/scope", "q=1")
        assert shown["subprotocols"] == ["a", "b"]
        assert ["host", "localhost"] in shown["fields"]

    def test_subprotocol(self, client: Client) -> None:
        one = client.open("/subprotocol", False, ("sec-websocket-protocol", "a, b"))
        assert one.head[b"sec-websocket-protocol"] == b"b"

    def test_fields(self, client: Client) -> None:
        assert client.open("/fields").head[b"x-horns"] == b"three"

    def test_refusals(self, client: Client) -> None:
        assert client.open("/refuse").status == 403
        denied = client.open("/deny")
        denied.until_ended()
        assert (denied.status, denied.body) == (418, b"no room")
        assert denied.head[b"x-why"] == b"no room"


class TestEnds:
    def test_the_app_closes(self, client: Client) -> None:
        one = client.open("/close?4001,no-more")
        one.say(ws.Message("please"))
        assert one.until_closed() == (4001, "no-more")
        one.until_ended()

    def test_the_app_returns(self, client: Client) -> None:
        assert client.open("/return").until_closed()[0] == 1000

    def test_the_client_is_lost(self, client: Client, place: Place) -> None:
        one = client.open("/note?lost")
        client.engine.reset_stream(one.stream, 8)
        client.flush()

        def left() -> object:
            return json.loads(place_get(client)).get("lost")

        assert wait_for(left, what="the app's disconnect") == ["websocket.disconnect", 1006, ""]


def place_get(client: Client) -> bytes:
    """An ordinary request on the same connection."""
    stream = client.engine.get_next_available_stream_id()
    fields = [(":method", "GET"), (":scheme", "https"), (":path", "/left")]
    client.sockets[stream] = found = Socket(client, stream)
    client.offers[stream] = None
    client.engine.send_headers(stream, [*fields, (":authority", "localhost")], True)
    found.opened = lambda offer: None  # type: ignore[method-assign]
    found.until_ended()
    return found.body


def test_many_on_one_connection(client: Client) -> None:
    all_of_them = [client.open("/room") for _ in range(20)]
    all_of_them[7].say(ws.Message("to all"))
    for one in all_of_them:
        assert one.until(1) == ["to all"]


def test_two_lines_in_the_access_log(client: Client, place: Place) -> None:
    one = client.open("/?logged")
    one.say(ws.Message("a"))
    one.until(1)
    one.say(ws.CloseConnection(1001))
    one.until_ended()
    client.end(one.stream)
    output = place.server.wait_output('"WebSocket /?logged" [closed')
    assert '"WebSocket /?logged" [accepted]' in output
    assert re.search(r'/\?logged" \[closed 1001, [0-9.]+ s, 1 in, 1 out\]', output)


def test_a_stopping_server(tmp_path) -> None:
    """The `h2` library takes nothing behind a GOAWAY (RFC 9113 §6.8): here are plain frames."""
    code = (1012).to_bytes(2, "big")
    with http2_server("sockets:app", True, tmp_path) as place:
        assert place.certificate is not None
        context = place.certificate.client_context("h2")
        with Http2Client(("localhost", place.server.port), tls=context) as client:
            client.start()
            streams = {number: client.stream(number) for number in (1, 3, 5)}
            for number, stream in streams.items():
                client.send(headers(number, CONNECT, end=False))
                client.until(lambda stream=stream: stream.sections, "the answer")
            place.server.process.terminate()
            for number, stream in streams.items():
                client.until(lambda stream=stream: len(stream.body) >= 4, "the close frame")
                client.send(data(number, sent(8, code), end=True))
            client.read_to_the_end()
            assert client.gone is not None
            assert client.gone.code == Code.NO_ERROR
            for stream in streams.values():
                assert stream.body == b"\x88\x02" + code
                assert stream.ended
        assert place.server.wait() == 0
