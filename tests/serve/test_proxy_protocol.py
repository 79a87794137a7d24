"""The PROXY protocol before real connections: TCP and Unix, TLS, WebSockets, HTTP/2."""

import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Certificate, make_certificate
from tests.support.raw import RawClient
from tests.support.server import Server, serve, start
from tests.support.tools import need_tool
from tests.wire.proxy_headers import header_of, tlv

LINE = b"PROXY TCP4 203.0.113.7 192.0.2.9 4444 443\r\n"
TOLD = {"client": ["203.0.113.7", 4444], "server": ["192.0.2.9", 443]}
GET = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=["hub", "loop"])
def transport(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"TRICORN_TRANSPORT": request.param}


@pytest.fixture(scope="module")
def server(transport: dict[str, str]) -> Iterator[Server]:
    with serve("told:app", "--proxy-protocol", env=transport) as running:
        yield running


@pytest.fixture(scope="module")
def tls_server(transport: dict[str, str], certificate: Certificate) -> Iterator[Server]:
    options = ("--proxy-protocol", "auto", *certificate.options)
    with serve("told:app", *options, env=transport) as running:
        yield running


def ask(server: Server, *pieces: bytes) -> dict[str, object]:
    with server.connect() as client:
        for piece in pieces:
            client.send(piece)
        return json.loads(client.read_response().body)


def is_sent_away(client: RawClient) -> None:
    """Without an answer."""
    try:
        assert client.read_until_closed() == b""
    except ConnectionResetError:
        pass  # what it sent hadn't been read


def in_json(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(text)
    return found


class TestPlain:
    def test_the_request_behind_it_in_one_piece_and_in_two(self, server: Server) -> None:
        for pieces in ([LINE + GET], [LINE, GET], [LINE[:9], LINE[9:] + GET[:3], GET[3:]]):
            assert ask(server, *pieces).items() >= TOLD.items()
        server.wait_output('203.0.113.7:4444 - "GET / HTTP/1.1" 200')

    def test_version_2(self, server: Server) -> None:
        header = header_of(("2001:db8::7", 1), ("2001:db8::9", 443), [tlv(0x20, b"\1" + bytes(4))])
        said = ask(server, header + GET)
        assert said["client"] == ["2001:db8::7", 1]
        assert said["scheme"] == "https"

    def test_a_websocket(self, server: Server) -> None:
        websockets = pytest.importorskip("websockets.sync.client")
        sock = socket.create_connection((server.host, server.port))
        sock.sendall(
            header_of(("203.0.113.7", 4444), ("192.0.2.9", 443), [tlv(0x20, b"\1\0\0\0\0")])
        )
        with websockets.connect("ws://told.test/", sock=sock, proxy=None) as opened:
            said = in_json(opened.recv(30))
            assert said.items() >= (TOLD | {"scheme": "wss"}).items()
            opened.send("still there")
            assert opened.recv(30) == "still there"

    def test_http2_and_its_own_address_by_curl(self, server: Server) -> None:
        said = in_json(curl(server.url, "--http2-prior-knowledge"))
        assert said["http_version"] == "2"
        assert said["server"] == ["127.0.0.1", server.port]

    def test_without_a_header_there_is_no_answer_and_a_line_in_the_log(
        self, server: Server
    ) -> None:
        with server.connect() as client:
            client.send(GET)
            is_sent_away(client)
        server.wait_output("Invalid PROXY protocol from 127.0.0.1:")


class TestOverTls:
    def test_before_the_handshake(self, tls_server: Server, certificate: Certificate) -> None:
        sock = socket.create_connection((tls_server.host, tls_server.port), 30)
        sock.sendall(LINE[:20])
        sock.sendall(LINE[20:])
        context = certificate.client_context("http/1.1")
        with context.wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(GET)
            assert read_json(tls).items() >= (TOLD | {"scheme": "https"}).items()

    def test_in_one_piece_with_it(self, tls_server: Server, certificate: Certificate) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = certificate.client_context("http/1.1")
        tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection((tls_server.host, tls_server.port), 30) as sock:
            before = LINE
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(before + outgoing.read())
                    before = b""
                    incoming.write(sock.recv(65536))
            tls.write(GET)
            sock.sendall(outgoing.read())
            found = b""
            while not found.endswith(b"}"):
                incoming.write(sock.recv(65536))
                try:
                    found += tls.read(65536)
                except ssl.SSLWantReadError:
                    continue
            assert json.loads(found.partition(b"\r\n\r\n")[2]).items() >= TOLD.items()

    def test_http2_by_curl(self, tls_server: Server, certificate: Certificate) -> None:
        url = f"https://localhost:{tls_server.port}/"
        said = in_json(curl(url, "--http2", "--cacert", certificate.authority))
        assert (said["http_version"], said["scheme"]) == ("2", "https")

    def test_without_a_header_the_handshake_fails(
        self, tls_server: Server, certificate: Certificate
    ) -> None:
        with socket.create_connection((tls_server.host, tls_server.port), 30) as sock:
            with pytest.raises((ssl.SSLError, OSError)):
                certificate.client_context().wrap_socket(sock, server_hostname="localhost")
        tls_server.wait_output("Invalid PROXY protocol from 127.0.0.1:")


def read_json(sock: socket.socket) -> dict[str, object]:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return in_json(data.partition(b"\r\n\r\n")[2].decode())


def curl(url: str, *options: str) -> str:
    """curl writes a header of version 1, with its own connection's addresses."""
    command = [need_tool("curl"), "-sS", "--max-time", "30", "--haproxy-protocol", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_over_a_unix_socket(transport: dict[str, str], tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    options = ("--uds", path, "--proxy-protocol", "--forwarded-allow-ips", "unix")
    with serve("told:app", *options, env=transport) as server:
        assert ask(server, LINE + GET).items() >= TOLD.items()
        unix = header_of(("203.0.113.7", 1), ("192.0.2.9", 2))[:13] + b"\x31\x00\xd8" + bytes(216)
        assert ask(server, unix + GET).items() >= {"client": None, "server": None}.items()


def test_peers_that_are_not_trusted_are_ordinary_clients(transport: dict[str, str]) -> None:
    options = ("--proxy-protocol", "--forwarded-allow-ips", "192.0.2.1")
    with serve("told:app", *options, env=transport) as server:
        with server.connect() as client:
            assert client.get().status == 200
        with server.connect() as client:
            client.send(LINE + GET)
            assert client.read_response().status == 400


def test_one_version_only(transport: dict[str, str]) -> None:
    with serve("told:app", "--proxy-protocol", "v2", env=transport) as server:
        header = header_of(("203.0.113.7", 4444), ("192.0.2.9", 443))
        assert ask(server, header + GET).items() >= TOLD.items()
        with server.connect() as client:
            client.send(LINE)
            is_sent_away(client)
        server.wait_output("its header is of version 1, which isn't taken")


def test_workers_and_the_drain(transport: dict[str, str]) -> None:
    options = ("--proxy-protocol", "--workers", "2")
    with serve("told:app", *options, env=transport) as server:
        with RawClient((server.host, server.port)) as silent, server.connect() as client:
            client.send(LINE)
            client.send(GET.replace(b"Connection: close\r\n", b""))
            assert json.loads(client.read_response().body).items() >= TOLD.items()
            # Neither one that has said nothing nor an idle one holds the stop up.
            assert server.stop() == 0
            assert silent.read_until_closed() == b""


def test_a_bad_value_is_one_line() -> None:
    server = start("told:app", "--proxy-protocol=v3")
    assert server.wait() == 2
    assert "--proxy-protocol" in server.output()
    assert "Traceback" not in server.output()
