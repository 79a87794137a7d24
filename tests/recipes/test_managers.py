"""tricorn as process 1 of a container, with the command that docs/managers.md shows."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.recipes.conftest import APPS
from tests.support.pages import block
from tests.support.raw import RawClient
from tests.support.server import launch
from tests.support.tools import need_tool
from tests.support.wait import wait_for

PAGE = "docs/managers.md"
TRICORN = f"{sys.executable} -m tricorn"
BANNER = re.compile(r"Tricorn running on (?:http://|socket \(')127\.0\.0\.1(?:', |:)(\d+)")
PROCESS = re.compile(r"Started server process \[(\d+)\]")


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
