"""What systemd is told, over a socket of the test's own."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tricorn.net.systemd import ServiceNotifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    if request.param == "abstract" and sys.platform != "linux":
        pytest.skip("only Linux has an abstract namespace")
    name = str(tmp_path / "notify") if request.param == "path" else f"@tricorn-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0") if request.param == "abstract" else name)
        sock.settimeout(30)
        yield name, sock


def test_what_is_sent(systemd: tuple[str, socket.socket]) -> None:
    name, sock = systemd
    environ = {"NOTIFY_SOCKET": name, "HOME": "/"}
    notifier = ServiceNotifier(environ)
    assert environ == {"HOME": "/"}
    assert notifier
    notifier.ready("2 workers")
    assert sock.recv(999) == b"READY=1\nSTATUS=2 workers"
    notifier.reloading()
    first, second = sock.recv(999).split(b"\nMONOTONIC_USEC=")
    assert (first, second.isdigit()) == (b"RELOADING=1", True)
    notifier.stopping()
    assert sock.recv(999) == b"STOPPING=1\nSTATUS=stopping"
    notifier.main_process(17)
    assert sock.recv(999) == b"MAINPID=17"


def test_the_watchdog_is_petted_twice_in_its_time(systemd: tuple[str, socket.socket]) -> None:
    name, sock = systemd
    environ = {
        "NOTIFY_SOCKET": name,
        "WATCHDOG_USEC": "4000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    notifier = ServiceNotifier(environ)
    assert environ == {}
    assert notifier.watchdog == 4.0
    for now in (100.0, 101.9, 102.0, 103.0):
        notifier.alive(now)
    notifier.stopping()
    messages = [sock.recv(999) for _ in range(3)]
    assert messages == [b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1\nSTATUS=stopping"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "x"},
        {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"},
    ],
)
def test_without_a_watchdog_or_a_socket_nothing_happens(environ: dict[str, str]) -> None:
    notifier = ServiceNotifier(environ)
    assert not notifier
    assert notifier.watchdog is None
    notifier.alive(1.0)
    notifier.ready("")


def test_a_socket_that_isnt_there_is_no_error(tmp_path: Path) -> None:
    notifier = ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    notifier.ready("")
    notifier.stopping()
