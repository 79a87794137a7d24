"""The file of a Unix socket: taking over a stale one, its mode and its owner."""

from __future__ import annotations

import errno
import os
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tricorn.net.address import Bind
from tricorn.net.bind_error import BindError, explain

if sys.platform != "win32":
    import fcntl
    import grp
    import pwd

DEFAULT_MODE = 0o666  # proxies run as another user, and must be able to connect
_LOCK_PATIENCE = 1.0  # seconds


def open_unix(bind: Bind, mode: int | None, owner: str | None, backlog: int) -> socket.socket:
    """A listening socket at `bind.path`; raises `BindError` and leaves nothing behind.

    A stale socket is replaced, and passes its mode on unless `mode` is given. `owner` is
    `user`, `user:group` or `:group`, by name or number.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise BindError(bind, "this system has no Unix sockets")
    uid, gid = _find_owner(bind, owner)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _directory_lock(bind.path):
            found = _clear_path(bind)
            if mode is None:
                mode = DEFAULT_MODE if found is None else found
            _bind_file(sock, bind, mode, uid, gid)
            _listen(sock, bind, backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _bind_file(sock: socket.socket, bind: Bind, mode: int, uid: int, gid: int) -> None:
    try:
        # Nobody else may connect before owner and mode are what was asked for.
        before = os.umask(0o177)
        try:
            sock.bind(bind.path)
        finally:
            os.umask(before)
    except OSError as error:
        raise explain(bind, error) from None
    try:
        if (uid, gid) != (-1, -1):
            os.chown(bind.path, uid, gid)
        os.chmod(bind.path, mode)
    except OSError as error:
        _unlink(bind.path)
        raise BindError(
            bind, f"can't set its owner or mode: {error.strerror}", error.errno
        ) from None


def _listen(sock: socket.socket, bind: Bind, backlog: int) -> None:
    try:
        sock.listen(backlog)
    except OSError as error:
        _unlink(bind.path)
        raise explain(bind, error) from None


def _clear_path(bind: Bind) -> int | None:
    """Remove a stale socket and return its mode; None when there was nothing.

    Raises `BindError` when the path is something else, or a socket with a server behind it.
    """
    try:
        found = os.lstat(bind.path).st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise explain(bind, error) from None
    if not stat.S_ISSOCK(found):
        raise BindError(bind, "the path exists and isn't a socket; remove it or choose another")
    _refuse_live(bind)
    try:
        os.unlink(bind.path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise explain(bind, error) from None
    return stat.S_IMODE(found)


def _refuse_live(bind: Bind) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(bind.path)
    if code in (errno.ECONNREFUSED, errno.ENOENT):
        return
    if code in (errno.EACCES, errno.EPERM):
        raise BindError(bind, "a socket of another user is there; remove it first", code)
    # Connected, or EAGAIN from a full backlog, or EPROTOTYPE from a datagram socket.
    reason = "another server is listening there. Stop it or choose another path"
    raise BindError(bind, reason, errno.EADDRINUSE)


@contextmanager
def _directory_lock(path: str) -> Iterator[None]:
    """Let one server at a time look at a path and take it.

    Without it, two that start at once would both find the socket stale, and the slower one
    would remove the file that the quicker one had just made.
    """
    try:
        directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _lock(directory)
        yield
    finally:
        os.close(directory)


def _lock(directory: int) -> None:
    # Others lock directories too (systemd-tmpfiles honours that), some of them for long.
    end = time.monotonic() + _LOCK_PATIENCE
    while time.monotonic() < end:
        try:
            fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return
        else:
            return


def _find_owner(bind: Bind, owner: str | None) -> tuple[int, int]:
    """User and group number, -1 where they aren't to be changed."""
    if not owner:
        return -1, -1
    user, _, group = owner.partition(":")
    try:
        uid = _number(user, lambda name: pwd.getpwnam(name).pw_uid)
    except (KeyError, ValueError):
        raise BindError(bind, f"there is no user '{user}' to own it") from None
    try:
        gid = _number(group, lambda name: grp.getgrnam(name).gr_gid)
    except (KeyError, ValueError):
        raise BindError(bind, f"there is no group '{group}' to own it") from None
    return uid, gid


def _number(name: str, look_up: Callable[[str], int]) -> int:
    if not name:
        return -1
    return int(name) if name.isascii() and name.isdigit() else look_up(name)


def _unlink(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
