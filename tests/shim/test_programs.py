"""Programs that start Uvicorn, unchanged."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import httpx
import pytest

from tests.shim.in_front import APPS, Start, in_front
from tests.support.raw import RawClient
from tests.support.server import Server, launch

VERSION = "version one of no secret"  # what apps/versions.py says


def get(server: Server, path: str = "/") -> httpx.Response:
    return httpx.get(server.url + path, timeout=60, trust_env=False)


class TestOwnPrograms:
    @pytest.mark.parametrize(("way", "code"), [("run", -signal.SIGTERM), ("workers", 0)])
    def test_run(self, start: Start, way: str, code: int) -> None:
        server = start("plainly.py", way)
        answer = get(server)
        assert (answer.text, answer.headers["server"]) == (VERSION, "uvicorn")
        # The program has changed LOGGING_CONFIG, for its workers too.
        server.wait_output("changed INFO:     200 OK")
        assert server.stop(signal.SIGTERM) == code

    def test_in_a_loop_of_the_programs_own(self, start: Start) -> None:
        server = start("plainly.py", "loop")
        assert get(server).text == VERSION
        server.wait_output('"GET / HTTP/1.1" 200 OK')
        assert server.stop(signal.SIGINT) == 0
        assert "Finished server process" in server.output()

    def test_in_a_thread_of_a_subclass(self, start: Start) -> None:
        server = start("plainly.py", "thread")
        assert get(server).text == VERSION
        server.wait_output("in a thread, port")
        assert server.stop(signal.SIGTERM) == 0

    @pytest.mark.parametrize("options", [[], ["--reload"], ["--workers", "2"]])
    def test_the_command(self, start: Start, options: list[str]) -> None:
        server = start("-m", "uvicorn", "versions:app", "--port", "0", *options)
        answer = get(server)
        assert (answer.text, answer.headers["server"]) == (VERSION, "uvicorn")
        server.wait_output('"GET / HTTP/1.1" 200 OK')


@pytest.mark.parametrize("mode", ["run", "dev"])
def test_fastapi_cli(start: Start, mode: str) -> None:
    pytest.importorskip("fastapi_cli")
    server = start("-m", "fastapi", mode, "fast.py", "--port", "0", "--host", "127.0.0.1")
    assert get(server).json() == {"served": "by the shim"}


@pytest.mark.parametrize("options", [[], ["--wc", "2"]])
def test_litestar_run(start: Start, options: list[str]) -> None:
    pytest.importorskip("litestar")
    server = start("-m", "litestar", "--app", "lite:app", "run", "--port", "0", *options)
    assert get(server).json() == {"served": "by the shim"}


def test_datasette(start: Start) -> None:
    pytest.importorskip("datasette")
    server = start("-m", "datasette", "serve", "--memory", "-p", "0")
    query = "sql=select+6*7+as+answer"
    assert get(server, f"/_memory.json?{query}&_shape=array").json() == [{"answer": 42}]
    assert "42" in get(server, f"/_memory.csv?{query}&_stream=1").text


def test_fasthtml(start: Start) -> None:
    pytest.importorskip("fasthtml")
    server = start("hyper.py")
    assert "Served by the shim" in get(server).text


def test_an_mcp_server(start: Start) -> None:
    mcp = pytest.importorskip("mcp")
    server = start("tools.py")

    async def ask() -> str:
        async with mcp.Client(f"{server.url}/mcp") as client:
            return str(await client.call_tool("double", {"number": 21}))

    assert "42" in asyncio.run(asyncio.wait_for(ask(), 60))


def test_sse_starlette_ends_its_streams(start: Start) -> None:
    pytest.importorskip("sse_starlette")
    server = start("-m", "uvicorn", "events:app", "--port", "0")
    with httpx.stream("GET", server.url, timeout=60, trust_env=False) as answer:
        lines = answer.iter_lines()
        assert next(lines) == "data: 0"
        server.process.send_signal(signal.SIGTERM)
        # sse-starlette leaves its generator, and the last chunk unsent, as under Uvicorn.
        with contextlib.suppress(httpx.RemoteProtocolError):
            for _ in lines:
                pass
    server.wait()
    # It ended by itself, not by the limit of the drain.
    assert "timeout graceful shutdown exceeded" not in server.output()
    assert "Finished server process" in server.output()


def test_gunicorn(tmp_path: Path) -> None:
    pytest.importorskip("gunicorn")
    path = str(tmp_path / "socket")
    command = [sys.executable, "-m", "gunicorn", "-k", "uvicorn.workers.UvicornWorker"]
    with launch(
        [*command, "-b", f"unix:{path}", "versions:app"], env=in_front(), cwd=APPS
    ) as server:
        server.wait_output("Application startup complete")
        with RawClient(path) as client:
            answer = client.get("/")
        assert (answer.body, answer.header(b"server")) == (VERSION.encode(), b"uvicorn")
        assert server.stop() == 0
