"""Which worker serves which socket: each serves all, or one of its own (`--reuse-port`).

The kernel spreads connections over sockets with SO_REUSEPORT that have one address. They belong
to the parent and to a place, not to a process: what waits in one outlives its worker, and is
served by the replacement.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from tricorn.net.listen import Listener, ListenOptions, open_siblings

# Elsewhere one of the sockets gets all connections.
_SPREADS: Final = sys.platform == "linux"


def open_own(listeners: Sequence[Listener], places: int, options: ListenOptions) -> list[Listener]:
    """Open the sockets that are missing for each place to have one of each TCP address.

    None where the sockets aren't to be shared by port, or can't be. Raises `BindError`.
    """
    opened: list[Listener] = []
    if not (options.reuse_port and _SPREADS):
        return opened
    try:
        for group in _groups(listeners):
            if _is_shareable(group[0]) and len(group) < places:
                opened += open_siblings(group[0], places - len(group), options)
    except BaseException:
        for listener in opened:
            listener.close()
        raise
    return opened


def deal(listeners: Iterable[Listener], places: int) -> list[list[int]]:
    """Return the descriptors of each place's sockets; one list when all have the same.

    No socket is left over: with fewer places than sockets some have several, and with more
    some share.
    """
    groups = _groups(listeners)
    if all(len(group) == 1 for group in groups):
        return [[group[0].sock.fileno() for group in groups]]
    lots: list[list[int]] = [[] for _ in range(places)]
    for group in groups:
        for at in range(max(places, len(group))):
            lots[at % places].append(group[at % len(group)].sock.fileno())
    return lots


def _groups(listeners: Iterable[Listener]) -> list[list[Listener]]:
    """Listeners by their address."""
    groups: dict[object, list[Listener]] = {}
    for listener in listeners:
        groups.setdefault((str(listener.bind), listener.sock.getsockname()), []).append(listener)
    return list(groups.values())


def _is_shareable(listener: Listener) -> bool:
    """Whether others can listen on its address; not one that came from elsewhere without."""
    return listener.bind.kind == "tcp" and bool(
        listener.sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
    )
