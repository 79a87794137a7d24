"""Opening the sockets that a server accepts on: TCP, Unix and inherited ones."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple, cast

from tricorn.net.address import Bind
from tricorn.net.bind_error import BindError, explain
from tricorn.net.inherited import adopt
from tricorn.net.unix import open_unix

__all__ = ["BindError", "ListenOptions", "Listener", "open_listeners", "open_siblings"]

_SAME_PORT_ATTEMPTS = 20


class ListenOptions(NamedTuple):
    """How to listen, for every place alike."""

    backlog: int = 2048  # connections waiting to be accepted
    reuse_port: bool = False
    uds_mode: int | None = None  # None: 0o666, or the mode of the stale socket it replaces
    uds_owner: str | None = None  # user, user:group or :group


class Listener:
    """A listening socket and the place it was opened for."""

    def __init__(self, sock: socket.socket, bind: Bind) -> None:
        self.sock = sock
        self.bind = bind
        self._pid = os.getpid()
        # Absolute, since the app may change the working directory.
        self._path = os.path.abspath(bind.path) if bind.kind == "unix" else ""
        self._file = _identity(self._path)

    @property
    def port(self) -> int:
        """The TCP port that is really in use; 0 for a Unix socket."""
        name = self.sock.getsockname()
        return int(name[1]) if isinstance(name, tuple) else 0

    def describe(self, scheme: str = "http") -> str:
        """What the banner calls it, in Uvicorn's words.

        The listeners of one host name have the same description.
        """
        if self.bind.kind == "unix":
            return f"unix socket {self.bind.path}"
        if self.bind.kind == "fd":
            return f"socket {self.sock.getsockname()}"
        host = self.bind.host or "0.0.0.0"
        return (
            f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"
        )

    def hand_over(self) -> None:
        """Leave the file of a Unix socket to another process that listens on it."""
        self._file = None

    def take_over(self) -> None:
        """Remove the file of a Unix socket when this one closes: no other process does now."""
        self._file = _identity(self._path)

    def close(self) -> None:
        """Stop listening, and remove the file of a Unix socket that this process made.

        A file that another server has put in its place is left alone. May be called twice.
        """
        # While the socket is open, the system can't give its inode to another file, so the
        # comparison is sound; and a server that starts now never finds a dead file.
        if self._file is not None and self._pid == os.getpid():
            if _identity(self._path) == self._file:
                with suppress(OSError):
                    os.unlink(self._path)
            self._file = None
        self.sock.close()


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISSOCK(found.st_mode) else None


def open_listeners(binds: Iterable[Bind], options: ListenOptions) -> list[Listener]:
    """Listen on every place, in order; a host name with several addresses gives several.

    All sockets are non-blocking and not inheritable. Raises `BindError` for the first place
    that can't be listened on, and closes those opened before it.
    """
    binds = list(binds)
    listeners: list[Listener] = []
    try:
        for bind in binds:
            listeners += _open(bind, binds, options)
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def open_siblings(listener: Listener, count: int, options: ListenOptions) -> list[Listener]:
    """Listen on a TCP listener's address with so many further sockets (SO_REUSEPORT).

    Raises `BindError` when it can't be, and closes those opened before.
    """
    sock = listener.sock
    v6_only = sock.family == socket.AF_INET6 and bool(
        sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    )
    siblings: list[Listener] = []
    try:
        for _ in range(count):
            opened = _listen_tcp(sock.family, sock.getsockname(), options, v6_only)
            opened.setblocking(False)
            siblings.append(Listener(opened, listener.bind))
    except OSError as error:
        for sibling in siblings:
            sibling.close()
        raise explain(listener.bind, error) from None
    return siblings


def _open(bind: Bind, binds: list[Bind], options: ListenOptions) -> list[Listener]:
    if bind.kind == "unix":
        sock = open_unix(bind, options.uds_mode, options.uds_owner, options.backlog)
        socks = [sock]
    elif bind.kind == "fd":
        socks = [adopt(bind, options.backlog)]
    elif _is_every_interface(bind.host):
        socks = [_open_every_interface(bind, binds, options)]
    else:
        socks = _open_host(bind, options)
    for sock in socks:
        sock.setblocking(False)
    return [Listener(sock, bind) for sock in socks]


def _is_every_interface(host: str | None) -> bool:
    if not host:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.version == 6 and address.is_unspecified


def _open_every_interface(bind: Bind, binds: list[Bind], options: ListenOptions) -> socket.socket:
    """One socket for IPv6 and IPv4, whatever the system's default for IPV6_V6ONLY."""
    # Someone who lists 0.0.0.0 beside it gets what they mean rather than "in use".
    has_v4 = bind.port != 0 and any(b.host == "0.0.0.0" and b.port == bind.port for b in binds)
    try:
        return _listen_tcp(socket.AF_INET6, ("::", bind.port), options, v6_only=has_v4)
    except OSError as error:
        if bind.host or error.errno not in _NO_SUCH_FAMILY:
            raise explain(bind, error) from None
    try:
        return _listen_tcp(socket.AF_INET, ("0.0.0.0", bind.port), options)
    except OSError as error:
        raise explain(bind, error) from None


def _open_host(bind: Bind, options: ListenOptions) -> list[socket.socket]:
    addresses = _resolve(bind)
    for _ in range(_SAME_PORT_ATTEMPTS):
        try:
            return _listen_all(addresses, options)
        except OSError as error:
            # A free port of the first address may be taken on the second; ask for another.
            if bind.port != 0 or error.errno != errno.EADDRINUSE:
                raise explain(bind, error) from None
    raise BindError(bind, "no port is free on all addresses of that name", errno.EADDRINUSE)


_Address = tuple[int, tuple[str | int, ...]]


def _resolve(bind: Bind) -> list[_Address]:
    try:
        found = socket.getaddrinfo(
            bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        reason = f"the host name '{bind.host}' is unknown; use an address or check its spelling"
        raise BindError(bind, reason) from None
    # A name may be listed twice in the hosts file.
    addresses = (
        (int(family), cast(tuple[str | int, ...], where)) for family, _, _, _, where in found
    )
    return list(dict.fromkeys(addresses))


_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def _listen_all(addresses: list[_Address], options: ListenOptions) -> list[socket.socket]:
    """Listen on each address that exists, all with the same port; at least one must exist."""
    opened: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, address in addresses:
            if opened:
                port = opened[0].getsockname()[1]
                address = (address[0], port, *address[2:])
            try:
                opened.append(_listen_tcp(family, address, options))
            except OSError as error:
                # "localhost" has an IPv6 address by name on systems that have no IPv6.
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
        if missing is not None and not opened:
            raise missing
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    return opened


def _listen_tcp(
    family: int, address: tuple[str | int, ...], options: ListenOptions, v6_only: bool = True
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # On Windows it would let two servers take the same port.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, _reuse_port(), 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6_only)
        # Accepted connections inherit it on Linux, which saves a system call for each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(address)
        sock.listen(options.backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def _reuse_port() -> int:
    option: int | None = getattr(socket, "SO_REUSEPORT", None)
    if option is None:
        raise OSError(errno.EOPNOTSUPP, "this system can't share a port (SO_REUSEPORT)")
    return option
