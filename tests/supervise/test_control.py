"""`--control` and `tricorn ctl`, with real processes."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import Server, serve
from tests.support.wait import wait_for
from tricorn.supervise.ctl import table

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs Unix sockets")


@pytest.fixture(scope="module")
def path() -> Iterator[str]:
    # Short: a Unix socket's path has about a hundred bytes.
    with tempfile.TemporaryDirectory() as directory:
        yield os.path.join(directory, "control")


@pytest.fixture(scope="module")
def server(path: str) -> Iterator[Server]:
    with serve("plain:app", "--workers", "2", "--control", path) as running:
        yield running


def ctl(*arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tricorn", "ctl", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **env}
    )


def say(path: str, line: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(30)
        sock.connect(path)
        sock.sendall(line)
        answer = b"".join(iter(lambda: sock.recv(9999), b""))
    found: dict[str, object] = json.loads(answer)
    return found


def test_the_socket_is_private(server: Server, path: str) -> None:
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_status_for_programs(server: Server, path: str) -> None:
    status = json.loads(ctl("status", "--json", "--control", path).stdout)
    assert status["pid"] == server.pid
    assert (status["wanted"], status["restarting"], status["stopping"]) == (2, False, False)
    workers = status["workers"]
    assert [(worker["number"], worker["stage"]) for worker in workers] == [
        (1, "ready"),
        (2, "ready"),
    ]
    assert all(worker["memory"] is None or worker["memory"] > 2**20 for worker in workers)


def test_status_for_people(server: Server, path: str) -> None:
    done = ctl("status", TRICORN_CONTROL=path)
    first, _, *rows = done.stdout.splitlines()
    assert first.startswith(f"Server {server.pid}, serving, 2 of 2 workers ready, up ")
    assert [row.split()[0] for row in rows] == ["1", "2"]


def test_reload_and_scale(server: Server, path: str) -> None:
    before = {worker["pid"] for worker in say(path, b'{"do": "status"}\n')["workers"]}  # type: ignore[attr-defined]
    assert ctl("reload", "--control", path).returncode == 0
    server.wait_output("All workers have been restarted.")
    assert ctl("scale", "3", "--control", path).returncode == 0

    def three_new() -> bool:
        workers = say(path, b'{"do": "status"}\n')["workers"]
        ready = {worker["pid"] for worker in workers if worker["stage"] == "ready"}  # type: ignore[attr-defined]
        return len(ready) == 3 and not ready & before

    wait_for(three_new, 30, "three new workers")


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"nonsense\n", "a request is one line with a JSON object"),
        (b"[]\n", "a request is one line with a JSON object"),
        (b"\xff\n", "a request is one line with a JSON object"),
        (b'{"do": "dance"}\n', "unknown request 'dance'; there are status, reload, scale and stop"),
        (b'{"do": "scale"}\n', "scale needs the number of workers, at least 1"),
        (b'{"do": "scale", "to": 0}\n', "scale needs the number of workers, at least 1"),
        (b'{"do": "scale", "to": true}\n', "scale needs the number of workers, at least 1"),
        (b"x" * 5000, "a request is one line with a JSON object"),
    ],
)
def test_bad_requests_change_nothing(server: Server, path: str, line: bytes, error: str) -> None:
    assert say(path, line) == {"error": error}


def test_silent_clients_dont_keep_others_out(server: Server, path: str) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(10)]
    for sock in silent:
        sock.connect(path)
    assert say(path, b'{"do": "status"}\n')["pid"] == server.pid
    for sock in silent:
        sock.close()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("status",), 2, "Error: Missing option '--control'"),
        (("status", "--control", "/nonexistent"), 2, "Error: no server answers at /nonexistent"),
        (("dance",), 2, "Error: No such command 'dance'."),
        (("scale", "x"), 2, "Error: Invalid value for 'N'"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], code: int, message: str) -> None:
    done = ctl(*arguments)
    assert done.returncode == code
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


def test_without_a_command_it_shows_its_help() -> None:
    done = ctl()
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: tricorn ctl ")
    assert "\n  reload  Replace all workers" in done.stderr


def test_stop_and_what_is_left(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "c")
        # One worker: the parent is there for the socket's sake.
        with serve("plain:app", "--control", path) as server:
            assert ctl("stop", "--control", path).returncode == 0
            assert server.wait() == 0
            assert not os.path.exists(path)


def test_table() -> None:
    status = {
        "pid": 7,
        "seconds": 7300.0,
        "wanted": 2,
        "restarting": True,
        "stopping": False,
        "workers": [
            {"number": 1, "pid": 10, "stage": "ready", "seconds": 200, "memory": 30 * 2**20},
            {"number": 2, "pid": 11, "stage": "starting", "seconds": 0.4, "memory": None},
        ],
    }
    assert table(status).splitlines() == [
        "Server 7, restarting, 1 of 2 workers ready, up 2 h",
        "worker       pid  stage           for     memory",
        "     1        10  ready         3 min   30.0 MiB",
        "     2        11  starting        0 s           ",
    ]
