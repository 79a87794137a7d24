"""--reload with real processes: changed code is served, and nothing is lost on the way."""

from __future__ import annotations

import html
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.raw import RawClient, Response
from tests.support.server import Server, serve, start
from tests.support.wait import DEADLINE, wait_for

APP = """
import asyncio, os, time
VERSION = "{version}"

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            {on_lifespan}
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({{"type": "websocket.accept"}})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["path"] == "/slow":
        print("slow begins", flush=True)
        await asyncio.sleep(0.1)
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    if scope["path"] == "/stream":
        while True:
            await send({{"type": "http.response.body", "body": b"tick", "more_body": True}})
            await asyncio.sleep(0.01)
    if scope["path"] == "/hang":
        print("hanging", flush=True)
        time.sleep(600)
    body = VERSION + " " + str(os.getpid())
    await send({{"type": "http.response.body", "body": body.encode()}})
"""
RELOADING = "Reloading..."


class Project:
    """A directory with an app that says its version."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "main.py"
        self.save("one")

    def save(self, version: str, on_lifespan: str = "pass", text: str = APP) -> None:
        """Save the app as an editor does: whole, under another name first."""
        self.write("main.py", text.format(version=version, on_lifespan=on_lifespan))

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(path.name + "~")
        half.write_text(text)
        half.replace(path)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    directory = tmp_path / "project"
    directory.mkdir()
    return Project(directory)


@pytest.fixture(params=["watchfiles", "looking"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An environment in which watchfiles can be imported, or can't."""
    if request.param == "watchfiles":
        pytest.importorskip("watchfiles")
        return {}
    return without_watchfiles(tmp_path)


