"""The command line as a whole: options that show in an answer or in what a server says."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import free_port
from tests.support.raw import RawClient
from tests.support.server import APPS, START_DEADLINE, STOP_DEADLINE, Server, serve, start
from tests.support.wait import wait_for
from tricorn.asgi.message_logger import abridged


class TestTrace:
    def test_the_lines(self) -> None:
        with serve("plain:app", "--log-level", "trace") as server:
            with server.connect() as client:
                client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                assert client.read_response().body == b"abc"
                host, port = client.socket.getsockname()
            server.stop()
            output = server.stderr()
        start_line = re.escape(f"TRACE:    {host}:{port} - ASGI [2] Started scope={{")
        assert re.search(start_line + r".*'path': '/echo'.*'headers': '<\.\.\.>'", output)
        for text in (
            "Receive {'type': 'http.request', 'body': '<3 bytes>', 'more_body': False}",
            "Send {'type': 'http.response.start', 'status': 200, 'headers': '<...>'}",
            "Send {'type': 'http.response.body', 'body': '<3 bytes>'}",
            "Completed",
        ):
            assert f"TRACE:    {host}:{port} - ASGI [2] {text}\n" in output
        assert "TRACE:    ASGI [1] Receive {'type': 'lifespan.startup'}" in output
        assert "abc" not in output

    def test_an_exception(self) -> None:
        with serve("plain:app", "--log-level", "trace", allow_errors=True) as server:
            with server.connect() as client:
                assert client.get("/error").status == 500
            output = server.wait_output("RuntimeError")
        assert "ASGI [2] Raised exception" in output
        assert "message_logger.py" not in output

    @pytest.mark.parametrize(
        ("message", "shown"),
        [
            (
                {"type": "websocket.send", "text": "four"},
                {"type": "websocket.send", "text": "<4 chars>"},
            ),
            ({"bytes": b"ab", "text": None}, {"bytes": "<2 bytes>", "text": None}),
            ({"body": None, "headers": None}, {"body": None, "headers": None}),
            ({"body": 5}, {"body": 5}),
            ("no message", "no message"),
        ],
    )
    def test_what_is_shown(self, message: Any, shown: Any) -> None:
        assert abridged(message) == shown


def is_served(path: Path) -> bool:
    """Does a server answer at a Unix socket?"""
    try:
        with RawClient(str(path)) as client:
            return client.get("/").status == 200
    except OSError:
        return False


class TestTheCommandLine:
    @pytest.mark.parametrize(
        "loop", ["auto", "asyncio", "uvloop", "none", "asyncio:new_event_loop"]
    )
    def test_loops(self, loop: str) -> None:
        if loop == "uvloop":
            pytest.importorskip("uvloop")
        with serve("plain:app", "--loop", loop) as server, server.connect() as client:
            assert client.get("/").body == b"Hello, world"

    def test_the_demo(self) -> None:
        with start("--demo", "--port", "0") as server:
            server.wait_started()
            with server.connect() as client:
                response = client.get("/")
            assert response.status == 200
            assert b"<html" in response.body.lower()
            assert server.stop() == 0
        server.check_output()

    def test_fields(self) -> None:
        with serve("plain:app", "--header", "X-A: 1", "--header", "X-B:2") as server:
            with server.connect() as client:
                response = client.get("/")
        assert response.header(b"x-a") == b"1"
        assert response.header(b"x-b") == b"2"
        assert response.header(b"server") == b"tricorn"
        assert response.header(b"date")

    def test_no_server_and_no_date(self) -> None:
        with serve("plain:app", "--no-server-header", "--no-date-header") as server:
            with server.connect() as client:
                response = client.get("/")
        assert response.header(b"server") is None
        assert response.header(b"date") is None

    def test_a_server_of_the_users(self) -> None:
        with serve("plain:app", "--header", "Server:mine") as server, server.connect() as client:
            assert client.get("/").header(b"server") == b"mine"

    def test_concurrency(self) -> None:
        with serve("stubborn:app", "--limit-concurrency", "1") as server:
            with server.connect() as busy:
                assert busy.get("/").status == 200
                busy.send(b"GET /survive HTTP/1.1\r\nHost: a\r\n\r\n")
                server.wait_output("held")
                with server.connect() as other:
                    response = other.get("/")
                assert response.status == 503
                assert response.header(b"connection") == b"close"
                server.wait_output("Exceeded concurrency limit.")
                server.kill()

    def test_reset_contextvars(self, tmp_path: Path) -> None:
        (tmp_path / "contextual.py").write_text(
            "import contextvars\n"
            "var = contextvars.ContextVar('var', default='unset')\n"
            "var.set('imported')\n"
            "async def app(scope, receive, send):\n"
            "    assert scope['type'] == 'http'\n"
            "    body = var.get().encode()\n"
            "    await send({'type': 'http.response.start', 'status': 200})\n"
            "    await send({'type': 'http.response.body', 'body': body})\n"
        )
        for options, expected in (((), b"imported"), (("--reset-contextvars",), b"unset")):
            with serve("contextual:app", *options, app_dir=tmp_path) as server:
                with server.connect() as client:
                    assert client.get("/").body == expected

    def test_several_places_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        binds = ["--bind", "127.0.0.1:0", "--bind", "127.0.0.1:0", "--bind", f"unix:{path}"]
        with serve("plain:app", *binds) as server:
            banners = wait_for(lambda: len(found := server.banners()) == 3 and found)
            places: list[Any] = [(b["host"], int(b["port"])) for b in banners if b["url"]]
            for place in [*places, str(path)]:
                with RawClient(place) as client:
                    assert client.get("/").status == 200
        assert not path.exists()

    def test_a_unix_socket(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with serve("plain:app", "--uds", str(path), "--uds-mode", "600") as server:
            assert path.stat().st_mode & 0o777 == 0o600
            with server.connect() as client:
                found = json.loads(client.get("/headers").body)
            assert found["server"] == [str(path), None]
            assert found["client"] is None
            assert server.stop() == 0
            assert 'INFO:      - "GET /headers HTTP/1.1" 200 OK' in server.output()

    def test_an_inherited_socket(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            number = sock.fileno()
            with serve("plain:app", "--fd", str(number), pass_fds=(number,)) as server:
                with RawClient(sock.getsockname()) as client:
                    assert client.get("/").status == 200
                name = str(sock.getsockname())
                assert f"Tricorn running on socket {name} (Press CTRL+C to quit)" in server.output()
            # Whoever passed it can serve on.
            RawClient(sock.getsockname()).close()

    def test_sockets_from_systemd(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            with _activated(sock, "plain:app", "--app-dir", str(APPS)) as server:
                server.wait_output("running on")
                with RawClient(sock.getsockname()) as client:
                    assert client.get("/").status == 200
                assert server.stop() == 0
            server.check_output()

    def test_the_port_of_a_platform(self) -> None:
        port = free_port()
        with start("plain:app", "--app-dir", str(APPS), env={"PORT": str(port)}) as server:
            server.wait_started()
            assert server.url == f"http://0.0.0.0:{port}"
            with RawClient(("127.0.0.1", port)) as client:
                assert client.get("/").status == 200

    @pytest.mark.parametrize("more", [(), ("--workers", "2")])
    def test_without_standard_streams(self, tmp_path: Path, more: tuple[str, ...]) -> None:
        """No socket may take their numbers: libuv aborts where it closes one of them."""
        path = tmp_path / "socket"
        command = [sys.executable, "-m", "tricorn", "plain:app", "--app-dir", str(APPS), *more]
        script = 'exec "$@" <&- >&- 2>&-'
        arguments = ["sh", "-c", script, "sh", *command, "--uds", str(path)]
        with subprocess.Popen(arguments) as process:
            try:
                wait_for(lambda: is_served(path), START_DEADLINE)
                process.terminate()
                assert process.wait(STOP_DEADLINE) == 0
            finally:
                process.kill()

    def test_a_log_config_for_uvicorn(self, tmp_path: Path) -> None:
        """Its loggers aren't ours, so it says why nothing else is logged."""
        path = tmp_path / "log.json"
        handlers = {"err": {"class": "logging.StreamHandler"}}
        loggers = {"uvicorn": {"handlers": ["err"], "level": "INFO"}}
        path.write_text(json.dumps({"version": 1, "handlers": handlers, "loggers": loggers}))
        args = ("plain:app", "--app-dir", str(APPS), "--port", "0", "--log-config", str(path))
        server = start(*args)
        server.wait_output("Rename them, or give --product uvicorn.\n")
        server.stop()
        assert server.output().startswith("The log configuration is for the loggers of uvicorn")

    def test_its_log_is_uvicorns(self) -> None:
        """The same lines in the same order, with the product's name changed."""
        logs = []
        for module in ("uvicorn", "tricorn"):
            with serve("plain:app", module=module) as server:
                with server.connect() as client:
                    assert client.get("/").status == 200
                    assert client.get("/missing?a=1&b=%20").status == 404
                    own = f"{client.socket.getsockname()[0]}:{client.socket.getsockname()[1]}"
                server.process.send_signal(signal.SIGTERM)
                server.wait()
                text = server.stderr() + server.stdout()
                text = text.replace(own, "CLIENT").replace(f"[{server.pid}]", "[PID]")
                logs.append(text.replace(f":{server.port}", ":PORT").replace("Uvicorn", "Tricorn"))
        assert logs[1] == logs[0]


ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "tricorn", *sys.argv[2:]])
"""


def _activated(sock: socket.socket, *args: str) -> Server:
    """Started as systemd starts a service with a socket: as descriptor 3."""
    fd = sock.fileno()
    process = subprocess.Popen(
        [sys.executable, "-c", ACTIVATE, str(fd), *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        pass_fds=(fd,),
        start_new_session=True,
    )
    return Server(process, "Tricorn")


RUNS_A_LOOP = """
import asyncio

async def build():
    return b"built in a loop of its own"

content = asyncio.run(build())

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": content})
"""


@pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--reload",)])
def test_an_app_may_run_a_loop_as_it_is_imported(tmp_path: Path, more: tuple[str, ...]) -> None:
    (tmp_path / "looping.py").write_text(RUNS_A_LOOP)
    with serve("looping:app", *more, "--lifespan", "off", app_dir=tmp_path) as server:
        with server.connect() as client:
            assert client.get("/").body == b"built in a loop of its own"


SHOWS_ARGUMENTS = """
import json, sys

content = json.dumps(sys.argv[1:]).encode()

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": content})
"""


@pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--reload",)])
def test_an_app_sees_the_command_line(tmp_path: Path, more: tuple[str, ...]) -> None:
    (tmp_path / "looking.py").write_text(SHOWS_ARGUMENTS)
    with serve("looking:app", *more, "--lifespan", "off", app_dir=tmp_path) as server:
        with server.connect() as client:
            seen = json.loads(client.get("/").body)
            assert seen[0] == "looking:app" and seen[-2:] == ["--lifespan", "off"]
