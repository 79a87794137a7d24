"""How to listen, for a server and for the parent of several, which imports no loop and no wire."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import NamedTuple

from tricorn.net.address import Bind
from tricorn.net.listen import Listener, ListenOptions
from tricorn.product import redirecting, running_on
from tricorn.settings.config import Config

# How systemd's FileDescriptorName calls the sockets that answer redirects.
REDIRECT_NAME = "https-redirect"


class Descriptors(NamedTuple):
    """Listening sockets as numbers, as one process hands them to another.

    `lots` has those of each worker's place, or one list for all; `redirecting` names those
    among them that answer redirects to https.
    """

    lots: list[list[int]]
    redirecting: tuple[int, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        """Each of them once."""
        return tuple(dict.fromkeys(fd for lot in self.lots for fd in lot))


class Sockets(NamedTuple):
    """Listening sockets that were handed to this process."""

    serving: list[socket.socket]
    redirecting: list[socket.socket]

    def close(self) -> None:
        """Close them, here."""
        for sock in (*self.serving, *self.redirecting):
            sock.close()


def descriptors(lots: list[list[int]], listeners: Iterable[Listener]) -> Descriptors:
    """The numbers of `listeners`, which are dealt in `lots`."""
    redirecting = [one.sock.fileno() for one in listeners if one.bind.redirects]
    return Descriptors(lots, tuple(redirecting))


def take_sockets(fds: Descriptors, number: int) -> Sockets:
    """Return the sockets of the place `number`, and close what are others' alone.

    Left open, they would keep the system from refusing connections once their worker is gone.
    """
    mine = fds.lots[(number - 1) % len(fds.lots)]
    for fd in set(fds.all) - set(mine):
        os.close(fd)
    sockets = Sockets([], [])
    for fd in mine:
        kind = sockets.redirecting if fd in fds.redirecting else sockets.serving
        kind.append(socket.socket(fileno=fd))
    return sockets


def addresses(config: Config, inherited: Iterable[tuple[int, str]]) -> list[Bind]:
    """Where to listen: on what systemd passed, as `(fd, name)`, else as the options say."""
    passed = [Bind("fd", fd=fd, redirects=name == REDIRECT_NAME) for fd, name in inherited]
    if any(bind.redirects for bind in passed):
        return passed
    return (passed or config.listen_addresses()) + config.redirect_addresses()


class Banner(NamedTuple):
    """What is logged of a place: a text with a gap for where it is."""

    text: str
    where: str


def banners(listeners: Iterable[Listener], scheme: str) -> list[Banner]:
    """What there is to say about these sockets, each place once."""
    return list(
        dict.fromkeys(
            Banner(redirecting(), one.describe())
            if one.bind.redirects
            else Banner(running_on(), one.describe(scheme))
            for one in listeners
        )
    )


def listen_options(config: Config) -> ListenOptions:
    """How to listen."""
    return ListenOptions(
        backlog=config.backlog,
        reuse_port=config.reuse_port,
        uds_mode=int(config.uds_mode),
        uds_owner=config.uds_owner,
    )
