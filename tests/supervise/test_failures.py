"""Workers that can't start, crash, hang or are worn out."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.server import APPS, Server, serve, start
from tests.support.wait import wait_for
from tests.support.workers import ask_until, children, open_connection, workers

APP = "worked:app"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need POSIX")


def failing(*args: str, **env: str) -> str:
    """The output of a server with two workers, which has to end with 3 by itself."""
    listening = () if {"--uds", "--port", "--bind"} & set(args) else ("--port", "0")
    with start(APP, "--app-dir", str(APPS), "--workers", "2", *listening, *args, env=env) as server:
        assert server.wait(30) == 3
    return server.output()


class TestNothingStarts:
    def test_an_import_error_is_told_once_with_its_traceback(self) -> None:
        output = failing(BREAK="import")
        assert output.count("import no_such_module") == 1, output
        assert output.count("No worker could start; exiting.") == 1
        assert "running on" not in output

    def test_a_lifespan_that_fails(self) -> None:
        output = failing(BREAK="startup")
        assert output.count("no database") == 1, output
        assert output.count("No worker could start; exiting.") == 1

    def test_an_app_that_exits(self) -> None:
        output = failing(BREAK="exit")
        assert "ended with 7 before it was ready. No worker could start; exiting." in output

    def test_a_segmentation_fault_shows_where(self) -> None:
        output = failing(BREAK="segfault")
        assert "was ended by SIGSEGV" in output
        assert "ctypes.string_at" in output or "string_at" in output

    def test_no_such_app(self) -> None:
        with start("no_such_module:app", "--workers", "2", "--port", "0") as server:
            assert server.wait(30) == 3
        assert server.output().count("Error loading ASGI app.") == 1, server.output()

    def test_a_place_that_is_taken(self) -> None:
        with serve("plain:app") as other:
            output = failing("--port", str(other.port))
        assert "the port is in use" in output
        assert "Traceback" not in output
        assert "Started server process" not in output

    @pytest.mark.parametrize("option", ["--workers=-1", "--workers=many", "--restart-parallel=0"])
    def test_a_bad_option_is_one_line(self, option: str) -> None:
        with start(APP, "--app-dir", str(APPS), option) as server:
            assert server.wait(30) == 2
        assert "Traceback" not in server.output()


class TestCrashes:
    def test_killed_ones_are_replaced_in_their_place(self) -> None:
        with serve(APP, "--workers", "2") as server:
            old = workers(server)
            os.kill(old[2], signal.SIGKILL)
            server.wait_output("was ended by SIGKILL (out of memory?). It is replaced at once.")
            wait_for(lambda: workers(server).get(2) not in (None, old[2]))
            assert workers(server)[1] == old[1]
            assert ask_until(server, 2)[2] != old[2]

    def test_a_segmentation_fault_shows_where(self) -> None:
        with serve(APP, "--workers", "2", allow_errors=True) as server:
            with server.connect() as client:
                client.send(b"GET /fatal HTTP/1.1\r\nHost: a\r\n\r\n")
                with pytest.raises(ConnectionError):
                    client.read_response()
            server.wait_output("was ended by SIGSEGV")
            assert "worked.py" in server.output()
            ask_until(server, 2)

    @pytest.mark.parametrize(("path", "code"), [("/os-exit", 9)])
    def test_an_app_that_ends_its_process(self, path: str, code: int) -> None:
        with serve(APP, "--workers", "2", allow_errors=True) as server:
            with server.connect() as client:
                client.send(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode())
                with pytest.raises(ConnectionError):
                    client.read_response()
            server.wait_output(f"ended with {code}. It is replaced at once.")
            ask_until(server, 2)

    def test_one_that_goes_on_crashing_waits_longer_each_time(self, tmp_path: Path) -> None:
        file = tmp_path / "how"
        with serve(APP, "--workers", "2", env={"BREAK_FILE": str(file)}) as server:
            file.write_text("exit")
            old = workers(server)
            os.kill(old[2], signal.SIGKILL)
            for pause in ("at once", "in 0.5 s", "in 1 s"):
                server.wait_output(f"It is replaced {pause}.")
            file.unlink()
            ask_until(server, 2)
            assert workers(server)[1] == old[1]
            assert server.output().count("ended with 7") < 5

    def test_a_restart_with_broken_code_keeps_the_old(self, tmp_path: Path) -> None:
        file = tmp_path / "how"
        with serve(
            APP, "--workers", "2", env={"BREAK_FILE": str(file)}, allow_errors=True
        ) as server:
            old = workers(server)
            file.write_text("import")
            server.process.send_signal(signal.SIGHUP)
            server.wait_output("The restart stops here; the workers that serve go on.")
            assert server.output().count("import no_such_module") == 1
            assert ask_until(server, 2) == old
            file.unlink()
            server.process.send_signal(signal.SIGHUP)
            server.wait_output("All workers have been restarted.")
            wait_for(lambda: not set(workers(server).values()) & set(old.values()))


class TestHanging:
    # Longer than the machine may keep a healthy one waiting.
    ARGS = ("--workers", "2", "--timeout-worker-healthcheck", "2")

    def hang(self, server: Server, path: bytes) -> int:
        with server.connect() as client:
            pid = int(client.get("/who").body.split()[0])
            client.send(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path)
            server.wait_output(f"[{pid}] hasn't answered for")
            wait_for(lambda: pid not in children(server.pid))
        return pid

    def test_in_python_the_log_says_where(self) -> None:
        with serve(APP, *self.ARGS, allow_errors=True) as server:
            self.hang(server, b"/loop")
            output = server.output()
            assert "Thread MainThread:" in output
            assert "in loop" in output and "time.sleep(0.01)" in output
            ask_until(server, 2)

    def test_with_the_lock_held_too(self) -> None:
        with serve(APP, *self.ARGS, allow_errors=True) as server:
            self.hang(server, b"/hold")
            assert "most recent call first" in server.output()
            assert "in hold" in server.output()
            ask_until(server, 2)

    def test_tasks_are_shown(self) -> None:
        with serve(APP, *self.ARGS, allow_errors=True) as server:
            pid = next(iter(workers(server).values()))
            with open_connection(server, pid) as waiting, open_connection(server, pid) as hung:
                waiting.send(b"GET /lines?1 HTTP/1.1\r\nHost: a\r\n\r\n")
                # It has begun to answer: its task is there when the other comes.
                assert waiting.socket.recv(1)
                hung.send(b"GET /loop HTTP/1.1\r\nHost: a\r\n\r\n")
                assert "Task " in server.wait_output("in lines\n")

    def test_0_lets_them_hang(self) -> None:
        with serve(APP, "--workers", "2", "--timeout-worker-healthcheck", "0") as server:
            with server.connect() as client:
                pid = int(client.get("/who").body.split()[0])
            os.kill(pid, signal.SIGSTOP)
            try:
                ask_until(server, 1)
                assert pid in children(server.pid)
            finally:
                os.kill(pid, signal.SIGCONT)

    def test_a_stopped_process_hangs_too(self) -> None:
        with serve(APP, *self.ARGS, allow_errors=True) as server:
            pid = workers(server)[1]
            os.kill(pid, signal.SIGSTOP)
            wait_for(lambda: pid not in children(server.pid))
            ask_until(server, 2)


class TestRecycling:
    def replaced(self, server: Server, old: dict[int, int], ask: str = "/who") -> None:
        """Asks until a worker was replaced; no request may fail meanwhile."""

        def asked() -> bool:
            with server.connect() as client:
                assert client.get(ask, "Connection: close").status == 200
            return set(workers(server).values()) != set(old.values())

        wait_for(asked)

    def test_by_requests(self) -> None:
        with serve(APP, "--workers", "2", "--limit-max-requests", "5") as server:
            self.replaced(server, workers(server))
            server.wait_output("is replaced: Maximum request limit of 5 exceeded.")

    def test_by_lifetime(self) -> None:
        with serve(APP, "--workers", "2", "--limit-worker-lifetime", "1") as server:
            self.replaced(server, workers(server))
            server.wait_output("is replaced: its lifetime is over.")

    def test_by_memory(self) -> None:
        limit = str(120 << 20)
        with serve(APP, "--workers", "2", "--limit-worker-memory", limit) as server:
            old = workers(server)
            with server.connect() as client:
                assert client.get("/memory").status == 200
                assert client.get("/memory").status == 200
            self.replaced(server, old)
            server.wait_output("bytes of memory")
