"""--reload with real processes: changed code is served, and nothing is lost on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.supervise.reload_rig import (
    APP,
    RELOADING,
    Project,
    ask,
    group_exists,
    peek,
    reloading,
    start_reloading,
    wait_answer,
)
from tests.support.server import Server, serve
from tests.support.wait import wait_for


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
    with Server(
        subprocess.Popen(
            [sys.executable, "program.py"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=project.directory,
            start_new_session=True,
        ),
        "Tricorn",
    ) as server:
        server.wait_started()
        wait_answer(server, b"one")
        project.save("two")
        wait_answer(server, b"two")
        assert server.stop() == 0
