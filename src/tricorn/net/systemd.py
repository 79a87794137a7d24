"""Telling systemd how the service is doing (sd_notify(3)): units with `Type=notify`."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import MutableMapping


class ServiceNotifier:
    """Sends state to `NOTIFY_SOCKET`; without one every call does nothing.

    `watchdog` is the time in seconds within which systemd wants to hear of us, or None. The
    variables are taken out of `environ`, so that no program which the app starts speaks for us.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._address = environ.pop("NOTIFY_SOCKET", "")
        self.watchdog = _watchdog(environ)
        self._beaten = 0.0
        if self._address.startswith("@"):
            # A name in the abstract namespace (unix(7)).
            self._address = "\0" + self._address[1:]

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ready(self, status: str) -> None:
        """Everything is up; also the end of a reload."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """A restart has begun; `ready` ends it."""
        # Of CLOCK_MONOTONIC, so that systemd can tell an old message from a new one.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """The service has begun to stop."""
        self._send("STOPPING=1", "STATUS=stopping")

    def main_process(self, pid: int) -> None:
        """From now on `pid` is the service: another process has taken it over."""
        self._send(f"MAINPID={pid}")

    def alive(self, now: float) -> None:
        """Pet the watchdog when it is time to. `now` is monotonic, in seconds."""
        if self.watchdog is not None and now - self._beaten >= self.watchdog / 2:
            self._beaten = now
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.setblocking(False)
                sock.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            pass  # systemd finds out by itself that it heard nothing; we go on serving


def _watchdog(environ: MutableMapping[str, str]) -> float | None:
    microseconds = environ.pop("WATCHDOG_USEC", "")
    pid = environ.pop("WATCHDOG_PID", "")
    if not (microseconds.isascii() and microseconds.isdigit()) or int(microseconds) == 0:
        return None
    if pid and pid != str(os.getpid()):
        return None
    return int(microseconds) / 1_000_000
