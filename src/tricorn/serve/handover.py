"""Idle connections, handed from the process that leaves to the one that comes.

Who keeps a connection may send a request at any moment: to close it, however politely, may lose
one. So the descriptor travels instead, and what has been sent waits in it. A pair of sockets
that all processes under `--reload` inherit holds what nobody has taken yet.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

# The number of the listening descriptor, which is the same in all processes.
_LISTENER: Final = struct.Struct("!i")


class Handover:
    """One process's two ends of the pair; `fds` are their numbers."""

    def __init__(self, fds: tuple[int, int]) -> None:
        self.giving, self.taking = (socket.socket(fileno=fd) for fd in fds)
        self.giving.setblocking(False)
        self.taking.setblocking(False)

    def give(self, connections: Iterable[Any]) -> None:
        """Give away those of the connections that are idle."""
        for connection in connections:
            fd = connection.detach()
            if fd >= 0:
                number = connection.transport.listener.fd
                # If there is no room it is closed, as it would be without all this.
                with contextlib.suppress(OSError):
                    socket.send_fds(self.giving, [_LISTENER.pack(number)], [fd])
                os.close(fd)

    def take(self, acceptors: Sequence[Any]) -> None:
        """Serve what was given away; close what came by a socket that isn't listened on."""
        adopting = {
            listener.fd: listener
            for acceptor in acceptors
            for listener in getattr(acceptor, "listeners", ())
        }
        for number, fd in self._given():
            listener = adopting.get(number)
            if listener is None:
                os.close(fd)
                continue
            with contextlib.suppress(OSError):  # the client has gone
                listener.adopt(fd)

    def _given(self) -> Iterator[tuple[int, int]]:
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self.taking, _LISTENER.size, 1)
            except OSError:
                return
            if not fds:
                return
            yield _LISTENER.unpack(data)[0], fds[0]
