"""Worker processes come up, do what signals say, and go."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import APPS, Server, serve, start
from tests.support.wait import wait_for
from tests.support.workers import (
    ask_until,
    children,
    is_alive,
    log_file,
    wait_replaced,
    workers,
)

APP = "worked:app"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need POSIX")


def lines(server: Server) -> list[str]:
    return [line.partition(":     ")[2] for line in server.stderr().splitlines()]


def refuses(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionError:
        return True
    return False


def sent(server: Server, signum: int) -> None:
    server.process.send_signal(signum)


class TestStarting:
    def test_each_has_its_number_and_the_parent_speaks(self) -> None:
        with serve(APP, "--workers", "3") as server:
            assert lines(server)[0] == f"Started parent process [{server.pid}]"
            # The banner comes when all are ready, and only once.
            assert sorted(workers(server)) == [1, 2, 3]
            assert server.output().count("Application startup complete.") == 3
            assert len(server.banners()) == 1
            assert ask_until(server, 3) == workers(server)

    def test_the_state_is_the_apps_own(self) -> None:
        with serve(APP, "--workers", "2") as server, server.connect() as client:
            assert client.get("/state").body == b"{}"

    def test_by_environment(self) -> None:
        with serve(APP, env={"WEB_CONCURRENCY": "2"}) as server:
            assert sorted(workers(server)) == [1, 2]

    def test_the_parent_imports_no_app_and_no_loop(self, tmp_path: Path) -> None:
        with serve(APP, "--workers", "2") as server:
            maps = Path(f"/proc/{server.pid}/maps")
            if not maps.exists():
                pytest.skip("needs /proc")
            assert "uvloop" not in maps.read_text()
            assert "_asyncio" not in maps.read_text()


class TestStopping:
    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
    def test_drains_all(self, signum: int, tmp_path: Path) -> None:
        env = {"WAIT_FILE": str(tmp_path / "go")}
        with serve(APP, "--workers", "2", env=env) as server, server.connect() as client:
            pids = children(server.pid)
            client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("waits\n")
            sent(server, signum)
            wait_for(lambda: server.output().count("Shutting down") == 2)
            (tmp_path / "go").touch()
            response = client.read_response()
            assert response.status == 200
            assert response.header(b"connection") == b"close"
            assert server.wait() == 0
            assert not any(is_alive(pid) for pid in pids)
            assert lines(server)[-1] == f"Stopping parent process [{server.pid}]"
            assert server.output().count("Application shutdown complete.") == 2

    def test_ctrl_c_to_the_group(self) -> None:
        """A terminal sends it to the workers, too."""
        with serve(APP, "--workers", "2") as server:
            pids = children(server.pid)
            os.killpg(server.pid, signal.SIGINT)
            assert server.wait() == 0
            assert not any(is_alive(pid) for pid in pids)

    @pytest.mark.parametrize("more", [(), ("--preload",)], ids=["spawned", "preloaded"])
    def test_new_connections_are_refused_while_it_drains(self, more: tuple[str, ...]) -> None:
        with serve(APP, "--workers", "2", *more) as server, server.connect() as client:
            client.send(b"GET /lines?20 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: b"0\r\n" in client.socket.recv(4096))
            sent(server, signal.SIGTERM)
            wait_for(lambda: server.output().count("Shutting down") == 2)
            # They say so, and then close.
            wait_for(lambda: refuses(server))
            assert server.wait() == 0

    def test_a_second_sigint_ends_it_now(self) -> None:
        with serve("stubborn:app", "--workers", "2") as server, server.connect() as client:
            client.send(b"GET /cancelled HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            sent(server, signal.SIGINT)
            server.wait_output("Waiting for connections to close.")
            assert server.stop(signal.SIGINT) == 0

    def test_quit_waits_for_nothing(self) -> None:
        with serve("stubborn:app", "--workers", "2") as server, server.connect() as client:
            client.send(b"GET /cancelled HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            pids = children(server.pid)
            assert server.stop(signal.SIGQUIT) == 0
            assert not any(is_alive(pid) for pid in pids)

    def test_while_workers_still_boot(self) -> None:
        with start(
            APP, "--app-dir", str(APPS), "--port", "0", "--workers", "2", env={"BREAK": "slow"}
        ) as server:
            wait_for(lambda: server.output().count("Waiting for application startup.") == 2)
            assert server.stop(signal.SIGTERM) == 0

    def test_workers_leave_when_the_parent_is_killed(self) -> None:
        with serve(APP, "--workers", "2") as server:
            pids = children(server.pid)
            server.process.kill()
            server.process.wait()
            wait_for(lambda: not any(is_alive(pid) for pid in pids), what="the workers to leave")


class TestOtherSignals:
    def test_hup_replaces_all_in_their_places(self, tmp_path: Path) -> None:
        file = tmp_path / "version"
        file.write_text("one")
        with serve(APP, "--workers", "2", env={"APP_FILE": str(file)}) as server:
            old = workers(server)
            file.write_text("two")
            sent(server, signal.SIGHUP)
            new = wait_replaced(server, old)
            assert sorted(new) == [1, 2]
            with server.connect() as client:
                assert client.get("/who").body.endswith(b" two")
            server.wait_output("All workers have been restarted.")

    def test_ttin_and_ttou(self) -> None:
        with serve(APP, "--workers", "2", "--no-access-log") as server:
            sent(server, signal.SIGTTIN)
            wait_for(lambda: sorted(workers(server)) == [1, 2, 3])
            ask_until(server, 3)
            sent(server, signal.SIGTTOU)
            wait_for(lambda: sorted(workers(server)) == [1, 2])
            sent(server, signal.SIGTTOU)
            wait_for(lambda: sorted(workers(server)) == [1])
            sent(server, signal.SIGTTOU)
            server.wait_output("There are to be 1 workers.")
            ask_until(server, 1)

    def test_winch_sends_them_away_and_hup_brings_new_ones(self) -> None:
        with serve(APP, "--workers", "2") as server:
            sent(server, signal.SIGWINCH)
            wait_for(lambda: not children(server.pid))
            waiting = server.connect()
            waiting.send(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n")
            sent(server, signal.SIGHUP)
            assert waiting.read_response().status == 200
            waiting.close()
            wait_for(lambda: sorted(workers(server)) == [1, 2])

    def test_usr1_opens_the_log_files_anew(self, tmp_path: Path) -> None:
        log, config = log_file(tmp_path)
        arguments = ["--app-dir", str(APPS), "--port", "0", "--workers", "2"]
        with start(APP, *arguments, "--log-config", str(config)) as server:
            wait_for(lambda: log.exists() and "running on" in log.read_text())
            pids = children(server.pid)
            rotated = log.rename(tmp_path / "log.1")
            sent(server, signal.SIGUSR1)
            wait_for(log.exists)
            assert server.stop() == 0
            text = log.read_text()
            assert "Stopping parent process" in text
            # The workers have moved to the new file, too.
            moved = [pid for pid in pids if f"Finished server process [{pid}]" in text]
            assert moved == pids, (text, rotated.read_text())

    def test_usr1_ends_no_worker_that_has_just_begun(self) -> None:
        with start(APP, "--app-dir", str(APPS), "--port", "0", "--workers", "2") as server:
            wait_for(lambda: children(server.pid), what="a worker's process")
            begun = children(server.pid)
            for pid in begun:
                os.kill(pid, signal.SIGUSR1)
            wait_for(lambda: server.output().count("Application startup complete.") == 2)
            assert set(begun) <= set(children(server.pid)), server.output()

    def test_usr2_to_a_worker_writes_its_stacks(self) -> None:
        with serve(APP, "--workers", "2") as server:
            pid = children(server.pid)[0]
            os.kill(pid, signal.SIGUSR2)
            server.wait_output("most recent call first")
            assert is_alive(pid)

    def test_a_worker_that_is_told_by_hand_to_go_is_replaced(self) -> None:
        with serve(APP, "--workers", "2") as server:
            old = workers(server)
            os.kill(old[1], signal.SIGTERM)
            wait_for(lambda: workers(server).get(1) not in (None, old[1]))
            assert workers(server)[2] == old[2]


class TestPidOne:
    def test_signals_and_orphans(self) -> None:
        command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
        try:
            works = subprocess.run([*command, "true"], capture_output=True, timeout=10)
        except FileNotFoundError:
            pytest.skip("needs unshare")
        if works.returncode:
            pytest.skip(f"unshare: {works.stderr.decode()}")
        program = (
            "import os, subprocess, sys\n"
            "if os.fork() == 0:\n"
            "    os.execv(sys.executable, [sys.executable, '-c',"
            " 'import os, time; os.fork() or time.sleep(1)'])\n"
            "sys.argv[0] = 'tricorn'\n"
            "from tricorn.cli import main\n"
            "main()\n"
        )
        arguments = ["--app-dir", str(APPS), "--port", "0", "--workers", "2", APP]
        process = subprocess.Popen(
            [*command, "--kill-child", sys.executable, "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with Server(process, "Tricorn") as server:
            server.wait_started()
            assert "Started parent process [1]" in server.output()
            inside = children(server.pid)[0]
            ask_until(server, 2)
            # The child and its own child, whose parent died first, end and are waited for.
            wait_for(lambda: len(children(inside)) == 2, what="only the workers to be left")
            os.kill(inside, signal.SIGTERM)
            assert server.wait() == 0
