"""How a server ends: signals, the drain, timeouts, exit codes, what it leaves behind."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import APPS, Server, serve, start
from tests.support.wait import wait_for

APP = "stubborn:app"
BOTH = pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
HANGING = {"STARTUP": "hang"}


def starting(*args: str, **env: str) -> Server:
    """A server that may never listen."""
    listening = () if {"--uds", "--port", "--bind"} & set(args) else ("--port", "0")
    return start(APP, "--app-dir", str(APPS), *listening, *args, env=env)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Of a Unix socket, which no ended server may leave there."""
    path = tmp_path / "socket"
    yield path
    assert not path.exists(), "the socket's file was left"


def lines(server: Server) -> list[str]:
    """What the server has logged; the app prints without a level."""
    found = [line.partition(":     ") for line in server.stderr().splitlines()]
    return [text for _, level, text in found if level]


class TestDraining:
    @BOTH
    def test_nothing_to_do(self, signum: int) -> None:
        with serve(APP) as server:
            assert server.stop(signum) == 0
            assert lines(server)[-4:] == [
                "Shutting down",
                "Waiting for application shutdown.",
                "Application shutdown complete.",
                f"Finished server process [{server.pid}]",
            ]
            assert server.output().endswith("atexit ran\n")

    @BOTH
    def test_a_request_in_flight_is_answered(self, signum: int) -> None:
        with serve(APP) as server, server.connect() as client, server.connect() as idle:
            assert idle.get("/").status == 200
            client.send(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            other = server.connect()
            other.send(b"GET /let-go HTTP/1.1\r\nHost: a")  # its end comes when we want
            wait_for(lambda: server.process.poll() is None)
            server.process.send_signal(signum)
            server.wait_output("Waiting for connections to close. (CTRL+C to force quit)")
            assert idle.read_until_closed() == b""
            with pytest.raises(ConnectionError):
                server.connect()
            other.send(b"\r\n\r\n")
            assert other.read_response().status == 200
            response = client.read_response()
            assert (response.status, response.body) == (200, b"ok")
            assert response.header(b"connection") == b"close"
            assert client.read_until_closed() == b""
            assert server.wait() == 0
            other.close()

    def test_a_request_that_arrives_with_the_signal(self) -> None:
        """Sent before the server looks up: it was accepted, so it is answered."""
        with serve(APP) as server:
            clients = [server.connect() for _ in range(5)]
            assert clients[0].get("/").status == 200
            os.kill(server.pid, signal.SIGSTOP)
            for client in clients:
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            os.kill(server.pid, signal.SIGTERM)
            os.kill(server.pid, signal.SIGCONT)
            for client in clients:
                assert client.read_response().body == b"ok"
                client.close()
            assert server.wait() == 0

    def test_a_second_sigterm_changes_nothing(self) -> None:
        with serve(APP) as server, server.connect() as client:
            client.send(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            late = server.connect()
            late.send(b"GET /let-go HTTP/1.1\r\n")
            server.process.send_signal(signal.SIGTERM)
            server.wait_output("Waiting for connections to close.")
            server.process.send_signal(signal.SIGTERM)
            late.send(b"Host: a\r\n\r\n")
            assert late.read_response().status == 200
            assert client.read_response().body == b"ok"
            assert server.wait() == 0
            late.close()

    @pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
    def test_a_second_sigint_forces(self, first: int) -> None:
        with serve(APP) as server, server.connect() as client:
            client.send(b"GET /cancelled HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            server.process.send_signal(first)
            server.wait_output("Waiting for connections to close.")
            assert server.stop(signal.SIGINT) == 0
            output = server.output()
            # The app is told, so that it can clear up; the lifespan is not waited for.
            assert "cancelled: " in output
            assert "Waiting for application shutdown." not in output

    def test_the_handler_is_found_during_the_whole_drain(self) -> None:
        with serve(APP) as server, server.connect() as client:
            client.send(b"GET /handler HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            late = server.connect()
            late.send(b"GET /let-go HTTP/1.1\r\n")
            server.process.send_signal(signal.SIGTERM)
            server.wait_output("should_exit is True")
            server.wait_output("Waiting for connections to close.")
            late.send(b"Host: a\r\n\r\n")
            assert late.read_response().status == 200
            assert client.read_response().status == 200
            assert server.wait() == 0
            assert "should_exit is False" in server.output()
            assert "handler is still there" in server.output()
            late.close()


class TestTheTimeout:
    def test_an_app_is_cancelled(self) -> None:
        with serve(APP, "--timeout-graceful-shutdown", "0.2") as server:
            with server.connect() as client:
                client.send(b"GET /cancelled HTTP/1.1\r\nHost: a\r\n\r\n")
                server.wait_output("held")
                assert server.stop() == 0
                response = client.read_response()
                assert response.status == 500
                assert response.header(b"connection") == b"close"
            output = server.output()
            message = "Task cancelled, timeout graceful shutdown exceeded"
            assert f"cancelled: {message}" in output
            assert "Cancel 1 running task(s), timeout graceful shutdown exceeded" in output
            assert "Application shutdown complete." in output

    def test_an_app_that_has_begun_is_cut(self) -> None:
        with serve(APP, "--timeout-graceful-shutdown", "0.2") as server:
            with server.connect() as client:
                client.send(b"GET /part HTTP/1.1\r\nHost: a\r\n\r\n")
                server.wait_output("held")
                assert server.stop() == 0
                with pytest.raises(ConnectionError):
                    client.read_response()

    def test_an_app_may_still_answer(self) -> None:
        with serve(APP, "--timeout-graceful-shutdown", "0.2") as server:
            with server.connect() as client:
                client.send(b"GET /survive HTTP/1.1\r\nHost: a\r\n\r\n")
                server.wait_output("held")
                assert server.stop() == 0
                assert client.read_response().body == b"ok"

    def test_none_is_no_time(self) -> None:
        with serve(APP, "--timeout-graceful-shutdown", "0") as server:
            with server.connect() as client:
                client.send(b"GET /cancelled HTTP/1.1\r\nHost: a\r\n\r\n")
                server.wait_output("held")
                assert server.stop() == 0
                assert client.read_response().status == 500

    def test_a_client_that_has_sent_half_a_request(self) -> None:
        with serve(APP, "--timeout-graceful-shutdown", "0.2") as server:
            with server.connect() as client:
                assert client.get("/").status == 200
                client.send(b"GET / HT")
                assert server.stop() == 0


class TestLifespan:
    @BOTH
    def test_a_hung_startup_is_interrupted(self, signum: int) -> None:
        with starting(**HANGING) as server:
            server.wait_output("startup begun")
            assert server.stop(signum) == 0
        assert "Application startup interrupted. Exiting." in server.output()
        server.check_output()

    def test_a_startup_that_takes_too_long(self) -> None:
        with starting("--timeout-lifespan-startup", "0.2", **HANGING) as server:
            assert server.wait() == 3
        assert "Application startup took longer than 0.2 seconds." in server.output()
        server.check_output()

    @pytest.mark.parametrize("how", ["fail", "raise"])
    def test_a_startup_that_fails(self, how: str, path: Path) -> None:
        with starting("--uds", str(path), "--lifespan", "on", STARTUP=how) as server:
            assert server.wait() == 3
        output = server.output()
        assert "no database" in output
        assert "Application startup failed. Exiting." in output
        assert "running on" not in output

    @BOTH
    def test_a_hung_shutdown_ends_with_the_second_sigint(self, signum: int) -> None:
        with serve(APP, env={"SHUTDOWN": "hang"}) as server:
            server.process.send_signal(signum)
            server.wait_output("shutdown begun")
            assert server.stop(signal.SIGINT) == 0

    def test_a_hung_shutdown_ends_with_its_timeout(self) -> None:
        with serve(APP, "--timeout-lifespan-shutdown", "0.2", env={"SHUTDOWN": "hang"}) as server:
            assert server.stop() == 0
            assert "Application shutdown took longer than 0.2 seconds." in server.output()

    @pytest.mark.parametrize("how", ["fail", "raise"])
    def test_a_shutdown_that_fails(self, how: str) -> None:
        env = {"SHUTDOWN": how}
        with serve(APP, "--lifespan", "on", env=env, allow_errors=True) as server:
            assert server.stop() == 0
            assert "no database" in server.output()
            assert "Application shutdown failed. Exiting." in server.output()


def importing(tmp_path: Path, source: str, *args: str) -> Server:
    (tmp_path / "bad.py").write_text(textwrap.dedent(source))
    return start("bad:app", "--app-dir", str(tmp_path), *args)


class TestExitCodes:
    def test_the_address_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            server = start(APP, "--app-dir", str(APPS), "--port", port)
            assert server.wait() == 3
        output = server.output()
        assert "app imported" not in output  # none of its code has run
        assert f"Can't listen on 127.0.0.1:{port}: the port is in use." in output
        assert output.count("\n") == 1

    @pytest.mark.parametrize(
        ("args", "code", "text"),
        [
            (["missing_module:app"], 3, "missing_module"),
            (["plain:missing"], 3, "missing"),
            ([APP, "--port", "99999"], 2, "--port: '99999' is not a whole number"),
            ([APP, "--no-such-option"], 2, "--no-such-option"),
            ([], 2, "what is there to serve?"),
            ([APP, "--forwarded-allow-ips", "10.0.0.1/8"], 2, "10.0.0.1/8"),
            ([APP, "--forwarded-allow-ips", "*,10.0.0.1"], 2, "must stand alone"),
            ([APP, "--forwarded-field", "x-nothing"], 2, "x-forwarded-for"),
            ([APP, "--log-config", "/nonexistent.json"], 2, "/nonexistent.json"),
            ([APP, "--loop", "missing_module:factory"], 3, "missing_module"),
            ([APP, "--loop", "json:missing"], 3, "missing"),
            ([APP, "--loop", "sys:path"], 3, "not a function that makes an event loop"),
            ([APP, "--fd", "87"], 3, "file descriptor 87: it isn't open"),
            ([APP, "--uds", "/nonexistent/socket"], 3, "the directory /nonexistent doesn't exist"),
            ([APP, "--host", "192.0.2.1"], 3, "no interface of this machine has that address"),
        ],
    )
    def test_one_line(self, args: list[str], code: int, text: str) -> None:
        listening = () if {"--fd", "--uds", "--port"} & set(args) else ("--port", "0")
        server = start(*args, "--app-dir", str(APPS), *listening)
        assert server.wait() == code
        output = server.output().replace("app imported\n", "").replace("atexit ran\n", "")
        assert text in output
        assert output.count("\n") == 1
        assert "Traceback" not in output

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("log.json", "{"),
            ("log.json", "[]"),
            ("log.json", '{"version": 1, "handlers": {"a": {"class": "no.such.Handler"}}}'),
            ("log.ini", "[loggers]\nkeys=nothing\n"),
            ("log.toml", "= 1"),
        ],
    )
    def test_a_log_config_that_is_none(self, tmp_path: Path, name: str, content: str) -> None:
        config = tmp_path / name
        config.write_text(content)
        server = start(APP, "--app-dir", str(APPS), "--port", "0", "--log-config", str(config))
        assert server.wait() == 2
        output = server.output()
        assert name in output
        assert output.count("\n") == 1

    def test_an_error_in_the_apps_module(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        server = importing(tmp_path, "def f():\n    1 / 0\n\nf()\n", "--uds", str(path))
        assert server.wait() == 3
        output = server.output()
        assert "ZeroDivisionError" in output
        assert "bad.py" in output
        assert "/tricorn/" not in output
        assert not path.exists()

    @BOTH
    def test_an_import_that_hangs_is_interrupted(
        self, signum: int, tmp_path: Path, path: Path
    ) -> None:
        source = "import time\nprint('hanging', flush=True)\ntime.sleep(3600)\n"
        with importing(tmp_path, source, "--uds", str(path)) as server:
            server.wait_output("hanging")
            assert server.stop(signum) == 0
        assert "Interrupted while the application was imported. Exiting." in server.output()
        server.check_output()

    def test_the_last_request(self) -> None:
        with serve(APP, "--limit-max-requests", "2") as server:
            with server.connect() as client:
                assert client.get("/").status == 200
                assert client.get("/").status == 200
            assert server.wait() == 0
            message = "Maximum request limit of 2 exceeded. Terminating process."
            assert message in server.output()


class TestTheUnixSocket:
    """Its file is gone, however the server ends. The fixture looks."""

    @BOTH
    def test_signals(self, signum: int, path: Path) -> None:
        with serve(APP, "--uds", str(path)) as server:
            assert path.exists()
            assert server.stop(signum) == 0
            assert not path.exists()

    def test_a_forced_end(self, path: Path) -> None:
        with serve(APP, "--uds", str(path)) as server, server.connect() as client:
            client.send(b"GET /cancelled HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            server.process.send_signal(signal.SIGINT)
            server.wait_output("Waiting for connections to close.")
            assert server.stop(signal.SIGINT) == 0

    def test_an_interrupted_startup(self, path: Path) -> None:
        with starting("--uds", str(path), **HANGING) as server:
            server.wait_output("startup begun")
            assert path.exists()
            assert server.stop() == 0

    @pytest.mark.parametrize(
        ("signum", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)]
    )
    def test_a_program_gets_the_signal_in_the_end(self, signum: int, code: int, path: Path) -> None:
        """SIGTERM kills one without a handler; `run` swallows Python's KeyboardInterrupt."""
        program = f"""
            import tricorn
            from stubborn import app
            tricorn.run(app, uds={str(path)!r})
        """
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(APPS), *sys.path])},
            stderr=subprocess.PIPE,
        )
        try:
            wait_for(lambda: _answers(path))
            process.send_signal(signum)
            _, output = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == code
        assert b"Finished server process" in output


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):  # it doesn't listen yet
            return False
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return client.recv(12) == b"HTTP/1.1 200"
