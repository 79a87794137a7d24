"""The file with the process number."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.server import serve, start
from tricorn.serve.pidfile import PidFile, PidFileError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "server.pid"


def gone() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        return process.pid


@pytest.mark.parametrize("content", [None, "", "nonsense\n", "0\n", "9" * 40])
def test_holds_our_number_while_we_run(path: Path, content: str | None) -> None:
    if content is not None:
        path.write_text(content)
    file = PidFile(str(path))
    file.write()
    assert path.read_text() == f"{os.getpid()}\n"
    file.remove()
    assert not path.exists()
    file.remove()


def test_a_crashed_servers_is_replaced(path: Path) -> None:
    path.write_text(f"{gone()}\n")
    PidFile(str(path)).write()
    assert path.read_text() == f"{os.getpid()}\n"


def test_a_running_servers_is_left_alone(path: Path) -> None:
    path.write_text("1\n")
    file = PidFile(str(path))
    with pytest.raises(PidFileError, match="names process 1, which runs; stop it"):
        file.write()
    file.remove()
    assert path.read_text() == "1\n"


def test_a_link_isnt_written_through(path: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("x")
    path.symlink_to(precious)
    PidFile(str(path)).write()
    assert precious.read_text() == "x"
    assert not path.is_symlink()


def test_one_of_another_isnt_removed(path: Path) -> None:
    file = PidFile(str(path))
    file.write()
    path.write_text("1\n")
    file.remove()
    assert path.exists()


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(PidFileError, match="can't be written: No such file or directory"):
        PidFile(str(tmp_path / "none" / "x")).write()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_writes_and_removes_it(path: Path, workers: str) -> None:
    with serve("plain:app", "--workers", workers, "--pid", str(path)) as server:
        assert int(path.read_text()) == server.pid
        assert server.stop() == 0
        assert not path.exists()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_second_server_doesnt_start(path: Path, workers: str) -> None:
    path.write_text(f"{os.getpid()}\n")
    server = start("tests.apps.plain:app", "--port", "0", "--workers", workers, "--pid", str(path))
    assert server.wait() == 3
    (line,) = [line for line in server.stderr().splitlines() if line.startswith("ERROR")]
    assert f"names process {os.getpid()}, which runs" in line
    assert path.exists()
