"""What came in one piece is answered in one piece, unless an app takes its time with some of it."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived
from wsproto import ConnectionType, WSConnection
from wsproto.events import Event, Message, Request, TextMessage

from tests.support.certificates import Files
from tests.support.server import serve
from tests.support.wait import DEADLINE

# Is asked three things in one piece. The last one stops the event loop until the client has got
# the answers to the others.
APP = """
import os, time
def answer(what):
    if what == "slow":
        time.sleep(0.05)
    if what != "held":
        return "done"
    end = time.monotonic() + 20
    while not os.path.exists("answered") and time.monotonic() < end:
        time.sleep(0.01)
    return "let go" if os.path.exists("answered") else "held up"
async def app(scope, receive, send):
    if scope["type"] == "http":
        said = answer(scope["path"][1:])
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": said.encode()})
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": answer(message["text"])})
"""
QUESTIONS = ("quick", "slow", "held")
ANSWERS = ["done", "done", "let go"]


@pytest.fixture(params=["cleartext", "tls"])
def connection(
    request: pytest.FixtureRequest, files: Files, tmp_path: Path
) -> Iterator[socket.socket]:
    (tmp_path / "in_turn.py").write_text(APP)
    options = ["--lifespan", "off"]
    if request.param == "tls":
        made = files.make("server", "127.0.0.1", "localhost")
        assert made.keyfile is not None
        options += ["--ssl-certfile", made.certfile, "--ssl-keyfile", made.keyfile]
    with (
        serve("in_turn:app", *options, app_dir=tmp_path, cwd=tmp_path) as server,
        socket.create_connection(("127.0.0.1", server.port), DEADLINE) as plain,
    ):
        if request.param == "cleartext":
            yield plain
            return
        context = ssl.create_default_context(cafile=files.authority_file)
        context.set_alpn_protocols(["h2" if "http2" in request.node.name else "http/1.1"])
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            yield secure


@pytest.mark.parametrize("content", [b"", b"content"])
def test_streams_of_http2(connection: socket.socket, content: bytes, tmp_path: Path) -> None:
    client = H2Connection(H2Configuration(client_side=True))
    client.initiate_connection()
    method = "POST" if content else "GET"
    for question in QUESTIONS:
        stream = client.get_next_available_stream_id()
        fields = [(":method", method), (":scheme", "http"), (":path", f"/{question}")]
        client.send_headers(stream, [*fields, (":authority", "a")], end_stream=not content)
        if content:
            client.send_data(stream, content, end_stream=True)
    connection.sendall(client.data_to_send())
    answers: dict[int, str] = {}
    while len(answers) < 3:
        for event in client.receive_data(connection.recv(65536)):
            if isinstance(event, DataReceived) and event.data:
                answers[event.stream_id] = event.data.decode()
        if 1 in answers and 3 in answers:
            (tmp_path / "answered").touch()
    assert [answers[stream] for stream in (1, 3, 5)] == ANSWERS


def test_messages_of_a_websocket(connection: socket.socket, tmp_path: Path) -> None:
    client = WSConnection(ConnectionType.CLIENT)
    connection.sendall(client.send(Request(host="localhost", target="/")))

    def events() -> Iterator[Event]:
        while True:
            client.receive_data(connection.recv(65536))
            yield from client.events()

    arriving = events()
    next(arriving)
    messages: list[Message] = [TextMessage(data=question) for question in QUESTIONS]
    connection.sendall(b"".join(map(client.send, messages)))
    answers = []
    for event in arriving:
        assert isinstance(event, TextMessage)
        answers.append(event.data)
        if len(answers) == 2:
            (tmp_path / "answered").touch()
        if len(answers) == 3:
            break
    assert answers == ANSWERS
