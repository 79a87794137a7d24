"""SIGUSR2: a freshly executed tricorn takes the place of the old one."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, serve
from tests.support.wait import wait_for
from tests.support.workers import children, is_alive, parents
from tricorn.supervise.ctl import ask

APP = "worked:app"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need POSIX")


def version(server: Server) -> str:
    with server.connect() as client:
        return client.get("/who", "Connection: close").body.decode().split()[-1]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "version"
    path.write_text("one")
    return path


def succeed(server: Server) -> int:
    """Send USR2; the process number of the new one, once the old one has ended."""
    server.process.send_signal(signal.SIGUSR2)
    wait_for(lambda: server.process.poll() is not None, what="the old one to end")
    return parents(server)[-1]


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not is_alive(pid), what="the new one to end")


class TestThatServes:
    def test_the_old_one_ends_and_the_new_one_goes_on(self, file: Path, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        with serve(
            APP, "--workers", "2", "--pid", str(pid_file), env={"APP_FILE": str(file)}
        ) as server:
            assert version(server) == "one"
            file.write_text("two")
            new = succeed(server)
            assert server.process.returncode == 0
            assert new != server.pid
            assert version(server) == "two"
            assert len(children(new)) == 2
            wait_for(lambda: pid_file.read_text().strip() == str(new))
            assert server.output().count("The new tricorn serves.") == 1
            # The new one can be replaced as well.
            os.kill(new, signal.SIGUSR2)
            wait_for(lambda: not is_alive(new), 30)
            newest = parents(server)[-1]
            assert version(server) == "two"
            stop(newest)
            assert not pid_file.exists()

    def test_a_unix_socket_stays(self, file: Path, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with serve(
            APP, "--workers", "2", "--uds", str(path), env={"APP_FILE": str(file)}
        ) as server:
            before = path.stat().st_ino
            new = succeed(server)
            assert path.stat().st_ino == before
            assert version(server) == "one"
            stop(new)
            assert not path.exists()

    def test_where_to_listen_may_change(self, tmp_path: Path) -> None:
        config, first, second = tmp_path / "c.toml", tmp_path / "1", tmp_path / "2"
        config.write_text(f'bind = ["127.0.0.1:0", "unix:{first}"]\n')
        with serve(APP, "--workers", "2", "--config", str(config)) as server:
            port = server.port
            config.write_text(f'bind = ["127.0.0.1:0", "unix:{second}"]\n')
            new = succeed(server)
            assert version(server)  # over the first address, which stayed
            assert server.port == port
            assert second.exists()
            assert not first.exists()
            stop(new)

    def test_a_request_that_runs_is_finished(self) -> None:
        with serve(APP, "--workers", "2") as server, server.connect() as client:
            client.send(b"GET /lines?4 HTTP/1.1\r\nHost: a\r\n\r\n")
            server.process.send_signal(signal.SIGUSR2)
            assert client.read_response().body == b"0\n1\n2\n3\n"
            wait_for(lambda: server.process.poll() is not None, 30)
            stop(parents(server)[-1])


class TestControl:
    """The control socket always answers for the one that serves."""

    def test_goes_along(self, short_path: str, tmp_path: Path) -> None:
        how = tmp_path / "how"
        options = ("--control", short_path, "--timeout-worker-healthcheck", "0")
        with serve(APP, "--workers", "2", *options, env={"BREAK_FILE": str(how)}) as server:
            how.write_text("held")
            server.process.send_signal(signal.SIGUSR2)
            wait_for(lambda: len(parents(server)) == 2, 20)
            new = parents(server)[-1]
            # Until the new one is ready ...
            assert {answering(short_path) for _ in range(10)} == {server.pid}
            held = children(server.pid)[0]
            os.kill(held, signal.SIGSTOP)
            how.unlink()
            wait_for(lambda: answering(short_path) == new, 40, "the new one to answer")
            # Both may, until the old one knows; it lets its other worker go once it does.
            wait_for(lambda: {*children(server.pid)} - {new} == {held}, 40, "the old one to know")
            # ... and then never again, while the old one can't end.
            assert {answering(short_path) for _ in range(10)} == {new}
            assert server.process.poll() is None
            os.kill(held, signal.SIGCONT)
            wait_for(lambda: server.process.poll() is not None, 30, "the old one to end")
            assert answering(short_path) == new
            stop(new)
            assert not os.path.exists(short_path)

    def test_stays_when_the_new_one_fails(self, short_path: str, tmp_path: Path) -> None:
        how = tmp_path / "how"
        arguments = ("--workers", "2", "--control", short_path)
        with serve(APP, *arguments, env={"BREAK_FILE": str(how)}, allow_errors=True) as server:
            how.write_text("import")
            server.process.send_signal(signal.SIGUSR2)
            server.wait_output("before it was ready. This one goes on.", 30)
            assert answering(short_path) == server.pid
            how.unlink()
            new = succeed(server)
            assert answering(short_path) == new
            stop(new)


@pytest.fixture
def short_path() -> Iterator[str]:
    # A Unix socket's path has about a hundred bytes.
    with tempfile.TemporaryDirectory() as directory:
        yield os.path.join(directory, "control")


def answering(path: str) -> int:
    """The process that answers at a control socket."""
    status = ask(path, {"do": "status"})
    return int(status["pid"])


class TestThatFails:
    def test_the_old_one_stays(self, file: Path, tmp_path: Path) -> None:
        how, pid_file, socket = tmp_path / "how", tmp_path / "pid", tmp_path / "socket"
        env = {"APP_FILE": str(file), "BREAK_FILE": str(how)}
        arguments = ("--workers", "2", "--pid", str(pid_file), "--uds", str(socket))
        with serve(APP, *arguments, env=env, allow_errors=True) as server:
            how.write_text("import")
            server.process.send_signal(signal.SIGUSR2)
            server.wait_output("before it was ready. This one goes on.", 30)
            assert server.output().count("import no_such_module") == 1
            assert version(server) == "one"
            assert pid_file.read_text().strip() == str(server.pid)
            assert socket.exists()
            how.unlink()
            stop(succeed(server))

    def test_a_stop_ends_one_that_starts(self, tmp_path: Path) -> None:
        how = tmp_path / "how"
        with serve(APP, "--workers", "2", env={"BREAK_FILE": str(how)}) as server:
            how.write_text("slow")
            server.process.send_signal(signal.SIGUSR2)
            wait_for(lambda: len(parents(server)) == 2)
            new = parents(server)[-1]
            server.process.send_signal(signal.SIGUSR2)
            server.wait_output("A new tricorn is being started already.")
            assert server.stop() == 0
            wait_for(lambda: not is_alive(new))

    def test_a_configuration_that_is_none(self, tmp_path: Path) -> None:
        config = tmp_path / "c.toml"
        config.write_text("")
        arguments = ("--workers", "2", "--config", str(config), "--port", "0")
        with serve(APP, *arguments) as server:
            config.write_text("no_such_option = 1\n")
            server.process.send_signal(signal.SIGUSR2)
            server.wait_output("The new tricorn ended with 2 before it was ready.")
            with server.connect() as client:
                assert client.get("/who").status == 200
