"""The file of a Unix socket: made, taken over, refused, removed."""

import errno
import multiprocessing
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tricorn.net import unix
from tricorn.net.address import Bind
from tricorn.net.bind_error import BindError
from tricorn.net.listen import Listener, ListenOptions, open_listeners

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A path whose length is well within what systems allow."""
    short = Path(os.path.relpath(tmp_path)) / "s"
    return short if len(str(short)) < len(str(tmp_path)) else tmp_path / "s"


def open_at(path: Path, **options: object) -> Listener:
    (listener,) = open_listeners(
        [Bind("unix", path=str(path))],
        ListenOptions(**options),  # type: ignore[arg-type]
    )
    return listener


def leave_stale(path: Path, mode: int = 0o600) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        path.chmod(mode)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        return client.connect_ex(str(path)) == 0


def test_it_listens_with_a_mode_for_everybody_and_is_removed(place: Path) -> None:
    before = os.umask(0o027)
    try:
        listener = open_at(place)
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert mode_of(place) == 0o666
    assert connects(place)
    assert listener.sock.get_inheritable() is False
    listener.close()
    assert not place.exists()
    listener.close()


def test_the_mode_can_be_chosen(place: Path) -> None:
    listener = open_at(place, uds_mode=0o660)
    assert mode_of(place) == 0o660
    listener.close()


def test_nobody_can_connect_before_the_mode_is_set(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = os.chmod

    def watch(path: str, mode: int) -> None:
        seen.append(stat.S_IMODE(os.lstat(path).st_mode))
        real(path, mode)

    monkeypatch.setattr(os, "chmod", watch)
    open_at(place, uds_mode=0o620).close()
    assert [mode & 0o077 for mode in seen] == [0]


def test_a_stale_socket_is_replaced_and_passes_its_mode_on(place: Path) -> None:
    leave_stale(place, 0o640)
    listener = open_at(place)
    assert connects(place)
    assert mode_of(place) == 0o640
    listener.close()
    leave_stale(place, 0o640)
    listener = open_at(place, uds_mode=0o606)
    assert mode_of(place) == 0o606
    listener.close()


def test_a_live_socket_is_refused_and_goes_on(place: Path) -> None:
    listener = open_at(place)
    with pytest.raises(BindError, match="another server is listening there") as caught:
        open_at(place)
    assert caught.value.errno == errno.EADDRINUSE
    assert connects(place)
    listener.close()


def test_a_live_socket_with_a_full_backlog_is_refused(place: Path) -> None:
    listener = open_at(place, backlog=0)
    clients = []
    for _ in range(3):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        client.connect_ex(str(place))
        clients.append(client)
    with pytest.raises(BindError, match="another server is listening there"):
        open_at(place)
    for client in clients:
        client.close()
    listener.close()


def test_a_datagram_socket_is_refused(place: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(str(place))
        with pytest.raises(BindError, match="another server"):
            open_at(place)


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
def test_what_is_no_socket_is_refused_and_kept(place: Path, kind: str) -> None:
    if kind == "file":
        place.write_text("mine")
    elif kind == "directory":
        place.mkdir()
    else:
        place.symlink_to("somewhere")
    with pytest.raises(BindError, match="isn't a socket"):
        open_at(place)
    assert os.path.lexists(place)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("nowhere/s", "the directory .*nowhere doesn't exist"),
        ("file/s", "file isn't a directory"),
        ("x" * 200, "bytes, longer than this system allows"),
    ],
)
def test_a_path_that_cannot_be(tmp_path: Path, path: str, hint: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BindError, match=hint):
        open_at(tmp_path / path)
    assert not (tmp_path / path).exists()


def test_a_file_that_another_put_in_its_place_is_left_alone(place: Path) -> None:
    first = open_at(place)
    place.unlink()
    second = open_at(place)
    first.close()
    assert connects(place)
    second.close()
    assert not place.exists()


def test_a_forked_process_does_not_remove_the_file(place: Path) -> None:
    listener = open_at(place)
    child = multiprocessing.get_context("fork").Process(target=listener.close)
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert connects(place)
    listener.close()


def test_it_is_removed_after_a_change_of_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listener = open_at(Path("relative"))
    monkeypatch.chdir("/")
    listener.close()
    assert not (tmp_path / "relative").exists()


@needs_root
@pytest.mark.parametrize(
    ("owner", "uid", "gid"),
    [("123:456", 123, 456), ("123", 123, 0), (":456", 0, 456), ("root:root", 0, 0)],
)
def test_the_owner_can_be_chosen(place: Path, owner: str, uid: int, gid: int) -> None:
    listener = open_at(place, uds_owner=owner, uds_mode=0o660)
    found = place.lstat()
    assert (found.st_uid, found.st_gid) == (uid, gid)
    assert mode_of(place) == 0o660
    listener.close()


@pytest.mark.parametrize(
    ("owner", "hint"),
    [("no-such-user", "no user 'no-such-user'"), ("root:no-such-group", "no group 'no-such-")],
)
def test_an_unknown_owner_is_refused_before_anything_is_made(
    place: Path, owner: str, hint: str
) -> None:
    with pytest.raises(BindError, match=hint):
        open_at(place, uds_owner=owner)
    assert not place.exists()


def test_a_file_that_cannot_be_given_away_is_removed(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    with pytest.raises(BindError, match="owner or mode: Operation not permitted"):
        open_at(place, uds_owner="0:0")
    assert not place.exists()


def test_of_many_that_start_at_once_one_gets_the_stale_path(place: Path) -> None:
    leave_stale(place)
    barrier = threading.Barrier(8)
    won: list[Listener] = []
    refused: list[BindError] = []

    def start() -> None:
        barrier.wait()
        try:
            won.append(open_at(place))
        except BindError as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(refused) == 7
    assert connects(place)
    won[0].close()


def test_a_directory_locked_by_another_program_only_delays(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix, "_LOCK_PATIENCE", 0.05)
    script = (
        "import fcntl, os, sys; d = os.open(sys.argv[1], os.O_RDONLY);"
        "fcntl.flock(d, fcntl.LOCK_EX); print('locked', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(place.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        open_at(place).close()
