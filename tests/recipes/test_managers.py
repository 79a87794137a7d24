"""tricorn under process managers, with the configuration that docs/managers.md shows."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.recipes.conftest import APPS, need_package
from tests.support.load import Load
from tests.support.pages import block, blocks
from tests.support.places import free_port, is_listening
from tests.support.raw import RawClient
from tests.support.server import launch
from tests.support.tools import need_tool
from tests.support.wait import wait_for

PAGE = "docs/managers.md"
HELLO = b"Hello, world\n"
TRICORN = f"{sys.executable} -m tricorn"
BANNER = re.compile(r"Tricorn running on (?:http://|socket \(')127\.0\.0\.1(?:', |:)(\d+)")
PROCESS = re.compile(r"Started server process \[(\d+)\]")
FINISHED = "Finished server process"


@pytest.fixture
def place():
    """A directory with the README's app, and a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="tricorn-", dir="/tmp") as name:
        (Path(name) / "example.py").write_text(block("README.md", "python", "# example.py"))
        yield Path(name)


class Managed:
    """A manager that runs; its output has that of its tricorns."""

    def __init__(self, server):
        self.server = server

    def port(self):
        self.server.wait_output("Tricorn running on")
        return int(BANNER.search(self.server.output())[1])

    def connect(self):
        return RawClient(("127.0.0.1", self.port()))

    def pids(self):
        """The tricorns that have started, in order."""
        return [int(pid) for pid in PROCESS.findall(self.server.output())]

    def kill_left(self):
        """A manager that is killed may leave its processes behind, in groups of their own."""
        for pid in self.pids():
            command = Path(f"/proc/{pid}/cmdline")
            if pid > 1 and command.exists() and b"tricorn" in command.read_bytes():
                os.kill(pid, signal.SIGKILL)

    def wait_serving(self, count):
        """Waits until so many tricorns have begun to serve."""
        self.wait_count("Tricorn running on", count)

    def wait_count(self, text, count):
        wait_for(lambda: self.server.output().count(text) >= count, what=f"{count} x {text}")


@contextmanager
def managed(place, *command, env=None, allow_errors=False):
    """Runs a manager, whose tricorns write no access log."""
    server = launch(command, env={"TRICORN_ACCESS_LOG": "false", **(env or {})}, cwd=place)
    manager = Managed(server)
    try:
        yield manager
    except BaseException as error:
        error.add_note(f"the manager wrote:\n{server.output()[-6000:]}")
        raise
    finally:
        server.close()
        manager.kill_left()
    if not allow_errors:
        server.check_output()


def run(place: Path, *command: str) -> str:
    return subprocess.run(
        command, cwd=place, check=True, capture_output=True, text=True, timeout=60
    ).stdout


def lines_of(name: str) -> list[list[str]]:
    """The commands of the page that begin with a program's name, without it."""
    lines = [line.split() for text in blocks(PAGE, "sh") for line in text.splitlines()]
    return [words[1:] for words in lines if words[0] == name]


# Supervisor


def test_supervisor_shares_a_socket_of_its_own(place):
    need_package("supervisor")
    conf = block(PAGE, "ini", "fcgi-program")
    conf = conf.replace("venv/bin/tricorn", TRICORN)
    conf = conf.replace("localhost:8000", f"127.0.0.1:{free_port()}")  # it takes no port 0
    (place / "supervisord.conf").write_text(conf)
    control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", "supervisord.conf"]
    daemon = [sys.executable, "-m", "supervisor.supervisord", "-c", "supervisord.conf"]
    warnings = {"PYTHONWARNINGS": "default,ignore::ResourceWarning"}  # Supervisor's own
    with managed(place, *daemon, env=warnings) as manager:
        manager.wait_serving(4)
        first = manager.pids()
        with Load(manager.connect, expected=HELLO) as load:
            restarts = lines_of("supervisorctl")
            assert len(restarts) == 2
            for number, words in enumerate(restarts):
                run(place, *control, *words)
                manager.wait_serving(5 + number)
            load.wait_answered(20)
        load.check()
        status = run(place, *control, "status").splitlines()
        assert len(status) == 4 and all("RUNNING" in line for line in status)
        new = manager.pids()[4:]
        assert len(new) == 2 and not set(new) & set(first)
        assert manager.server.stop() == 0
        # Each has drained by itself.
        assert manager.server.output().count(FINISHED) == 6


# Circus


def test_circus_keeps_the_socket(place):
    need_package("circus")
    head = f"[circus]\nendpoint = ipc://{place}/ctl\npubsub_endpoint = ipc://{place}/pub\n"
    conf = block(PAGE, "ini", "circus.sockets.web").replace("venv/bin/tricorn", TRICORN)
    (place / "circus.ini").write_text(head + conf.replace("port = 8000", "port = 0"))
    control = [sys.executable, "-m", "circus.circusctl", "--endpoint", f"ipc://{place}/ctl"]
    daemon = [sys.executable, "-m", "circus.circusd", "circus.ini"]
    # circus itself may end with a traceback.
    with managed(place, *daemon, allow_errors=True) as m:
        m.wait_serving(4)
        with Load(m.connect, expected=HELLO) as load:
            commands = lines_of("circusctl")
            assert [words[0] for words in commands] == ["reload", "incr", "decr"]
            started, ended = 4, 0
            for words, starts, ends in zip(commands, (4, 1, 0), (4, 0, 1), strict=True):
                started, ended = started + starts, ended + ends
                run(place, *control, *words)
                m.wait_serving(started)
                m.wait_count(FINISHED, ended)
                load.wait_answered(20)
        load.check()
        # A signal is lost on circusd while it looks after its processes.
        run(place, *control, "quit")
        assert m.server.wait() == 0
        output = m.server.output()
        assert output.count(FINISHED) == 9 and "/tricorn/" not in output.partition("Traceback")[2]


