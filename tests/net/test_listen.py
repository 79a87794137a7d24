"""Opening TCP listeners, and what all listeners have in common."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.places import free_port
from tricorn.net import listen
from tricorn.net.address import Bind
from tricorn.net.bind_error import BindError, explain
from tricorn.net.listen import Listener, ListenOptions, open_listeners

Open = Callable[..., list[Listener]]


@pytest.fixture
def opened() -> Iterator[Open]:
    """`open_listeners`, closing all at the end."""
    made: list[Listener] = []

    def call(*binds: Bind, **options: object) -> list[Listener]:
        new = open_listeners(binds, ListenOptions(**options))  # type: ignore[arg-type]
        made.extend(new)
        return new

    yield call
    for listener in made:
        listener.close()


def tcp(host: str | None, port: int = 0) -> Bind:
    return Bind("tcp", host=host, port=port)


def accepts(listener: Listener, host: str) -> bool:
    """Does a connection to `host` arrive at this listener?"""
    with socket.create_connection((host, listener.port), 30) as client:
        listener.sock.settimeout(30)
        peer, address = listener.sock.accept()
        peer.close()
        return bool(address[1] == client.getsockname()[1])


def resolves_to(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    real = socket.getaddrinfo

    def answer(name: str, *rest: int, **options: int) -> list[object]:
        found = hosts if name == "localhost" else [name]
        return [entry for host in found for entry in real(host, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


def test_a_listener_is_ready_for_an_event_loop(opened: Open) -> None:
    (listener,) = opened(tcp("127.0.0.1"))
    assert listener.sock.getblocking() is False
    assert listener.sock.get_inheritable() is False
    assert listener.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert listener.sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
    assert listener.port > 0
    assert listener.describe() == f"http://127.0.0.1:{listener.port}"
    assert listener.describe("https") == f"https://127.0.0.1:{listener.port}"
    assert accepts(listener, "127.0.0.1")


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux lets them inherit it")
def test_accepted_connections_have_no_delay(opened: Open) -> None:
    (listener,) = opened(tcp("127.0.0.1"))
    with socket.create_connection(("127.0.0.1", listener.port), 30):
        listener.sock.settimeout(30)
        peer, _ = listener.sock.accept()
        assert peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        peer.close()


@needs_ipv6
def test_an_ipv6_address_is_described_in_brackets(opened: Open) -> None:
    (listener,) = opened(tcp("::1"))
    assert listener.describe() == f"http://[::1]:{listener.port}"
    assert accepts(listener, "::1")


@needs_ipv6
@pytest.mark.parametrize("host", ["::", "0::0", None, ""])
def test_every_interface_is_both_families_on_one_socket(opened: Open, host: str | None) -> None:
    (listener,) = opened(tcp(host))
    assert accepts(listener, "127.0.0.1")
    assert accepts(listener, "::1")
    shown = f"[{host}]" if host else "0.0.0.0"
    assert listener.describe() == f"http://{shown}:{listener.port}"


def test_every_interface_without_ipv6_is_ipv4(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.socket

    class NoV6(real):  # type: ignore[misc, valid-type]
        def __init__(self, family: int = -1, *args: int, **options: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *args, **options)

    monkeypatch.setattr(socket, "socket", NoV6)
    (listener,) = opened(tcp(None))
    assert listener.sock.family == socket.AF_INET
    with pytest.raises(BindError, match="no IPv6"):
        opened(tcp("::"))


@needs_ipv6
def test_ipv4_and_ipv6_wildcards_with_one_port_go_together(opened: Open) -> None:
    port = free_port()
    v4, v6 = opened(tcp("0.0.0.0", port), tcp("::", port))
    assert accepts(v4, "127.0.0.1")
    assert accepts(v6, "::1")


@needs_ipv6
def test_a_name_with_two_addresses_listens_on_both_with_one_port(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "127.0.0.1", "::1", "127.0.0.1")
    v4, v6 = opened(tcp("localhost"))
    assert v4.port == v6.port
    assert v4.describe() == v6.describe() == f"http://localhost:{v4.port}"
    assert accepts(v4, "127.0.0.1")
    assert accepts(v6, "::1")


@needs_ipv6
def test_a_port_taken_on_the_second_address_is_given_up_for_another(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "127.0.0.1", "::1")
    real = listen._listen_tcp
    tried: list[int] = []
    blocker: list[socket.socket] = []

    def in_the_way(family: int, address: tuple[str | int, ...], *rest: object) -> socket.socket:
        if family == socket.AF_INET6 and not blocker:
            sock = socket.socket(socket.AF_INET6)
            try:
                sock.bind(("::1", int(address[1])))
            except OSError:
                sock.close()
                raise
            sock.listen()
            blocker.append(sock)
        tried.append(int(address[1]))
        return real(family, address, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(listen, "_listen_tcp", in_the_way)
    v4, v6 = opened(tcp("localhost"))
    taken = blocker[0].getsockname()[1]
    blocker[0].close()
    assert v4.port == v6.port != taken
    # More than once, where another program is in the way, too.
    at = tried.index(taken)
    assert (tried[at - 1], tried[at + 1], tried[-2:]) == (0, 0, [0, v4.port])


@needs_ipv6
def test_an_address_of_a_name_that_does_not_exist_here_is_left_out(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, "2001:db8::1", "127.0.0.1")
    (listener,) = opened(tcp("localhost"))
    assert listener.sock.family == socket.AF_INET


def test_reuse_port_lets_two_share(opened: Open) -> None:
    (first,) = opened(tcp("127.0.0.1"), reuse_port=True)
    (second,) = opened(tcp("127.0.0.1", first.port), reuse_port=True)
    assert second.port == first.port


def test_reuse_port_where_there_is_none(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "SO_REUSEPORT")
    with pytest.raises(BindError, match="can't share a port"):
        opened(tcp("127.0.0.1"), reuse_port=True)


def test_a_port_in_use(opened: Open) -> None:
    (first,) = opened(tcp("127.0.0.1"))
    with pytest.raises(BindError) as caught:
        opened(tcp("127.0.0.1", first.port))
    assert str(caught.value) == (
        f"Can't listen on 127.0.0.1:{first.port}: the port is in use. "
        "Stop what listens there or choose another port"
    )
    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.exit_code == 3


def test_an_address_of_another_machine(opened: Open) -> None:
    with pytest.raises(BindError, match=r"192\.0\.2\.1:0: no interface of this machine has"):
        opened(tcp("192.0.2.1"))


def test_an_unknown_name(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(BindError, match=r"'nowhere\.invalid' is unknown"):
        opened(tcp("nowhere.invalid"))


def test_a_name_that_cannot_be_one(opened: Open) -> None:
    with pytest.raises(BindError, match="is unknown"):
        opened(tcp("a" * 70 + ".test"))


@pytest.mark.parametrize(
    ("bind", "code", "hint"),
    [
        (tcp("127.0.0.1", 80), errno.EACCES, "Ports below 1024"),
        (tcp(None, 80), errno.EACCES, "port 80 of every interface: no permission. Ports below"),
        (tcp("127.0.0.1", 8000), errno.EACCES, "no permission"),
        (tcp("::1", 8000), errno.EAFNOSUPPORT, "no IPv6"),
        (tcp("127.0.0.1", 8000), errno.ENOBUFS, "No buffer"),
        (Bind("unix", path="/a/b"), errno.EACCES, "no permission to make a socket in /a"),
        (Bind("unix", path="/a/b"), errno.EROFS, "read-only"),
        (Bind("unix", path="/a/b"), errno.EADDRINUSE, "start again"),
        (Bind("unix", path="/a/b"), errno.EIO, "Input/output"),
    ],
)
def test_each_refusal_names_its_cause(bind: Bind, code: int, hint: str) -> None:
    error = explain(bind, OSError(code, os.strerror(code)))
    assert hint in str(error)
    assert "\n" not in str(error)
    assert "Errno" not in str(error)
    assert isinstance(error, OSError)
    assert error.errno == code


def test_a_failure_closes_what_was_opened(opened: Open, tmp_path: Path) -> None:
    (taken,) = opened(tcp("127.0.0.1"))
    (free,) = opened(tcp("127.0.0.1"))
    port = free.port
    free.close()
    path = tmp_path / "app.sock"
    with pytest.raises(BindError):
        opened(tcp("127.0.0.1", port), Bind("unix", path=str(path)), tcp("127.0.0.1", taken.port))
    assert not path.exists()
    (again,) = opened(tcp("127.0.0.1", port))
    assert again.port == port


def test_several_kinds_at_once(opened: Open, tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    first, second = opened(tcp("127.0.0.1"), Bind("unix", path=path))
    assert first.describe() == f"http://127.0.0.1:{first.port}"
    assert second.describe() == f"unix socket {path}"
    assert second.port == 0
    assert second.sock.getblocking() is False
