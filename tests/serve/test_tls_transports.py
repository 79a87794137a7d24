"""TLS over the hub's transports and over the loop's: what holds for both."""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Files
from tests.support.server import Server, serve
from tests.support.wait import wait_for
from tricorn.net.tls import Certificate

APP = """
import asyncio, hashlib

async def content(receive):
    total = hashlib.sha256()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        total.update(message["body"])
        if not message.get("more_body"):
            return total.hexdigest().encode()

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": message["bytes"]})
        return
    path = scope["path"]
    if path == "/late":
        await asyncio.sleep(1)  # what comes meanwhile waits in the system's buffers
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/plain")]})
    if path == "/big":
        for at in range(40):
            await send({"type": "http.response.body", "body": bytes([at]) * 500_000,
                        "more_body": True})
        body = b"end"
    elif path == "/small":
        body = b"small"
    else:
        body = await content(receive)
    if body is None:
        return
    await send({"type": "http.response.body", "body": body})
"""
BIG = b"".join(bytes([at]) * 500_000 for at in range(40)) + b"end"


@pytest.fixture(scope="module")
def certificate(files: Files) -> Certificate:
    return files.make("server", "localhost")


@pytest.fixture(scope="module")
def app_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("app")
    (directory / "both.py").write_text(APP)
    return directory


@pytest.fixture(scope="module", params=["hub", "loop"])
def server(
    request: pytest.FixtureRequest, certificate: Certificate, app_dir: Path
) -> Iterator[Server]:
    assert certificate.keyfile is not None
    tls = ("--ssl-certfile", certificate.certfile, "--ssl-keyfile", certificate.keyfile)
    env = {"TRICORN_TRANSPORT": "loop"} if request.param == "loop" else {}
    more = ("--lifespan", "off", "--timeout-idle", "2", "--log-level", "debug")
    with serve("both:app", *tls, *more, app_dir=app_dir, env=env) as running:
        yield running


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def context(request: pytest.FixtureRequest, files: Files) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=files.authority_file)
    made.minimum_version = made.maximum_version = ssl.TLSVersion[request.param]
    return made


def plain(server: Server) -> socket.socket:
    return socket.create_connection((server.host, server.port), 30)