def without_watchfiles(tmp_path: Path) -> dict[str, str]:
    missing = tmp_path / "missing"
    missing.mkdir(exist_ok=True)
    (missing / "watchfiles.py").write_text("raise ImportError\n")
    paths = [str(missing), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def reloading(project: Project, *args: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    with serve(
        "main:app",
        "--reload",
        "--no-access-log",
        *args,
        env={"PYTHONWARNINGS": "ignore", **(env or {})},
        cwd=project.directory,
        app_dir=project.directory,
        allow_errors=True,
    ) as server:
        wait_answer(server, b"one")
        yield server
        group = server.pid
        server.stop()
        wait_for(lambda: not group_exists(group), what="an end of all processes")


def group_exists(group: int) -> bool:
    """Whether a process of the group is left: each server starts one of its own."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def ask(server: Server, target: str = "/", *lines: str) -> Response:
    with server.connect() as client:
        return client.get(target, "Connection: close", *lines)


def wait_answer(server: Server, start_of_body: bytes, status: int = 200) -> Response:
    """The first answer that begins so; all before it are whole answers, too."""

    def found() -> Response | None:
        answer = ask(server)
        is_it = answer.status == status and answer.body.startswith(start_of_body)
        return answer if is_it else None

    return wait_for(found, DEADLINE, f"{start_of_body!r} from the app; log:\n{server.output()}")


class TestChanges:
    def test_are_served(self, project: Project, environment: dict[str, str]) -> None:
        with reloading(project, env=environment) as server:
            name = "StatReload" if environment else "WatchFiles"
            output = server.wait_output("Application startup complete.")
            directory = str(project.directory.resolve())
            assert f"Will watch for changes in these directories: ['{directory}']" in output
            assert f"Started reloader process [{server.pid}] using {name}" in output
            project.save("two")
            wait_answer(server, b"two")
            output = server.wait_output(f"{name} detected changes in 'main.py'. Reloading...")
            assert output.count(RELOADING) == 1
        assert f"Stopping reloader process [{server.pid}]" in server.output()

    def test_as_fast_as_can_be(self, project: Project) -> None:
        # Same size, same second: the bytecode of the version before mustn't be taken for it.
        with reloading(project, "--reload-delay", "0") as server:
            for version in ("abc", "abd", "abe", "abf"):
                project.save(version)
                wait_answer(server, version.encode())

    def test_of_several_files_come_together(
        self, project: Project, environment: dict[str, str]
    ) -> None:
        with reloading(project, env=environment) as server:
            # To the parent they are saved at once, however slowly we get to write them.
            os.kill(server.pid, signal.SIGSTOP)
            os.waitpid(server.pid, os.WUNTRACED)
            for number in range(60):
                project.write(f"part{number}.py", "")
            project.save("two")
            os.kill(server.pid, signal.SIGCONT)
            wait_answer(server, b"two")
            # Eight are named. The system's notifications may come in a few batches.
            output = server.wait_output(" more. Reloading...")
            if environment:
                assert " and 53 more. Reloading..." in output
                assert output.count(RELOADING) == 1

    def test_elsewhere_are_none(self, project: Project, environment: dict[str, str]) -> None:
        with reloading(project, "--reload-exclude", "out", env=environment) as server:
            project.write("notes.txt", "")
            project.write(".venv/lib/x.py", "")
            project.write("node_modules/x/y.py", "")
            project.write(".x.py", "")
            project.save("two")
            wait_answer(server, b"two")
            named = server.wait_output(RELOADING).partition("detected changes in ")[2]
            assert named.startswith("'main.py'. ")

    def test_in_chosen_directories_and_files(
        self, project: Project, environment: dict[str, str], tmp_path: Path
    ) -> None:
        project.write("lib/x.py", "")
        project.write("templates/page.html", "1")
        project.write("config.toml", "")
        outside = tmp_path / "cert.pem"
        outside.write_text("1")
        args = ("--reload-dir", "lib", "--reload-include", "templates")
        args += ("--reload-include", "*.html", "--reload-include", str(outside))
        with reloading(project, *args, env=environment) as server:
            project.save("two")
            for path in ("lib/x.py", "templates/page.html"):
                seen = server.output().count(f"'{path}'")
                project.write(path, "changed")
                wait_for(lambda: server.output().count(f"'{path}'") > seen, what=path)  # noqa: B023
                wait_answer(server, b"two")
            assert "'main.py'" not in server.output()
            outside.write_text("changed")
            server.wait_output(f"changes in '{outside}'")

    def test_of_the_config_file(self, project: Project) -> None:
        pytest.importorskip("dotenv")
        project.write("tricorn.toml", 'headers = ["x-a:1"]\nenv_file = "settings.env"')
        project.write("settings.env", "GREETING=one")
        text = APP.replace('"{version}"', 'os.environ["GREETING"]')
        project.save("", text=text)
        args = ("--config", "tricorn.toml", "--port", "0", "--reload-dir", ".")
        with reloading(project, *args) as server:
            assert ask(server).header(b"x-a") == b"1"
            project.write("tricorn.toml", 'headers = ["x-a:2"]\nenv_file = "settings.env"')
            wait_for(lambda: ask(server).header(b"x-a") == b"2")
            project.write("settings.env", "GREETING=two")
            wait_answer(server, b"two")
            project.write("tricorn.toml", "headers =")
            server.wait_output("No reload: --config")
            assert ask(server).body.startswith(b"two")

    def test_before_anything_was_said(self, project: Project) -> None:
        # Saved while the watcher begins to watch: not lost.
        with start_reloading(project) as server:
            server.wait_started()
            project.save("two")
            wait_answer(server, b"two")

    def test_sighup_reloads_too(self, project: Project) -> None:
        with reloading(project) as server:
            first = ask(server).body
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: ask(server).body != first)


@contextmanager
def start_reloading(project: Project, *args: str) -> Iterator[Server]:
    """A server that needn't come up."""
    command = ("main:app", "--reload", "--port", "0", *args)
    server = start(*command, cwd=project.directory, env={"PYTHONWARNINGS": "ignore"})
    try:
        yield server
    finally:
        server.close()


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("def oops(:", "SyntaxError: invalid syntax"),
            ("import os\n1 / 0", "ZeroDivisionError: division by zero"),
            ("import absent_module", "No module named 'absent_module'"),
            ("raise SystemExit('no database')", "ended with 'no database'"),
            ("", 'Attribute "app" not found in module "main"'),
        ],
    )
    def test_are_told_in_terminal_and_browser_until_mended(
        self, project: Project, text: str, message: str
    ) -> None:
        with reloading(project) as server:
            project.write("main.py", text)
            page = wait_page(server, message)
            assert b"<html" in page.body and b"location.replace" in page.body
            plain = ask(server, "/", "Accept: application/json")
            assert (plain.status, plain.header(b"content-type")) == (
                500,
                b"text/plain; charset=utf-8",
            )
            assert message in plain.body.decode() and b"<html" not in plain.body
            server.wait_output("Waiting for changes.")
            if "ended with" not in message and text:
                assert server.stderr().count(message) == 1
            with server.connect() as waiting:
                waiting.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Tricorn-Wait: 1\r\n\r\n")
                wait_for(lambda: b"\r\n\r\n" in peek(waiting))
                project.save("two")
                waiting.read_until_closed()
            # The next answer is the new code's: it is asked as soon as the page may load again.
            assert ask(server).body.startswith(b"two")

    def test_at_the_first_start(self, project: Project) -> None:
        project.write("main.py", "def oops(:")
        with start_reloading(project) as server:
            server.wait_started()
            wait_page(server, "SyntaxError")
            project.save("two")
            wait_answer(server, b"two")
            assert server.stop() == 0

    def test_of_the_lifespan(self, project: Project) -> None:
        with reloading(project, "--lifespan", "on") as server:
            project.save("two", on_lifespan="raise RuntimeError('no <database>')")
            page = wait_page(server, "RuntimeError: no <database>")
            assert b"<database>" not in page.body
            project.save("three")
            wait_answer(server, b"three")

    def test_that_end_the_process(self, project: Project) -> None:
        with reloading(project) as server:
            project.write("main.py", "import os\nos._exit(7)")
            wait_page(server, "ended with 7 while it started")
            project.save("two")
            wait_answer(server, b"two")


