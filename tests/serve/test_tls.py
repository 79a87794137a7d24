"""TLS from the command line, with real clients."""

import asyncio
import datetime
import json
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.apps.plain import app
from tests.support.certificates import Files
from tests.support.server import APPS, Server, serve, start
from tests.support.tools import need_tool
from tests.support.wait import wait_for
from tricorn.net.tls import Certificate
from tricorn.serve.program import Config
from tricorn.serve.server import Server as EmbeddedServer

APP = """
import datetime
import json

async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": scope["scheme"]})
        await send({"type": "websocket.close"})
        return
    body = json.dumps([scope["scheme"], scope["extensions"].get("tls")]).encode()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body + b" " * 300_000})
"""


def options(certificate: Certificate) -> tuple[str, ...]:
    assert certificate.keyfile is not None
    return ("--ssl-certfile", certificate.certfile, "--ssl-keyfile", certificate.keyfile)


@pytest.fixture(scope="module")
def app_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("app")
    (directory / "over_tls.py").write_text(APP)
    return directory


@pytest.fixture(scope="module", params=["1", "2"], ids=["process", "workers"])
def server(
    request: pytest.FixtureRequest, files: Files, app_dir: Path
) -> Iterator[tuple[Server, Certificate]]:
    certificate = files.make(f"server{request.param}", "127.0.0.1", "localhost")
    more = ("--workers", request.param, "--lifespan", "off")
    with serve("over_tls:app", *options(certificate), *more, app_dir=app_dir) as running:
        yield running, certificate


def connect(server: Server, files: Files, name: str = "localhost") -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=files.authority_file)
    plain = socket.create_connection((server.host, server.port), 30)
    return context.wrap_socket(plain, server_hostname=name)


def ask(sock: Any) -> bytes:
    sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_curl(server: tuple[Server, Certificate], files: Files) -> None:
    running, _ = server
    url = f"https://127.0.0.1:{running.port}/"
    command = [need_tool("curl"), "-s", "--cacert", files.authority_file, url]
    scheme, tls = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert scheme == "https"
    assert tls["tls_version"] == 0x0304
    assert tls["client_cert_chain"] == []


def test_a_websocket_is_wss(server: tuple[Server, Certificate], files: Files) -> None:
    # Not the library's client for threads: two of them would share an SSLSocket, which may break
    # by itself in Pythons before 3.13.
    from websockets.asyncio.client import connect as connect_websocket

    running, _ = server
    context = ssl.create_default_context(cafile=files.authority_file)

    async def first_message() -> str | bytes:
        url = f"wss://127.0.0.1:{running.port}/"
        async with connect_websocket(url, ssl=context) as websocket:
            return await asyncio.wait_for(websocket.recv(), 30)

    assert asyncio.run(first_message()) == "wss"


def test_plain_http_is_told(server: tuple[Server, Certificate]) -> None:
    running, _ = server
    with socket.create_connection((running.host, running.port), 30) as sock:
        answer = ask(sock)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"this port speaks TLS: use https:// or wss://\n")


