"""Why a place can't be listened on, in one line for whoever starts the server."""

from __future__ import annotations

import errno
import os

from tricorn.net.address import Bind


class BindError(OSError):
    """A place can't be listened on. `str()` is one line with the place and what to do.

    `errno` is the system's code, or None when the system wasn't asked. `exit_code` is what a
    program that can't go on should exit with.
    """

    exit_code = 3

    def __init__(self, bind: Bind, reason: str, code: int | None = None) -> None:
        super().__init__(f"Can't listen on {bind_name(bind)}: {reason}")
        self.bind = bind
        self.errno = code

    def __str__(self) -> str:
        # OSError would put "[Errno n]" in front.
        return str(self.args[0])


def bind_name(bind: Bind) -> str:
    """What people call the place, as in `127.0.0.1:80` or `unix socket /run/app.sock`."""
    if bind.kind == "unix":
        return f"unix socket {bind.path}"
    if bind.kind == "fd":
        return f"file descriptor {bind.fd}"
    return str(bind) if bind.host else f"port {bind.port} of every interface"


def explain(bind: Bind, error: OSError) -> BindError:
    """The system's refusal with its likely cause."""
    code = error.errno
    if bind.kind == "unix":
        reason = _unix_reason(bind.path, error)
    else:
        reason = _tcp_reason(bind, error)
    return BindError(bind, reason, code)


def _tcp_reason(bind: Bind, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is in use. Stop what listens there or choose another port"
    if error.errno in (errno.EACCES, errno.EPERM):
        if 0 < bind.port < 1024:
            return (
                "no permission. Ports below 1024 need root or CAP_NET_BIND_SERVICE; "
                "choose a higher port"
            )
        return "no permission"
    if error.errno == errno.EADDRNOTAVAIL:
        return "no interface of this machine has that address"
    if error.errno in (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT):
        return "this machine has no IPv6" if ":" in (bind.host or "") else _system_text(error)
    return _system_text(error)


def _unix_reason(path: str, error: OSError) -> str:
    directory = os.path.dirname(path) or "."
    if error.errno == errno.ENOENT:
        return f"the directory {directory} doesn't exist"
    if error.errno == errno.ENOTDIR:
        return f"{directory} isn't a directory"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no permission to make a socket in {directory}"
    if error.errno == errno.EROFS:
        return f"{directory} is on a read-only file system"
    if error.errno == errno.EADDRINUSE:
        return "the path was taken by another program just now; start again"
    # CPython checks the length itself and then gives no code.
    if error.errno in (None, errno.ENAMETOOLONG):
        return f"the path is {len(os.fsencode(path))} bytes, longer than this system allows"
    return _system_text(error)


def _system_text(error: OSError) -> str:
    return error.strerror or str(error)