# systemd


def test_socket_activation_serves_all_sockets(place):
    need_tool("systemd-socket-activate")
    (words,) = lines_of("systemd-socket-activate")
    unit = block(PAGE, "ini", "tricorn.socket")
    listens = [words[at + 1] for at, word in enumerate(words) if word == "-l"]
    assert listens[0] in unit and unit.count("ListenStream") == len(listens) == 2
    at = words.index("tricorn")
    # systemd takes no port 0, and these are as many sockets.
    paths = [str(place / "one"), str(place / "two")]
    options = [part for path in paths for part in ("-l", path)]
    options += [word for word in words[4:at] if word.startswith("--fdname")]
    passed = [f"-E{name}" for name in ("PATH", "PYTHONPATH") if name in os.environ]
    command = ["systemd-socket-activate", *passed, *options, *TRICORN.split(), *words[at + 1 :]]
    with managed(place, *command) as manager:
        wait_for(lambda: all(is_listening(path) for path in paths), what="the sockets")
        for path in paths:
            with RawClient(path) as client:
                assert client.get("/").body == HELLO
        for path in paths:
            manager.server.wait_output(f"Tricorn running on socket {path}")
        # It has become tricorn.
        assert manager.pids() == [manager.server.pid]
        with Load(lambda: RawClient(paths[1]), expected=HELLO):
            pass
        assert manager.server.stop() == 0
        assert all(Path(path).exists() for path in paths)  # not ours


def test_requests_wait_while_an_activated_server_restarts(place):
    """systemd keeps the sockets open; here the test does what systemd does."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(128)
        script = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True);"
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
            "os.execv(sys.executable, [sys.executable, '-m', 'tricorn', 'example:app'])"
        )
        command = [sys.executable, "-c", script, str(sock.fileno())]

        def start():
            server = launch(command, cwd=place, pass_fds=(sock.fileno(),))
            server.wait_output("Tricorn running on")
            return server

        old = start()
        try:
            with Load(lambda: RawClient(sock.getsockname()), expected=HELLO) as load:
                for _ in range(2):
                    assert old.stop() == 0
                    old = start()
                    load.wait_answered(20)
            load.check()
        finally:
            old.close()


# Procfile


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_honcho_gives_the_port(place, stop):
    need_package("honcho")
    text = block(PAGE, "procfile", "web:").replace("tricorn", TRICORN, 1)
    (place / "Procfile").write_text(text.replace("0.0.0.0", "127.0.0.1"))
    command = [sys.executable, "-m", "honcho", "start", "-p", "0"]
    with managed(place, *command) as manager:
        with Load(manager.connect, expected=HELLO):
            pass
        manager.server.stop(stop)
        output = manager.server.output()
        assert FINISHED in output and "web.1 stopped (rc=0)" in output


# Containers


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


@pytest.fixture
def as_process_one() -> Callable[[list[str]], list[str]]:
    unshare = [need_tool("unshare"), "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode:
        unshare.insert(1, "--map-root-user")
        if subprocess.run([*unshare, "true"], capture_output=True).returncode:
            pytest.skip("this system lets nobody make a process namespace")
    return lambda command: [*unshare, *command]


def container_command() -> list[str]:
    words = re.findall(r'"([^"]*)"', block(PAGE, "dockerfile", "CMD"))
    assert words[0] == "tricorn"
    changed = {"0.0.0.0": "127.0.0.1", "8000": "0"}
    return [*TRICORN.split(), *(changed.get(word, word) for word in words[1:])]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_process_one_of_a_container_drains(place, as_process_one, stop, workers):
    command = container_command()
    command[command.index("example:app")] = "managed:app"
    command += ["--app-dir", str(APPS), "--workers", str(workers)]
    notes = place / "notes"
    env = {"MANAGED_NOTES": str(notes)}
    with managed(place, *as_process_one(command), env=env) as manager:
        with manager.connect() as client:
            client.send(b"GET /wait/0.5 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: "waiting" in notes.read_text(), what="the request")
            (one,) = children(manager.server.pid)
            os.kill(one, stop)
            assert client.read_response().body == b"waited"
        assert manager.server.wait() == 0
        assert notes.read_text().count("stopped") == workers
        if workers == 1:
            assert manager.pids() == [1]


def test_process_one_that_can_not_start_says_so(place, as_process_one):
    command = container_command()
    command[command.index("example:app")] = "missing:app"
    server = launch(as_process_one(command), cwd=place)
    assert server.wait() == 3
    assert 'Could not import module "missing"' in server.output()
