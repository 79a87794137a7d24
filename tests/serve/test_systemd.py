"""A service of `Type=notify`: what systemd hears, from one process and from a parent."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.server import serve


class Systemd:
    """Listens as systemd does."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(60)

    def hears(self) -> str:
        """The first line of the next message that isn't the watchdog's."""
        while (line := self.sock.recv(999).decode().splitlines()[0]) == "WATCHDOG=1":
            pass
        return line


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.sock.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ready_and_stopping(systemd: Systemd, workers: str) -> None:
    with serve("plain:app", "--workers", workers, env={"NOTIFY_SOCKET": systemd.path}) as server:
        assert systemd.hears() == "READY=1"
        server.stop()
        assert systemd.hears() == "STOPPING=1"


def test_a_restart_is_a_reload(systemd: Systemd) -> None:
    with serve("plain:app", "--workers", "2", env={"NOTIFY_SOCKET": systemd.path}) as server:
        assert systemd.hears() == "READY=1"
        os.kill(server.pid, signal.SIGHUP)
        assert systemd.hears() == "RELOADING=1"
        assert systemd.hears() == "READY=1"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_watchdog_is_petted(systemd: Systemd, workers: str) -> None:
    env = {"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "400000"}
    with serve("plain:app", "--workers", workers, env=env):
        assert systemd.hears() == "READY=1"
        assert [systemd.sock.recv(99) for _ in range(3)] == [b"WATCHDOG=1"] * 3
