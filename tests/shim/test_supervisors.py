"""`uvicorn.supervisors` in programs that say themselves what their processes run."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.shim.in_front import APPS
from tests.support.server import Server
from tests.support.wait import wait_for

Start = Callable[[str], Server]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    directory.mkdir()
    for name in ("supervised.py", "versions.py"):
        shutil.copy(APPS / name, directory)
    return directory


@pytest.fixture
def start(start: Callable[..., Server], project: Path) -> Start:
    return lambda way: start("supervised.py", way, cwd=project, allow_errors=True)


def get(server: Server) -> httpx.Response:
    return httpx.get(server.url, timeout=60, trust_env=False)


def text(server: Server) -> str:
    return get(server).text


class TestMultiprocess:
    @pytest.mark.parametrize(
        ("way", "answer"),
        [
            ("workers", "version one of a secret"),
            ("no-target", "version one of no secret"),
            ("function", "version one of no secret"),
        ],
    )
    def test_serves_until_it_is_told_to_stop(self, start: Start, way: str, answer: str) -> None:
        server = start(way)
        assert text(server) == answer
        wait_for(lambda: server.output().count("Application startup complete") == 2)
        assert server.stop(signal.SIGTERM) == 0
        server.check_output()
        output = server.output()
        assert output.count("Started server process") == 2
        assert output.count("Finished server process") == 2
        assert output.count("Uvicorn running on") == 1 or way == "function"

    def test_the_server_is_of_the_programs_own_class(self, start: Start) -> None:
        server = start("workers")
        wait_for(lambda: server.output().count("Application startup complete") == 2)
        assert text(server) == "version one of a secret"
        assert server.stop(signal.SIGTERM) == 0
        # As multiprocessing would have called it; programs ask for that.
        assert server.output().count("run with a secret SpawnProcess-1") == 2
        assert server.output().count("shutdown of the subclass") == 2

    def test_a_worker_that_ends_is_replaced(self, start: Start) -> None:
        server = start("workers")
        wait_for(lambda: server.output().count("Application startup complete") == 2)
        os.kill(int(get(server).headers["x-pid"]), signal.SIGKILL)
        wait_for(lambda: server.output().count("Application startup complete") == 3)
        assert text(server) == "version one of a secret"
        assert server.stop(signal.SIGTERM) == 0

    def test_queues_travel_and_should_exit_stops(self, start: Start) -> None:
        server = start("queue")
        assert server.wait() == 0
        assert "got a secret a secret" in server.output()
        assert "returned" in server.output()
        server.check_output()

    def test_a_program_that_fails_ends(self, start: Start, project: Path) -> None:
        # It is whole for the parent, and not for the workers.
        broken = "import sys\nif __name__ != '__main__':\n    raise ValueError('not today')\n"
        path = project / "supervised.py"
        path.write_text(broken + path.read_text())
        server = start("workers")
        assert server.wait() == 3
        assert server.output().count("ValueError: not today") == 1


class TestChangeReload:
    @pytest.mark.parametrize("way", ["reload", "reload-function"])
    def test_serves_what_has_changed(self, start: Start, project: Path, way: str) -> None:
        server = start(way)
        wait_for(lambda: text(server).startswith("version one"))
        change(project, '"one"', '"two"')
        wait_for(lambda: text(server).startswith("version two"))
        assert server.stop(signal.SIGTERM) == 0
        server.check_output()
        assert "detected changes in 'versions.py'. Reloading..." in server.output()

    def test_says_why_a_program_cant_be_served(self, start: Start, project: Path) -> None:
        server = start("reload")
        wait_for(lambda: text(server) == "version one of a secret")
        change(project, 'VERSION = "one"', "VERSION = 1 / 0")
        wait_for(lambda: "ZeroDivisionError" in text(server))
        assert "multiprocessing" not in text(server)
        change(project, "VERSION = 1 / 0", 'VERSION = "three"')
        wait_for(lambda: text(server) == "version three of a secret")
        assert server.stop(signal.SIGTERM) == 0


def change(project: Path, before: str, after: str) -> None:
    """Save the app as an editor does: whole, under another name first."""
    path = project / "versions.py"
    half = project / "versions.py~"
    half.write_text(path.read_text().replace(before, after))
    half.replace(path)
