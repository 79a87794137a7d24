"""HTTP/2 from the command line: who may speak it, with curl."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Files
from tests.support.server import Server, serve
from tests.support.tools import need_tool

APP = """
async def app(scope, receive, send):
    said = f"{scope['http_version']} {scope['scheme']} {'tls' in scope['extensions']}"
    content = b""
    while (message := await receive()).get("more_body"):
        content += message["body"]
    body = said.encode() + b" " + content + message["body"]
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})
"""
# Says whether the engine has been imported.
IMPORTS = """
import sys
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    known = "tricorn.wire.h2" in sys.modules
    await send({"type": "http.response.body", "body": str(known).encode()})
"""
CLEARTEXT = "--http2-prior-knowledge"


@pytest.fixture(scope="module")
def app_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("app")
    (directory / "tells.py").write_text(APP)
    (directory / "imports.py").write_text(IMPORTS)
    return directory


def curl(url: str, *options: str) -> str:
    """What curl prints of the content and the HTTP version that it spoke."""
    command = [
        need_tool("curl"),
        "-sS",
        "--max-time",
        "30",
        "-w",
        " %{http_version}",
        *options,
        url,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def tls_server(files: Files, app_dir: Path) -> Iterator[Server]:
    made = files.make("server", "127.0.0.1", "localhost")
    assert made.keyfile is not None
    options = ("--ssl-certfile", made.certfile, "--ssl-keyfile", made.keyfile, "--lifespan", "off")
    with serve("tells:app", *options, app_dir=app_dir) as running:
        yield running


class TestOverTls:
    def ask(self, server: Server, files: Files, *options: str) -> str:
        url = f"https://127.0.0.1:{server.port}/"
        return curl(url, "--cacert", files.authority_file, *options)

    def test_by_default(self, tls_server: Server, files: Files) -> None:
        assert self.ask(tls_server, files) == "2 https True  2"

    def test_not_asked_for(self, tls_server: Server, files: Files) -> None:
        assert self.ask(tls_server, files, "--http1.1") == "1.1 https True  1.1"

    def test_large_content(self, tls_server: Server, files: Files, tmp_path: Path) -> None:
        content = tmp_path / "content"
        content.write_text("x" * 1_000_000)
        got = self.ask(tls_server, files, "--data-binary", f"@{content}")
        assert got == "2 https True " + "x" * 1_000_000 + " 2"


class TestCleartext:
    def ask(self, app_dir: Path, *options: str, client: tuple[str, ...] = (CLEARTEXT,)) -> Any:
        with serve("tells:app", "--lifespan", "off", *options, app_dir=app_dir) as server:
            return curl(f"http://127.0.0.1:{server.port}/", *client)

    def test_trusted_proxies(self, app_dir: Path) -> None:
        assert self.ask(app_dir) == "2 http False  2"

    def test_others(self, app_dir: Path) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            self.ask(app_dir, "--forwarded-allow-ips", "192.0.2.1")

    def test_all(self, app_dir: Path) -> None:
        assert self.ask(app_dir, "--forwarded-allow-ips", "192.0.2.1", "--http2") == (
            "2 http False  2"
        )

    def test_over_tls_only(self, app_dir: Path) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            self.ask(app_dir, "--http2", "tls")

    def test_http1_beside_it(self, app_dir: Path) -> None:
        assert self.ask(app_dir, "--http2", client=()) == "1.1 http False  1.1"


class TestMemory:
    """The engine and what drives it take 0.7 MB."""

    def test_without_tls_it_is_imported_for_the_first_connection(self, app_dir: Path) -> None:
        with serve("imports:app", "--lifespan", "off", app_dir=app_dir) as server:
            url = f"http://127.0.0.1:{server.port}/"
            assert curl(url) == "False 1.1"
            assert curl(url, CLEARTEXT) == "True 2"

    def test_for_all_it_is_imported_at_the_start(self, app_dir: Path) -> None:
        options = ("--http2", "all", "--lifespan", "off")
        with serve("imports:app", *options, app_dir=app_dir) as server:
            assert curl(f"http://127.0.0.1:{server.port}/") == "True 1.1"

    def test_over_tls_too(self, files: Files, app_dir: Path) -> None:
        made = files.make("server", "127.0.0.1", "localhost")
        assert made.keyfile is not None
        tls = ("--ssl-certfile", made.certfile, "--ssl-keyfile", made.keyfile)
        with serve("imports:app", *tls, "--lifespan", "off", app_dir=app_dir) as server:
            url = f"https://127.0.0.1:{server.port}/"
            assert curl(url, "--cacert", files.authority_file, "--http1.1") == "True 1.1"
