"""What keeps a process from ending is named, and Ctrl+C ends it all the same."""

import signal
from pathlib import Path

from tests.support.server import STOP_DEADLINE, Server, serve
from tests.support.wait import wait_for

APP = "stubborn:app"
WAITING = "Waiting for what the app left running: "
CUT_OFF = "Forced to quit, and cut off: "


def interrupted(server: Server) -> bool:
    """Sends SIGINT once more; has it ended?"""
    server.process.send_signal(signal.SIGINT)
    return server.process.poll() is not None


class TestProcessServer:
    def test_a_task_that_ignores_its_end(self) -> None:
        with serve(APP) as server, server.connect() as client:
            assert client.get("/deaf").status == 200
            server.process.send_signal(signal.SIGTERM)
            server.wait_output(WAITING + "task never (File ")
            assert "stubborn.py" in server.stderr().partition(WAITING)[2]
            assert server.stop(signal.SIGINT) == 0
            assert CUT_OFF + "task never (File " in server.stderr()

    def test_a_thread_is_waited_for(self, tmp_path: Path) -> None:
        done = tmp_path / "done"
        with serve(APP, env={"THREAD": str(done)}) as server, server.connect() as client:
            assert client.get("/thread").status == 200
            server.process.send_signal(signal.SIGTERM)
            server.wait_output(WAITING + "thread worker of mine (File ")
            done.touch()
            assert server.wait() == 0
            assert server.stderr().endswith("work done\natexit ran\n")
            assert CUT_OFF not in server.stderr()

    def test_a_thread_is_not_waited_for_by_force(self, tmp_path: Path) -> None:
        with serve(APP, env={"THREAD": str(tmp_path / "never")}) as server:
            with server.connect() as client:
                assert client.get("/thread").status == 200
            server.process.send_signal(signal.SIGINT)
            server.wait_output(WAITING)
            assert server.stop(signal.SIGINT) == 0
            assert CUT_OFF + "thread worker of mine (File " in server.stderr()

    def test_a_loop_that_stands_still(self, tmp_path: Path) -> None:
        path = tmp_path / "socket"
        with serve(APP, "--uds", str(path)) as server, server.connect() as client:
            client.send(b"GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_output("held")
            # Two signals of a kind may arrive as one.
            wait_for(lambda: interrupted(server), STOP_DEADLINE)
            assert server.wait() == 0
            assert CUT_OFF + "the event loop, which stands still (File " in server.stderr()
            assert not path.exists()
