"""A freshly executed tricorn that takes the place of this one: SIGUSR2.

The old one runs its own command again, whatever version that is by now. The new one finds in
its environment which descriptors are its listening sockets, and says which it took when all
its workers are ready. Nobody who connects meanwhile sees anything: the sockets never close.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from tricorn.net.address import Bind, parse_bind
from tricorn.net.listen import Listener
from tricorn.supervise.worker_process import unreaped

VARIABLE: Final = "TRICORN_SUCCEEDS"
_MOST: Final = 65536  # bytes that it says
_REDIRECTS: Final = "redirects "


class Inheritance:
    """What the new one got. `predecessor` is the process that it is to replace, 0 for none."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        given = _read(environ.pop(VARIABLE, ""))
        self.predecessor: int = given.get("pid", 0)
        self._kept: list[Listener] = []
        self.is_complete: bool = given.get("complete", False)
        self._channel = socket.socket(fileno=given["channel"]) if given else None
        self._sockets: list[tuple[str, int]] = [(text, fd) for text, fd in given.get("sockets", ())]

    def take(self, bind: Bind) -> Listener | None:
        """Return the socket for a place, if the old one had it."""
        for at, (place, fd) in enumerate(self._sockets):
            if place == _name(bind):
                del self._sockets[at]
                os.set_inheritable(fd, False)
                listener = Listener(socket.socket(fileno=fd), bind)
                # The old one's, as long as we don't serve.
                listener.hand_over()
                self._kept.append(listener)
                return listener
        return None

    def divide(self, wanted: Sequence[Bind]) -> tuple[list[Listener], list[Bind]]:
        """Return the sockets that the new one goes on with, and where it has to open others.

        All of a place's sockets go together, and in the order of `wanted`.
        """
        known = {place for place, _ in self._sockets}
        if self.is_complete:
            added = [bind for bind in wanted if bind.redirects and _name(bind) not in known]
            wanted = [_place(name) for name, _ in self._sockets] + added
        kept: list[Listener] = []
        for bind in wanted:
            # A host name has several sockets.
            while (listener := self.take(bind)) is not None:
                kept.append(listener)
        return kept, [bind for bind in wanted if _name(bind) not in known]

    def take_over(self) -> None:
        """Tell the old one that it may go. Only the first call does."""
        channel, self._channel = self._channel, None
        if channel is not None:
            for listener in self._kept:
                listener.take_over()
            kept = [_name(listener.bind) for listener in self._kept]
            with channel:
                try:
                    channel.send(json.dumps(kept).encode())
                except OSError:
                    pass  # it has gone by itself

    def close(self) -> None:
        """Give back what the new one didn't use."""
        for _, fd in self._sockets:
            os.close(fd)
        self._sockets.clear()
        if self._channel is not None:
            self._channel.close()


class Successor:
    """The old one's side: how it starts the new one."""

    def __init__(self, listeners: Iterable[Listener], complete: bool) -> None:
        self.listeners = list(listeners)
        self.complete = complete  # the sockets came from outside; no configuration names them
        self.pid = 0
        self.channel: socket.socket | None = None
        self._command = [sys.executable, *sys.orig_argv[1:]]
        self._directory = _directory()

    def start(self) -> None:
        """Execute the command again. Raises OSError when that can't be done."""
        self.channel, theirs = socket.socketpair()
        fds = [listener.sock.fileno() for listener in self.listeners]
        binds = [_name(listener.bind) for listener in self.listeners]
        given = {
            "pid": os.getpid(),
            "channel": theirs.fileno(),
            "complete": self.complete,
            "sockets": list(zip(binds, fds, strict=True)),
        }
        try:
            process = subprocess.Popen(
                self._command,
                pass_fds=(theirs.fileno(), *fds),
                env=_environment() | {VARIABLE: json.dumps(given)},
                cwd=self._directory,
            )
        except BaseException:
            self.forget()
            raise
        finally:
            theirs.close()
        process.returncode = 0  # the supervisor waits for it
        self.pid = process.pid
        unreaped.add(self.pid)
        self.channel.setblocking(False)

    def has_taken_over(self) -> bool:
        """Whether it serves; call it when `channel` is readable. Leaves it what it took."""
        assert self.channel is not None
        try:
            kept = json.loads(self.channel.recv(_MOST) or "null")
        except (OSError, ValueError):
            return False
        if kept is None:
            return False
        for listener in self.listeners:
            if _name(listener.bind) in kept:
                listener.hand_over()
        return True

    def end(self) -> None:
        """Have it stop: the old one does, and it isn't ready."""
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass

    def forget(self) -> None:
        """Give back what was held for it."""
        self.pid = 0
        if self.channel is not None:
            self.channel.close()
            self.channel = None


def _name(bind: Bind) -> str:
    """How the two call a place: a redirecting one has a word before it."""
    return f"{_REDIRECTS}{bind}" if bind.redirects else str(bind)


def _place(name: str) -> Bind:
    return replace(parse_bind(name.removeprefix(_REDIRECTS)), redirects=name.startswith(_REDIRECTS))


def _read(text: str) -> dict[str, Any]:
    """What the variable says; nothing where it isn't meant for this process."""
    try:
        given = json.loads(text or "{}")
    except ValueError:
        return {}
    # A program that the app starts may have kept it.
    return given if isinstance(given, dict) and given.get("pid") == os.getppid() else {}


def _environment() -> dict[str, str]:
    """The environment as this process got it: without what a file or the program added."""
    try:
        data = Path("/proc/self/environ").read_bytes()
    except OSError:
        environ = dict(os.environ)
    else:
        lines = (os.fsdecode(line).partition("=") for line in data.split(b"\0") if line)
        environ = {name: value for name, equals, value in lines if equals}
    # It names this process; the new one is to be watched as well.
    environ.pop("WATCHDOG_PID", None)
    return environ


def _directory() -> str:
    """The working directory by the name it was entered with.

    A deployment may have turned that name, a link, to a new release by now.
    """
    named = os.environ.get("PWD", "")
    try:
        return named if os.path.samefile(named, ".") else os.getcwd()
    except OSError:
        return os.getcwd()
