"""Where worker processes listen, how they are started, and what they find there."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.support.places import is_listening
from tests.support.raw import RawClient
from tests.support.server import APPS, Server, launch, serve, start
from tests.support.tools import need_tool
from tests.support.wait import wait_for
from tests.support.workers import ask_until, children, is_alive, wait_replaced, workers

APP = "worked:app"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need POSIX")


def get(address: tuple[str, int] | str, path: str = "/who") -> bytes:
    with RawClient(address) as client:
        return client.get(path, "Connection: close").body


class TestSockets:
    def test_unix(self, tmp_path: Path) -> None:
        path = tmp_path / "s"
        with serve(APP, "--workers", "2", "--uds", str(path)) as server:
            assert server.path == str(path)
            ask_until(server, 2)
            old = workers(server)
            server.process.send_signal(signal.SIGHUP)
            wait_replaced(server, old)
            assert path.exists()
            ask_until(server, 2)
        assert not path.exists()

    def test_several(self, tmp_path: Path) -> None:
        path = tmp_path / "s"
        arguments = ("--bind", "127.0.0.1:0", "--bind", f"unix:{path}", "--bind", "127.0.0.1:0")
        with serve(APP, "--workers", "2", *arguments) as server:
            assert len(server.banners()) == 3
            ports = [int(banner["port"]) for banner in server.banners() if banner["port"]]
            for place in (("127.0.0.1", ports[0]), str(path), ("127.0.0.1", ports[1])):
                assert get(place)

    def test_a_descriptor(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            fd = sock.fileno()
            with serve(APP, "--workers", "2", "--fd", str(fd), pass_fds=(fd,)) as server:
                old = workers(server)
                assert get(sock.getsockname())
                server.process.send_signal(signal.SIGHUP)
                wait_replaced(server, old)
                assert get(sock.getsockname())

    def test_systemds(self, tmp_path: Path) -> None:
        activate = need_tool("systemd-socket-activate")
        paths = [str(tmp_path / name) for name in "ab"]
        listen = [f"--listen={path}" for path in paths]
        command = [sys.executable, "-m", "tricorn", APP, "--app-dir", str(APPS), "--workers", "2"]
        # It passes on nothing else of the environment.
        path = f"--setenv=PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
        with launch([activate, path, *listen, *command]) as server:
            wait_for(lambda: all(is_listening(path) for path in paths))
            for path in paths:
                assert get(path)
            server.wait_started()
            assert len(server.banners()) == 2
            old = workers(server)
            server.process.send_signal(signal.SIGHUP)
            wait_replaced(server, old)
            for path in paths:
                assert get(path)
            assert server.stop() == 0
            # They are systemd's.
            assert all(os.path.exists(path) for path in paths)
        server.check_output()

    def test_the_app_doesnt_see_systemds_variables(self, tmp_path: Path) -> None:
        """Or a program that it starts would take the sockets for its own."""
        (tmp_path / "seen.py").write_text(
            "import os\nos.write(1, b'%r\\n' % ('LISTEN' in ' '.join(os.environ)))\n"
            "from worked import app\n"
        )
        with socket.create_server(("127.0.0.1", 0)) as sock:
            program = (
                f"import os; os.dup2({sock.fileno()}, 3); "
                "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
                "import sys; from tricorn.cli import main; sys.exit(main())"
            )
            command = [sys.executable, "-c", program, "seen:app", "--workers", "2"]
            paths = f"{APPS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
            with launch(
                [*command, "--app-dir", str(tmp_path)],
                pass_fds=(sock.fileno(),),
                env={"PYTHONPATH": paths},
            ) as server:
                server.wait_started()
                assert get(sock.getsockname())
                wait_for(lambda: server.stdout().count("\n") >= 2)
                assert server.stdout().split("\n")[:2] == ["False", "False"]


class TestStarting:
    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        (tmp_path / "served.py").write_text("from worked import app\n")
        return tmp_path / "program.py"

    def launch(self, program: Path, text: str) -> Server:
        program.write_text(text)
        paths = f"{APPS}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        return launch([sys.executable, program.name], cwd=program.parent, env={"PYTHONPATH": paths})

    def test_from_a_program(self, program: Path) -> None:
        with self.launch(
            program,
            "import tricorn\n"
            "print('imported', __name__)\n"
            "if __name__ == '__main__':\n"
            "    tricorn.run('served:app', workers=2, port=0)\n"
            "    print('behind')\n",
        ) as server:
            server.wait_started()
            ask_until(server, 2)
            # Workers have no reason to run the program.
            assert server.output().count("imported") == 1
            assert server.stop() == 0
            assert "behind" in server.output()
        server.check_output()

    def test_from_a_program_with_functions_of_its_own(self, program: Path) -> None:
        with self.launch(
            program,
            "import copy, logging, tricorn\n"
            "from tricorn.watch.logs import LOGGING_CONFIG\n"
            "class Shouting(logging.Formatter):\n"
            "    def format(self, record):\n"
            "        return super().format(record).replace('Application', 'APPLICATION')\n"
            "if __name__ == '__main__':\n"
            "    config = copy.deepcopy(LOGGING_CONFIG)\n"
            "    config['formatters']['default'] = {'()': Shouting, 'fmt': '%(message)s'}\n"
            "    tricorn.run('served:app', workers=2, port=0, log_config=config)\n",
        ) as server:
            server.wait_output("Tricorn running on")
            assert server.output().count("APPLICATION startup complete.") == 2
            assert server.stop() == 0
        server.check_output()

    @pytest.mark.parametrize(
        ("options", "line"),
        [
            ("log_config={'version': 1, 'x': lambda: 0}", "can't be handed to worker processes"),
            ("app_object", "import string"),
        ],
    )
    def test_what_cant_be_handed_over(self, program: Path, options: str, line: str) -> None:
        call = f"'served:app', {options}" if "=" in options else "served.app"
        with self.launch(
            program,
            "import served, tricorn\n"
            "if __name__ == '__main__':\n"
            f"    tricorn.run({call}, workers=2, port=0)\n",
        ) as server:
            assert server.wait() != 0
            assert line in server.output()

    def test_the_script(self) -> None:
        script = Path(sys.executable).with_name("tricorn")
        if not script.exists():
            pytest.skip("the script isn't installed")
        command = [str(script), APP, "--app-dir", str(APPS), "--port", "0", "--workers", "2"]
        with launch(command) as server:
            server.wait_started()
            ask_until(server, 2)
            assert server.stop() == 0
        server.check_output()

    def test_a_relative_path(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "served.py").write_text("from worked import app\n")
        with serve(
            "served:app", "--workers", "2", app_dir="code", cwd=tmp_path,
            env={"PYTHONPATH": _paths("", str(APPS))},
        ) as server:  # fmt: skip
            old = workers(server)
            ask_until(server, 2)
            server.process.send_signal(signal.SIGHUP)
            wait_replaced(server, old)

    def test_a_relative_pythonpath(self, tmp_path: Path) -> None:
        (tmp_path / "code").mkdir()
        (tmp_path / "code" / "served.py").write_text("from worked import app\n")
        with serve(
            "served:app", "--workers", "2", app_dir=".", cwd=tmp_path,
            env={"PYTHONPATH": _paths("code", str(APPS))},
        ) as server:  # fmt: skip
            ask_until(server, 2)

    def test_the_parent_leaves_when_workers_are_all_that_is_left(self) -> None:
        with serve(APP, "--workers", "2") as server:
            pids = children(server.pid)
        assert not any(is_alive(pid) for pid in pids)


def _paths(*more: str) -> str:
    return os.pathsep.join([*(path for path in more if path), os.environ.get("PYTHONPATH", "")])


class TestConfiguration:
    def test_is_read_again_on_hup(self, tmp_path: Path) -> None:
        config = tmp_path / "tricorn.toml"
        config.write_text('headers = ["X-Version: one"]\n')
        with serve(APP, "--workers", "2", "--port", "0", "--config", str(config)) as server:
            old = workers(server)
            config.write_text('headers = ["X-Version: two"]\n')
            server.process.send_signal(signal.SIGHUP)
            new = wait_replaced(server, old)
            with server.connect() as client:
                assert client.get("/who").header(b"x-version") == b"two"
            config.write_text("no_such_option = 1\n")
            server.process.send_signal(signal.SIGHUP)
            server.wait_output("The workers that serve go on.")
            assert "no_such_option" in server.output()
            assert ask_until(server, 2) == new


def test_a_reload_that_fails_leaves_the_parent_usable() -> None:
    with start(APP, "--app-dir", str(APPS), "--port", "0", "--workers", "2") as server:
        server.wait_started()
        for _ in range(3):
            server.process.send_signal(signal.SIGHUP)
        server.wait_output("All workers have been restarted.", 30)
        assert server.stop() == 0
    server.check_output()
