"""Listening sockets that a parent process opened: `--fd N`, and systemd's socket activation."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import MutableMapping

from tricorn.net.address import Bind
from tricorn.net.bind_error import BindError, explain

FIRST_FD = 3


def take_inherited(environ: MutableMapping[str, str]) -> list[tuple[int, str]]:
    """What systemd passed, as `(fd, name)` in order; empty when none is meant for us.

    The protocol is sd_listen_fds(3): `LISTEN_PID` must be this process. The variables are
    removed from `environ`, so that a program started by the app doesn't take the sockets for
    its own, and the descriptors are marked close-on-exec for the same reason. A socket without
    a name is called `unknown`, as systemd does. Raises `ValueError`, in one line, when
    `LISTEN_FDS` isn't a number.
    """
    pid = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    names = environ.pop("LISTEN_FDNAMES", "")
    if pid != str(os.getpid()) or not count:
        return []
    if not (count.isascii() and count.isdigit() and len(count) < 6):
        raise ValueError(f"LISTEN_FDS is '{count}', but must be the number of sockets passed")
    inherited = _with_names(int(count), names)
    for fd, _ in inherited:
        _close_on_exec(fd)
    return inherited


def _with_names(count: int, names: str) -> list[tuple[int, str]]:
    given = names.split(":") if names else []
    given += ["unknown"] * (count - len(given))
    return [(FIRST_FD + i, given[i] or "unknown") for i in range(count)]


def _close_on_exec(fd: int) -> None:
    try:
        os.set_inheritable(fd, False)
    except OSError:
        # A number that isn't open is reported, in one line, when it is listened on.
        pass


def adopt(bind: Bind, backlog: int) -> socket.socket:
    """A duplicate of an inherited listening socket; the original stays as it is.

    Family and type are asked of the system: `socket.fromfd` wants to be told, and a TCP socket
    taken for a Unix one would never get TCP_NODELAY.
    """
    sock = _duplicate(bind)
    try:
        _check_listening(sock, bind, backlog)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def _duplicate(bind: Bind) -> socket.socket:
    copy = -1
    try:
        copy = os.dup(bind.fd)
        return socket.socket(fileno=copy)
    except (OSError, OverflowError) as error:
        if copy >= 0:
            os.close(copy)
        raise BindError(bind, _descriptor_reason(error), getattr(error, "errno", None)) from None


def _descriptor_reason(error: OSError | OverflowError) -> str:
    if isinstance(error, OSError):
        if error.errno == errno.ENOTSOCK:
            return "it isn't a socket; whoever starts tricorn must pass a listening socket there"
        if error.errno != errno.EBADF:
            return error.strerror or str(error)
    return "it isn't open; whoever starts tricorn must pass a listening socket as that number"


def _check_listening(sock: socket.socket, bind: Bind, backlog: int) -> None:
    if sock.type != socket.SOCK_STREAM or sock.family not in _stream_families():
        raise BindError(bind, "it is a socket, but neither TCP nor a Unix stream socket")
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return
    if _is_connected(sock):
        raise BindError(bind, "it is a connection, not a listening socket")
    name = sock.getsockname()
    if not name or (isinstance(name, tuple) and name[1] == 0):
        raise BindError(bind, "the socket is bound to no address")
    try:
        sock.listen(backlog)
    except OSError as error:
        raise explain(bind, error) from None


def _stream_families() -> tuple[int, ...]:
    unix = getattr(socket, "AF_UNIX", None)
    return (socket.AF_INET, socket.AF_INET6, *(() if unix is None else (unix,)))


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
