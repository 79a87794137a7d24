"""--https-redirect and --hsts from the command line, with real clients."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import Files
from tests.support.places import is_listening
from tests.support.raw import RawClient
from tests.support.server import APPS, Server, launch, serve, start
from tests.support.tools import need_tool
from tests.support.wait import wait_for

REDIRECTS = re.compile(r" redirecting http://127\.0\.0\.1:(\d+) to https")


@pytest.fixture(scope="module")
def tls(files: Files) -> tuple[str, ...]:
    made = files.make("server", "localhost", "127.0.0.1")
    assert made.keyfile is not None
    return ("--ssl-certfile", made.certfile, "--ssl-keyfile", made.keyfile)


def redirect_port(server: Server) -> int:
    wait_for(lambda: REDIRECTS.search(server.output()), 20, "the line about redirects")
    found = REDIRECTS.search(server.output())
    assert found is not None
    return int(found[1])


def plain(server: Server) -> RawClient:
    return RawClient(("127.0.0.1", redirect_port(server)))


def get_over_tls(server: Server, files: Files) -> bytes:
    context = ssl.create_default_context(cafile=files.authority_file)
    with socket.create_connection((server.host, server.port), 20) as sock:
        with context.wrap_socket(sock, server_hostname="localhost") as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b"".join(iter(lambda: client.recv(65536), b""))


once = pytest.mark.once
KINDS = [
    pytest.param(((), {}), id="process"),
    pytest.param(((), {"TRICORN_TRANSPORT": "loop"}), id="loop"),
    pytest.param((("--workers", "2"), {}), id="workers", marks=once),
    pytest.param((("--workers", "2", "--preload"), {}), id="preload", marks=once),
    pytest.param((("--reload",), {}), id="reload", marks=once),
]


@pytest.fixture(scope="module", params=KINDS)
def server(
    request: pytest.FixtureRequest, tls: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    more, env = request.param
    options = (*tls, "--https-redirect", "0", "--hsts", "max-age=60; includeSubDomains", *more)
    watched = tmp_path_factory.mktemp("watched")  # nothing changes there
    with serve("plain:app", *options, env=env, cwd=watched) as running:
        yield running


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "BREW"])
def test_any_method_is_redirected(server: Server, method: str) -> None:
    with plain(server) as client:
        client.send(f"{method} /a%20b?x=1 HTTP/1.1\r\nHost: example.com:80\r\n\r\n".encode())
        response = client.read_response(method)
        assert (response.status, response.body) == (308, b"")
        location = f"https://example.com:{server.port}/a%20b?x=1"
        assert response.header(b"location") == location.encode()
        # RFC 6797 §7.2: never over plain HTTP.
        assert response.header(b"strict-transport-security") is None
        assert client.read_until_closed() == b""


def test_content_isnt_waited_for(server: Server) -> None:
    with plain(server) as client:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx")
        assert client.read_response().status == 308


def test_a_websocket_handshake_is_redirected(server: Server) -> None:
    with plain(server) as client:
        lines = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        response = client.get("/", *lines, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        assert response.status == 308


@pytest.mark.parametrize(
    "lines",
    ["", "Host: a b\r\n", "Host: a\r\nHost: a\r\n", "Host: evil@a\r\n", "Host: a\r\n X: y\r\n"],
)
def test_a_bad_host_is_refused(server: Server, lines: str) -> None:
    with plain(server) as client:
        client.send(f"GET / HTTP/1.1\r\n{lines}\r\n".encode())
        response = client.read_response()
        assert (response.status, response.header(b"location")) == (400, None)


def test_a_request_line_can_add_no_field(server: Server) -> None:
    with plain(server) as client:
        client.send(b"GET /\rX:1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_response().status == 400
    with plain(server) as client:
        client.send(b"GET /%0d%0aSet-Cookie:x HTTP/1.1\r\nHost: a\r\n\r\n")
        response = client.read_response()
        assert response.header(b"set-cookie") is None
        assert (response.header(b"location") or b"").endswith(b"/%0d%0aSet-Cookie:x")


def test_curl_follows(server: Server, files: Files) -> None:
    url = f"http://127.0.0.1:{redirect_port(server)}/"
    command = [need_tool("curl"), "-sSL", "--cacert", files.authority_file, url]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stdout == get_over_tls(server, files).partition(b"\r\n\r\n")[2] != b""


def test_answers_over_https_carry_hsts(server: Server, files: Files) -> None:
    head = get_over_tls(server, files).partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    found = [line for line in head if line.startswith(b"strict-transport-security:")]
    assert found == [b"strict-transport-security: max-age=60; includesubdomains"]


def test_https_behind_another_port(tls: tuple[str, ...]) -> None:
    options = (*tls, "--https-redirect", "0", "--https-port", "443", "--lifespan", "off")
    with serve("plain:app", *options) as server, plain(server) as client:
        assert client.get("/x").header(b"location") == b"https://test/x"


def test_the_drain_ends_idle_and_unfinished_clients(tls: tuple[str, ...]) -> None:
    with serve("plain:app", *tls, "--https-redirect", "0", "--lifespan", "off") as server:
        with plain(server) as idle, plain(server) as unfinished, plain(server) as asking:
            unfinished.send(b"GET / HTTP/1.1\r\nHost:")
            assert asking.get().status == 308
            assert server.stop() == 0
            assert idle.read_until_closed() == b""


@once
def test_a_restart_keeps_answering(tls: tuple[str, ...]) -> None:
    options = (*tls, "--https-redirect", "0", "--lifespan", "off", "--workers", "2")
    with serve("plain:app", *options) as server:
        port = redirect_port(server)
        before = server.output().count("Started server process")
        os.kill(server.pid, signal.SIGHUP)

        def answered() -> bool:
            with RawClient(("127.0.0.1", port)) as client:
                assert client.get().status == 308
            return server.output().count("Started server process") >= before + 2

        wait_for(answered, 30, "two new workers")


@once
@pytest.mark.skipif(sys.platform == "win32", reason="workers need POSIX")
def test_a_successor_keeps_the_redirects(tls: tuple[str, ...], files: Files) -> None:
    options = (*tls, "--https-redirect", "0", "--lifespan", "off", "--workers", "2")
    with serve("plain:app", *options) as server:
        port = redirect_port(server)
        server.process.send_signal(signal.SIGUSR2)
        wait_for(lambda: server.process.poll() is not None, 60, "the old one to end")
        with RawClient(("127.0.0.1", port)) as client:
            expected = f"https://test:{server.port}/".encode()
            assert client.get().header(b"location") == expected
        assert get_over_tls(server, files).startswith(b"HTTP/1.1 200 ")


@once
@pytest.mark.parametrize("workers", ["1", "2"])
def test_systemd_names_the_socket(tls: tuple[str, ...], tmp_path: Path, workers: str) -> None:
    activate = need_tool("systemd-socket-activate")
    # systemd takes no port 0.
    https, http = (str(tmp_path / name) for name in ("https", "http"))
    listen = ["--fdname=web:https-redirect", f"--listen={https}", f"--listen={http}"]
    # It passes on nothing else of the environment.
    path = f"--setenv=PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    command = [sys.executable, "-m", "tricorn", "plain:app", "--app-dir", str(APPS), *tls]
    with launch([activate, path, *listen, *command, "--workers", workers]) as server:
        wait_for(lambda: is_listening(http) and is_listening(https), what="the sockets")
        with RawClient(http, 60) as client:
            assert client.get().header(b"location") == b"https://test/"
        with RawClient(https, 60) as client:
            assert client.get().status == 400  # plain HTTP, where https is spoken
        server.wait_output(f"redirecting socket {http} to https")


def test_without_tls_it_is_one_line_and_2() -> None:
    server = start("plain:app", "--app-dir", str(APPS), "--port", "0", "--https-redirect", "0")
    assert server.wait() == 2
    assert server.output() == (
        "Error: --https-redirect: there is no https here; give --ssl-certfile too\n"
    )


def test_a_port_in_use_is_one_line_and_3(tls: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = ("plain:app", "--app-dir", str(APPS), "--port", "0", *tls)
        server = start(*command, "--https-redirect", str(port))
        assert server.wait() == 3
    (line,) = [line for line in server.output().splitlines() if line.startswith("ERROR")]
    assert f"127.0.0.1:{port}" in line and "in use" in line
