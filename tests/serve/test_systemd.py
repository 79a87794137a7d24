"""A service of `Type=notify`: what systemd hears, from one process and from a parent."""

import os
import signal
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.systemd import Systemd
from tests.support.server import serve
from tests.support.wait import wait_for
from tests.support.workers import is_alive, parents


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    listening = Systemd(tmp_path / "notify")
    yield listening
    listening.sock.close()


KINDS = [("--workers", "1"), ("--workers", "2"), ("--reload", "--reload-exclude", "*")]


@pytest.mark.parametrize("options", KINDS)
def test_ready_and_stopping(systemd: Systemd, options: tuple[str, ...]) -> None:
    with serve("plain:app", *options, env={"NOTIFY_SOCKET": systemd.path}) as server:
        assert systemd.hears() == "READY=1"
        server.stop()
        assert systemd.hears() == "STOPPING=1"


def test_a_restart_is_a_reload(systemd: Systemd) -> None:
    with serve("plain:app", "--workers", "2", env={"NOTIFY_SOCKET": systemd.path}) as server:
        assert systemd.hears() == "READY=1"
        os.kill(server.pid, signal.SIGHUP)
        assert systemd.hears() == "RELOADING=1"
        assert systemd.hears() == "READY=1"


class Record:
    """All that systemd is told, with the process that tells it; read as fast as it comes."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        sock.settimeout(0.1)
        self.sock = sock
        self.lines: list[tuple[int, str]] = []
        self.ending = False
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self) -> None:
        size = socket.CMSG_SPACE(struct.calcsize("3i"))
        while not self.ending:
            try:
                data, ((_, _, credentials), *_), _, _ = self.sock.recvmsg(999, size)
            except TimeoutError:
                continue
            pid, _, _ = struct.unpack("3i", credentials)
            self.lines += [(pid, line) for line in data.decode().splitlines()]

    def wait(self, pid: int, line: str) -> None:
        wait_for(lambda: (pid, line) in self.lines, 30, f"{line} from {pid} in {self.lines}")

    def close(self) -> None:
        self.ending = True
        self.thread.join()


@pytest.fixture
def record(systemd: Systemd) -> Iterator[Record]:
    recording = Record(systemd.sock)
    yield recording
    recording.close()


@pytest.mark.skipif(sys.platform != "linux", reason="systemd, and who sent a message")
def test_a_successor_becomes_the_main_process(systemd: Systemd, record: Record) -> None:
    env = {"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "400000"}
    with serve("plain:app", "--workers", "2", env=env) as server:
        record.wait(server.pid, "READY=1")
        os.kill(server.pid, signal.SIGUSR2)
        wait_for(lambda: len(parents(server)) == 2, 30, "a new tricorn")
        new = parents(server)[-1]
        # Only the main process is believed: the old one names the new one.
        record.wait(server.pid, f"MAINPID={new}")
        wait_for(lambda: server.process.poll() is not None, 30, "the old one to end")
        record.wait(new, "WATCHDOG=1")
        assert (server.pid, "STOPPING=1") not in record.lines
        os.kill(new, signal.SIGTERM)
        record.wait(new, "STOPPING=1")
        wait_for(lambda: not is_alive(new), 20, "the new one to end")


@pytest.mark.parametrize("options", KINDS)
def test_the_watchdog_is_petted(systemd: Systemd, options: tuple[str, ...]) -> None:
    env = {"NOTIFY_SOCKET": systemd.path, "WATCHDOG_USEC": "400000"}
    with serve("plain:app", *options, env=env):
        assert systemd.hears() == "READY=1"
        assert [systemd.sock.recv(99) for _ in range(3)] == [b"WATCHDOG=1"] * 3
