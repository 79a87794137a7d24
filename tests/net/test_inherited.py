"""Sockets that a parent process opened, in real child processes too."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tricorn.net.address import Bind
from tricorn.net.bind_error import BindError
from tricorn.net.inherited import take_inherited
from tricorn.net.listen import Listener, ListenOptions, open_listeners

# Listens on the descriptors it is told, or on systemd's, tells what it found, and answers one
# connection on each.
CHILD = """
import json, os, socket, sys
from tricorn.net.address import Bind
from tricorn.net.inherited import take_inherited
from tricorn.net.listen import ListenOptions, open_listeners

if sys.argv[1] == "systemd":
    os.environ["LISTEN_PID"] = str(os.getpid())
    found = take_inherited(os.environ)
    fds = [fd for fd, name in found]
else:
    found = None
    fds = [int(fd) for fd in sys.argv[1:]]
listeners = open_listeners([Bind("fd", fd=fd) for fd in fds], ListenOptions())
print(json.dumps({
    "descriptions": [listener.describe() for listener in listeners],
    "families": [listener.sock.family for listener in listeners],
    "nodelay": [
        bool(listener.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        for listener in listeners if listener.sock.family != socket.AF_UNIX
    ],
    "found": found,
    "environment": [name for name in os.environ if name.startswith("LISTEN_")],
}), flush=True)
for listener in listeners:
    listener.sock.settimeout(60)
    peer, _ = listener.sock.accept()
    peer.sendall(b"hello")
    peer.close()
    listener.close()
os.fstat(fds[0])  # the original is still open
"""


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield sock


def adopt(fd: int) -> Listener:
    (listener,) = open_listeners([Bind("fd", fd=fd)], ListenOptions())
    return listener


def serve(*arguments: str, clients: list[Any], **options: Any) -> dict[str, Any]:
    """Run the child, connect to each of its sockets, and return what it told."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        for address in clients:
            family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
            with socket.socket(family) as client:
                client.settimeout(60)
                client.connect(address)
                assert client.recv(5) == b"hello"
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    told: dict[str, Any] = json.loads(line)
    return told


def test_descriptor_0_of_a_real_process(listening: socket.socket) -> None:
    address = listening.getsockname()
    told = serve("0", clients=[address], stdin=listening)
    assert told["descriptions"] == [f"socket {address}"]
    assert told["families"] == [socket.AF_INET]
    assert told["nodelay"] == [True]


def test_any_other_descriptor_of_a_real_process(listening: socket.socket) -> None:
    fd = listening.fileno()
    told = serve(str(fd), clients=[listening.getsockname()], pass_fds=[fd])
    assert told["nodelay"] == [True]


def test_a_unix_socket_is_served_and_never_removed(tmp_path: Path) -> None:
    path = os.path.relpath(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        told = serve(str(sock.fileno()), clients=[path], pass_fds=[sock.fileno()])
    assert told["families"] == [socket.AF_UNIX]
    assert told["descriptions"] == [f"socket {path}"]
    assert os.path.exists(path)


def test_several_sockets_from_systemd(listening: socket.socket) -> None:
    with socket.socket() as second:
        second.bind(("127.0.0.1", 0))
        second.listen()
        # A shell puts them at 3 and 4, as systemd would.
        launch = f'exec {sys.executable} -c "$0" systemd 3<&{{}} 4<&{{}}'
        command = launch.format(listening.fileno(), second.fileno())
        with subprocess.Popen(
            ["bash", "-c", command, CHILD],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[listening.fileno(), second.fileno()],
            env=os.environ | {"LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:admin"},
        ) as child:
            assert child.stdout is not None
            line = child.stdout.readline()
            for sock in (listening, second):
                with socket.create_connection(sock.getsockname(), 60) as client:
                    assert client.recv(5) == b"hello"
            _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    told = json.loads(line)
    assert told["found"] == [[3, "http"], [4, "admin"]]
    assert told["environment"] == []
    assert told["nodelay"] == [True, True]


def test_the_duplicate_is_independent_of_the_original(listening: socket.socket) -> None:
    listener = adopt(listening.fileno())
    assert listener.sock.fileno() != listening.fileno()
    assert listener.sock.get_inheritable() is False
    assert listener.port == listening.getsockname()[1]
    listener.close()
    with socket.create_connection(listening.getsockname(), 30):
        listening.accept()[0].close()


def test_a_bound_socket_is_made_to_listen() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        listener = adopt(sock.fileno())
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        listener.close()


def test_a_number_that_is_not_open() -> None:
    fd = os.dup(0)
    os.close(fd)
    with pytest.raises(BindError, match=f"descriptor {fd}: it isn't open; whoever starts tricorn"):
        adopt(fd)


def test_a_number_that_no_system_has() -> None:
    with pytest.raises(BindError, match="it isn't open"):
        adopt(10**9)
    with pytest.raises(BindError, match="it isn't open"):
        adopt(10**30)


def test_something_that_is_no_socket(tmp_path: Path) -> None:
    before = set(os.listdir("/dev/fd"))
    with (tmp_path / "file").open("w") as file:
        with pytest.raises(BindError, match="isn't a socket"):
            adopt(file.fileno())
        with pytest.raises(BindError, match="isn't a socket"):
            adopt(file.fileno())
    assert set(os.listdir("/dev/fd")) == before


def test_a_socket_of_another_kind() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(BindError, match="neither TCP nor"):
            adopt(sock.fileno())


def test_a_connection() -> None:
    left, right = socket.socketpair()
    with left, right, pytest.raises(BindError, match="a connection, not a listening"):
        adopt(left.fileno())


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_socket_without_an_address(family: int) -> None:
    with socket.socket(family) as sock:
        with pytest.raises(BindError, match="bound to no address"):
            adopt(sock.fileno())


def environ(**values: str) -> dict[str, str]:
    return {"LISTEN_PID": str(os.getpid()), **values, "OTHER": "stays"}


def test_the_variables_are_removed() -> None:
    given = environ(LISTEN_FDS="1", LISTEN_FDNAMES="web")
    assert take_inherited(given) == [(3, "web")]
    assert given == {"OTHER": "stays"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("", ["unknown", "unknown"]),
        ("a", ["a", "unknown"]),
        ("a:", ["a", "unknown"]),
        (":b", ["unknown", "b"]),
        ("a:b:c", ["a", "b"]),
    ],
)
def test_missing_names(names: str, expected: list[str]) -> None:
    found = take_inherited(environ(LISTEN_FDS="2", LISTEN_FDNAMES=names))
    assert found == [(3, expected[0]), (4, expected[1])]


@pytest.mark.parametrize("pid", ["1", "", "x"])
def test_sockets_meant_for_another_process_are_not_taken(pid: str) -> None:
    given = environ(LISTEN_FDS="1") | {"LISTEN_PID": pid}
    assert take_inherited(given) == []
    assert given == {"OTHER": "stays"}


def test_without_systemd() -> None:
    assert take_inherited({"OTHER": "stays"}) == []
    assert take_inherited(environ()) == []
    assert take_inherited(environ(LISTEN_FDS="0")) == []


@pytest.mark.parametrize("count", ["x", "-1", "1.0", "٣", "9" * 30])
def test_a_bad_number_is_told(count: str) -> None:
    with pytest.raises(ValueError, match="LISTEN_FDS is"):
        take_inherited(environ(LISTEN_FDS=count))
