"""Leaf: system calls on plain sockets and epoll, through Python's own modules.

`sysio.pyx` is the same module calling the system directly. The compiled one wins
at import; one test class runs on both. What may go in here: one call each, no
state but an epoll set, nothing of ours.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import sys
import time
from typing import Any, Final

READABLE: Final = getattr(select, "EPOLLIN", 1)
WRITABLE: Final = getattr(select, "EPOLLOUT", 4)
# More than one HTTP/1.1 request ever needs; an upload fills it. What clients send in pieces of
# 64 KiB, chunks of content or messages, comes with a head and should be one call all the same.
RECEIVE_SIZE: Final = 65536 + 4096
READY_AT_ONCE: Final = 256
PIECES_AT_ONCE: Final = 64

HAS_EPOLL: Final = hasattr(select, "epoll")
HAS_TIMER: Final = hasattr(os, "timerfd_create")


def receive(fd: int) -> bytes | None:
    """Return what has arrived, b"" at the end of the stream, None if nothing has.

    Raises OSError when the connection is broken.
    """
    try:
        return os.read(fd, RECEIVE_SIZE)
    except BlockingIOError:
        return None


def receive_much(fd: int) -> bytes | None:
    """Do as `receive` does, at less cost where much has arrived."""
    return receive(fd)


def transmit(fd: int, data: bytes | memoryview) -> int:
    """Hand `data` to the system; return how many bytes it took, perhaps 0."""
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0


def transmit_pieces(fd: int, pieces: list[bytes | memoryview]) -> int:
    """Hand `pieces` to the system in one call, as if they were one; return what it took.

    It sees the first PIECES_AT_ONCE of them.
    """
    try:
        return os.writev(fd, pieces[:PIECES_AT_ONCE])
    except BlockingIOError:
        return 0


def accept(listener: socket.socket) -> tuple[int, Any] | None:
    """Return the next connection's descriptor, non-blocking, and its peer's address.

    None when none waits. Raises OSError as accept(2) does.
    """
    try:
        connection, peer = listener.accept()
    except (BlockingIOError, InterruptedError, ConnectionAbortedError):
        return None
    except OSError as error:
        if error.errno == errno.EPERM:  # a firewall's verdict on the one connection
            return None
        raise
    connection.setblocking(False)
    return connection.detach(), peer


def close(fd: int) -> None:
    """Close a descriptor."""
    os.close(fd)


def timer(seconds: float) -> int:
    """Return a new descriptor that becomes readable every so many seconds.

    Reading eight bytes makes it wait for the next time. Only where HAS_TIMER.
    """
    if sys.platform == "linux" and sys.version_info >= (3, 13):
        fd = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        os.timerfd_settime(fd, initial=seconds, interval=seconds)
        return fd
    raise NotImplementedError("no timers that are descriptors")


def monotonic() -> float:
    """Return the seconds of a clock that only goes forward."""
    return time.monotonic()


class Poller:
    """An epoll set, level-triggered. `wait` keeps the events for `fd_at`/`events_at`."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._ready: list[tuple[int, int]] = []

    def fileno(self) -> int:
        """Return the set's own descriptor."""
        return self._epoll.fileno()

    def add(self, fd: int, events: int) -> None:
        """Watch `fd` for READABLE, WRITABLE or both."""
        self._epoll.register(fd, events)

    def modify(self, fd: int, events: int) -> None:
        """Change what `fd` is watched for."""
        self._epoll.modify(fd, events)

    def remove(self, fd: int) -> None:
        """Stop watching `fd`."""
        self._epoll.unregister(fd)

    def wait(self) -> int:
        """Collect what is ready now, READY_AT_ONCE at most; return how many."""
        self._ready = self._epoll.poll(0, READY_AT_ONCE)
        return len(self._ready)

    def fd_at(self, index: int) -> int:
        """Return the descriptor of one event."""
        return self._ready[index][0]

    def events_at(self, index: int) -> int:
        """Return the READABLE/WRITABLE (and error) bits of one event."""
        return self._ready[index][1]

    def close(self) -> None:
        """Give the set back."""
        self._epoll.close()