def test_scanners_leave_no_trace(server: tuple[Server, Certificate], files: Files) -> None:
    running, _ = server
    before = running.output()
    for data in (b"", b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x01" + b"\xff" * 500):
        with socket.create_connection((running.host, running.port), 30) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            sock.settimeout(30)
            try:
                while sock.recv(9999):
                    pass
            except ConnectionError:
                pass
    with connect(running, files) as client:
        assert ask(client).startswith(b"HTTP/1.1 200 ")
    found = running.output()[len(before) :]
    assert "Traceback" not in found
    assert "ERROR" not in found


def test_renewed_certificates_are_used(
    server: tuple[Server, Certificate], files: Files, app_dir: Path
) -> None:
    running, certificate = server

    def serial() -> Any:
        with connect(running, files) as client:
            return (client.getpeercert() or {})["serialNumber"]

    before = serial()
    kept = connect(running, files)
    Path(certificate.certfile).write_text("half")
    running.wait_output("has no certificate in PEM format. The certificates that were read")
    assert serial() == before
    files.make(Path(certificate.certfile).stem, "127.0.0.1", "localhost")
    wait_for(lambda: {serial() for _ in range(8)}.isdisjoint({before}), what="the new certificate")
    # What was connected before goes on.
    assert ask(kept).startswith(b"HTTP/1.1 200 ")
    kept.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sighup_with_changed_files(files: Files, app_dir: Path, workers: str) -> None:
    """Who renews certificates sends it by habit: bad files change nothing, good ones are used."""
    certificate = files.make(f"hangup{workers}", "127.0.0.1", "localhost")
    more = ("--workers", workers, "--lifespan", "off")
    with serve("over_tls:app", *options(certificate), *more, app_dir=app_dir) as running:

        def serial() -> Any:
            with connect(running, files) as client:
                return (client.getpeercert() or {})["serialNumber"]

        before = serial()
        Path(certificate.certfile).write_text("half")
        running.process.send_signal(signal.SIGHUP)
        if workers == "1":
            running.wait_output("The certificates that were read before stay in use.")
        else:
            running.wait_output("The restart stops here; the workers that serve go on.")
        assert serial() == before
        files.make(f"hangup{workers}", "127.0.0.1", "localhost")
        running.process.send_signal(signal.SIGHUP)
        wait_for(
            lambda: {serial() for _ in range(8)}.isdisjoint({before}), what="the new certificate"
        )
        assert running.process.poll() is None


@pytest.mark.parametrize("workers", ["1", "2"])
def test_bad_files_are_one_line_and_3(files: Files, workers: str) -> None:
    certificate = files.make("fine", "localhost")._replace(keyfile="/no/such.key")
    command = ("plain:app", "--app-dir", str(APPS), "--port", "0", "--workers", workers)
    server = start(*command, *options(certificate))
    assert server.wait() == 3
    lines = [line for line in server.output().splitlines() if not line.startswith("INFO")]
    assert lines == ["ERROR:    ssl_keyfile: /no/such.key can't be read: No such file or directory"]


def test_client_certificates(files: Files, app_dir: Path) -> None:
    mine = files.make("client", "me@example", common_name="Me")
    more = ("--ssl-ca-certs", files.authority_file, "--ssl-cert-reqs", "2", "--lifespan", "off")
    certificate = files.make("asking", "localhost")
    with serve("over_tls:app", *options(certificate), *more, app_dir=app_dir) as server:
        context = ssl.create_default_context(cafile=files.authority_file)
        context.load_cert_chain(mine.certfile, mine.keyfile)
        plain = socket.create_connection((server.host, server.port), 30)
        with context.wrap_socket(plain, server_hostname="localhost") as client:
            _, tls = json.loads(ask(client).partition(b"\r\n\r\n")[2])
        assert tls["client_cert_name"].startswith("CN=Me")
        with pytest.raises(OSError), connect(server, files) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            if not client.recv(1):
                raise ConnectionError


def test_names(files: Files, app_dir: Path) -> None:
    certificate = files.make("first", "localhost")
    other = files.make("second", "other.example")
    named = ("--ssl-certificate", f"other.example={other.certfile},{other.keyfile}")
    more = (*named, "--lifespan", "off")
    with serve("over_tls:app", *options(certificate), *more, app_dir=app_dir) as server:
        for name in ("localhost", "other.example"):
            with connect(server, files, name) as client:
                assert ask(client).startswith(b"HTTP/1.1 200 ")


def test_the_drain_finishes_requests(files: Files, app_dir: Path) -> None:
    certificate = files.make("draining", "localhost")
    more = ("--lifespan", "off")
    with serve("over_tls:app", *options(certificate), *more, app_dir=app_dir) as server:
        with connect(server, files) as client:
            client.sendall(b"GET / HTTP/1.1\r\n")
            os.kill(server.pid, signal.SIGTERM)
            server.wait_output("Waiting for connections to close.")
            client.sendall(b"Host: localhost\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"


def bad_files(files: Files, kind: str) -> tuple[tuple[str, ...], str]:
    """Options that name a file which can't be used, and what is said of it."""
    good = files.make("good", "localhost")
    assert good.keyfile is not None
    if kind == "mismatched":
        other = files.make("another", "localhost")
        said = f"{other.keyfile} isn't the key of the certificate in {good.certfile}"
        return options(good._replace(keyfile=other.keyfile)), said
    if kind == "expired":
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        old = files.make("expired", "localhost", not_after=past)
        return options(old), f"{old.certfile} expired on "
    if kind == "encrypted":
        keyfile = str(files.directory / "encrypted.key")
        command = [need_tool("openssl"), "pkey", "-in", good.keyfile, "-aes256"]
        subprocess.run([*command, "-passout", "pass:x", "-out", keyfile], check=True)
        said = f"{keyfile} is encrypted; give --ssl-keyfile-password"
        return options(good._replace(keyfile=keyfile)), said
    directory = str(files.directory)
    said = f"{directory} can't be read: Is a directory"
    return options(good._replace(certfile=directory)), said


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.once)])
@pytest.mark.parametrize("kind", ["mismatched", "expired", "encrypted", "unreadable"])
def test_each_kind_of_bad_file(files: Files, kind: str, workers: str) -> None:
    given, said = bad_files(files, kind)
    server = start("plain:app", "--app-dir", str(APPS), "--port", "0", "--workers", workers, *given)
    assert server.wait() == 3
    # No worker was started to find out.
    (line,) = server.output().splitlines()
    assert line.startswith("ERROR:    ssl_") and said in line


@pytest.mark.once
def test_reloaded_code_is_served_over_tls(files: Files, tmp_path: Path) -> None:
    text = APP.replace('scope["scheme"]', '"{version}"')
    module = tmp_path / "reloaded_tls.py"
    module.write_text(text.replace("{version}", "one"))
    more = ("--reload", "--lifespan", "off", "--reload-dir", str(tmp_path))
    certificate = files.make("reloading", "localhost")
    with serve("reloaded_tls:app", *options(certificate), *more, app_dir=tmp_path) as server:

        def version() -> Any:
            # TLS can't be handed to the next process. Who has connected to the one that leaves,
            # and asks too late on a busy machine, meets a closed connection.
            try:
                with connect(server, files) as client:
                    content = ask(client).partition(b"\r\n\r\n")[2]
            except OSError:
                return None
            return json.loads(content)[0] if content else None

        assert version() == "one"
        half = tmp_path / "half"
        half.write_text(text.replace("{version}", "two"))
        half.replace(module)
        wait_for(lambda: version() == "two", 30, "the new code")


def test_a_program_that_goes_step_by_step(files: Files) -> None:
    certificate = files.make("steps", "127.0.0.1", "localhost")
    config = Config(
        app,
        port=0,
        lifespan="off",
        log_config=None,
        ssl_certfile=certificate.certfile,
        ssl_keyfile=certificate.keyfile,
    )
    config.load()
    # For programs that load certificates into it.
    context = config.ssl
    assert isinstance(context, ssl.SSLContext)

    async def run() -> bytes:
        server = EmbeddedServer(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        assert server.listening.ssl_context is context
        port = server.servers[0].sockets[0].getsockname()[1]
        trusting = ssl.create_default_context(cafile=files.authority_file)
        reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await server.shutdown()
        return answer

    assert asyncio.run(asyncio.wait_for(run(), 60)).startswith(b"HTTP/1.1 200 ")