def wait_page(server: Server, message: str) -> Response:
    def found() -> Response | None:
        answer = ask(server, "/", "Accept: text/html,*/*;q=0.8")
        is_it = answer.status == 500 and message in html.unescape(answer.body.decode())
        return answer if is_it else None

    return wait_for(found, DEADLINE, f"a page with {message!r}; log:\n{server.output()}")


def peek(client: RawClient) -> bytes:
    return client.socket.recv(65536, socket.MSG_PEEK)


class TestConnections:
    def test_none_is_refused_or_reset(self, project: Project) -> None:
        with reloading(project) as server:
            stop = threading.Event()
            failures: list[str] = []
            seen: list[bytes] = []

            def keep_asking(reuse: bool) -> None:
                client = server.connect(30)
                while not stop.is_set():
                    try:
                        answer = client.get("/", *(() if reuse else ("Connection: close",)))
                        assert answer.status == 200
                        seen.append(answer.body.split()[0])
                    except (OSError, AssertionError) as error:
                        failures.append(repr(error))
                        stop.set()
                        return
                    if answer.header(b"connection") == b"close":
                        client.close()
                        client = server.connect(30)
                client.close()

            threads = [threading.Thread(target=keep_asking, args=(i % 2 == 0,)) for i in range(6)]
            for thread in threads:
                thread.start()
            for number in range(5):
                version = f"v{number}"
                project.save(version)
                wait_for(lambda: version.encode() in seen or stop.is_set())  # noqa: B023
            stop.set()
            for thread in threads:
                thread.join()
            assert failures == []
            assert len(seen) > 50

    def test_a_short_request_is_answered_by_the_code_that_took_it(self, project: Project) -> None:
        with reloading(project) as server, server.connect() as client:
            client.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            server.wait_output("slow begins")
            project.save("two")
            answer = client.read_response()
            assert answer.status == 200 and answer.body.split()[0] == b"one"
            wait_answer(server, b"two")

    def test_websockets_and_streams_hold_nothing_up(self, project: Project) -> None:
        with reloading(project) as server, server.connect() as ws, server.connect() as stream:
            ws.send(
                b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            )
            assert ws.read_response().status == 101
            stream.send(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lambda: b"tick" in peek(stream))
            project.save("two")
            wait_answer(server, b"two")
            with pytest.raises(ConnectionError):
                stream.read_response()
            # 1012: the service restarts (RFC 6455 §7.4.1, IANA's registry).
            assert ws.read_until_closed().startswith(b"\x88\x02\x03\xf4")
            assert "didn't stop" not in server.output()

    def test_a_loop_that_hangs_is_killed(self, project: Project) -> None:
        with reloading(project) as server, server.connect() as client:
            client.send(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
            server.wait_output("hanging")
            project.save("two")
            wait_answer(server, b"two")


class TestEnd:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_leaves_nothing(self, project: Project, number: int) -> None:
        with reloading(project) as server:
            os.killpg(server.pid, number)  # as a terminal does
            assert server.wait() == 0
            wait_for(lambda: not group_exists(server.pid))
            assert "Traceback" not in server.output()

    def test_while_the_import_hangs(self, project: Project) -> None:
        with reloading(project) as server:
            project.write("main.py", "import time\nprint('hanging', flush=True)\ntime.sleep(600)")
            server.wait_output("hanging")
            os.killpg(server.pid, signal.SIGINT)
            assert server.wait() == 0
            wait_for(lambda: not group_exists(server.pid))
            assert "Traceback" not in server.output()

    def test_while_the_shutdown_hangs(self, project: Project) -> None:
        hang = "'shutdown' in message['type'] and time.sleep(600)"
        project.save("one", on_lifespan=hang)
        with reloading(project) as server:
            os.killpg(server.pid, signal.SIGINT)
            server.wait_output("Waiting for application shutdown.")
            os.killpg(server.pid, signal.SIGINT)
            assert server.wait() == 0
            wait_for(lambda: not group_exists(server.pid))

    def test_of_a_killed_parent_ends_its_processes(self, project: Project) -> None:
        with reloading(project) as server:
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            wait_for(lambda: not group_exists(server.pid))


class TestOneLine:
    def test_with_workers(self, project: Project) -> None:
        with reloading(project, "--workers", "2") as server:
            assert '"workers" flag is ignored when reloading is enabled.' in server.output()
            assert "Started parent process" not in server.output()

    def test_with_a_control_socket(self, project: Project) -> None:
        with reloading(project, "--control", "control") as server:
            server.wait_output('"control" flag is ignored when reloading is enabled.')
        assert not (project.directory / "control").exists()

    def test_sigusr2(self, project: Project) -> None:
        with reloading(project) as server:
            os.kill(server.pid, signal.SIGUSR2)
            server.wait_output("SIGUSR2 replaces no tricorn that reloads")
            assert ask(server).body.startswith(b"one")

    def test_with_an_app_object(self, tmp_path: Path) -> None:
        code = "import tricorn\nasync def app(*args): ...\ntricorn.run(app, reload=True, port=0)"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
        assert done.returncode == 3
        (line,) = done.stderr.splitlines()
        assert "need the application as an import string" in line

    def test_directories_without_reload(self, project: Project) -> None:
        with serve("main:app", "--reload-dir", ".", app_dir=project.directory) as server:
            pass
        assert "but not --reload: nothing will be reloaded" in server.output()


def test_run_reloads_too(project: Project) -> None:
    project.write(
        "program.py",
        "import tricorn\n"
        "if __name__ == '__main__':\n"
        "    tricorn.run('main:app', port=0, reload=True, reload_dirs='.')\n",
    )
    server = Server(
        subprocess.Popen(
            [sys.executable, "program.py"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=project.directory,
            start_new_session=True,
        ),
        "Tricorn",
    )
    try:
        server.wait_started()
        wait_answer(server, b"one")
        project.save("two")
        wait_answer(server, b"two")
        assert server.stop() == 0
    finally:
        server.kill()