def connect(
    server: Server, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    return context.wrap_socket(plain(server), server_hostname="localhost", session=session)


def request(path: str, *lines: str, method: str = "GET") -> bytes:
    head = (f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", "")
    return "\r\n".join(head).encode()


def rest(client: ssl.SSLSocket) -> bytes:
    return b"".join(iter(lambda: client.recv(65536), b""))


def unchunked(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"transfer-encoding: chunked" in head
    found = []
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size, 16):
            return b"".join(found)
        found.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]


def test_requests_on_one_connection(server: Server, context: ssl.SSLContext) -> None:
    with connect(server, context) as client:
        client.sendall(request("/small") * 50)
        received = b""
        while received.count(b"small") < 50:
            piece = client.recv(65536)
            assert piece
            received += piece
        assert received.count(b"HTTP/1.1 200 ") == 50


def test_a_large_answer_to_a_slow_reader(server: Server, context: ssl.SSLContext) -> None:
    with connect(server, context) as client:
        client.sendall(request("/big", "Connection: close"))
        # It doesn't read until the server can't write any more and other requests run.
        with connect(server, context) as other:
            other.sendall(request("/small", "Connection: close"))
            assert rest(other).endswith(b"small")
        assert unchunked(rest(client)) == BIG


@pytest.mark.parametrize("path", ["/sum", "/late"])
def test_large_content(server: Server, context: ssl.SSLContext, path: str) -> None:
    with connect(server, context) as client:
        lines = (f"Content-Length: {len(BIG)}", "Connection: close")
        # Not by a thread: before Python 3.13, two may not use one TLS socket at a time.
        client.sendall(request(path, *lines, method="POST") + BIG)
        answer = rest(client)
    assert hashlib.sha256(BIG).hexdigest().encode() in answer


def test_a_handshake_in_single_bytes(server: Server, context: ssl.SSLContext) -> None:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(back, there, server_hostname="localhost")
    with plain(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def exchange() -> None:
            for byte in there.read():
                sock.sendall(bytes([byte]))
            back.write(sock.recv(65536))

        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                exchange()
        client.write(request("/small", "Connection: close"))
        answer = b""
        while not answer.endswith(b"small"):
            try:
                answer += client.read(65536)
            except ssl.SSLWantReadError:
                exchange()


def test_close_notify_comes_before_the_end(server: Server, context: ssl.SSLContext) -> None:
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    with connect(server, context) as client:
        client.sendall(request("/small", "Connection: close"))
        # With this flag off, an end without close_notify is an error.
        client.settimeout(30)
        received = b""
        while piece := client.read(65536):
            received += piece
        assert received.endswith(b"small")


def test_a_refusal_arrives_though_content_is_left(server: Server, context: ssl.SSLContext) -> None:
    with connect(server, context) as client:
        client.sendall(request("/sum", "Content-Length: 5", "Content-Length: 6", method="POST"))
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = client.recv(65536)
            assert piece
            answer += piece
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_without_a_word(server: Server, context: ssl.SSLContext) -> None:
    for finish in (b"", request("/sum", "Content-Length: 9", method="POST")):
        with connect(server, context) as client:
            client.sendall(finish or request("/small"))
            client.shutdown(socket.SHUT_RDWR)
    with connect(server, context) as client:
        client.sendall(request("/small", "Connection: close"))
        assert rest(client).endswith(b"small")


@pytest.mark.parametrize("data", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "begun"])
def test_a_handshake_that_doesnt_go_on_is_given_up(server: Server, data: bytes) -> None:
    with plain(server) as sock:
        sock.sendall(data)
        try:
            assert sock.recv(100) == b""
        except ConnectionError:
            pass  # closed all the same


def test_what_breaks_tls_ends_that_connection_alone(server: Server) -> None:
    with plain(server) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x05hello")
        try:
            while sock.recv(1000):
                pass
        except ConnectionError:
            pass
    with connect(server, ssl_context_without_checks()) as client:
        client.sendall(request("/small", "Connection: close"))
        assert rest(client).endswith(b"small")


def ssl_context_without_checks() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def test_garbage_after_the_handshake_ends_the_connection(
    server: Server, context: ssl.SSLContext
) -> None:
    with plain(server) as sock:
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(back, there, server_hostname="localhost")
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(there.read())
                back.write(sock.recv(65536))
        sock.sendall(there.read() + b"\x17\x03\x03\x00\x20" + b"x" * 32)
        try:
            while sock.recv(65536):
                pass
        except ConnectionError:
            pass


def test_sessions_are_resumed(server: Server, context: ssl.SSLContext) -> None:
    with connect(server, context) as first:
        first.sendall(request("/small", "Connection: close"))
        rest(first)  # the tickets of TLS 1.3 come behind the handshake
        session = first.session
        assert not first.session_reused
    with connect(server, context, session) as second:
        assert second.session_reused
        second.sendall(request("/small", "Connection: close"))
        assert rest(second).endswith(b"small")


def test_websockets(server: Server, files: Files) -> None:
    context = ssl.create_default_context(cafile=files.authority_file)
    asyncio.run(echo_all_sizes(server, context))


async def echo_all_sizes(server: Server, context: ssl.SSLContext) -> None:
    """In one thread: an `SSLSocket` shared by two, as by the library's other client, may break
    by itself in Pythons before 3.13."""
    from websockets.asyncio.client import connect as connect_websocket

    url = f"wss://localhost:{server.port}/"
    message = BIG[:3_000_000]
    with plain(server) as sock:
        async with connect_websocket(url, ssl=context, sock=sock, max_size=None) as websocket:
            for size in (0, 1, 16384, 65537, len(message)):
                await websocket.send(message[:size])
                assert await asyncio.wait_for(websocket.recv(), 30) == message[:size]


def test_no_connection_is_left(server: Server, context: ssl.SSLContext) -> None:
    fds = Path(f"/proc/{server.pid}/fd")
    if not fds.exists():
        pytest.skip("needs /proc")

    def sockets() -> int:
        found = 0
        for fd in fds.iterdir():
            try:
                found += fd.readlink().name.startswith("socket:")
            except OSError:
                pass
        return found

    with connect(server, context) as client:
        client.sendall(request("/small"))
        assert client.recv(100)
        most = sockets()
    # One listens; those of the tests before end within their deadlines.
    wait_for(lambda: sockets() < most, 30, "the sockets to be closed")
