"""The control socket: what `tricorn ctl` talks to.

A private Unix socket. A client sends one JSON object and a line end, gets one back, and the
connection ends:

| request | answer |
|---|---|
| `{"do": "status"}` | `{"pid": …, "workers": […], …}` |
| `{"do": "reload"}`, `{"do": "stop"}`, `{"do": "scale", "to": 4}` | `{"done": true}` |
| anything else | `{"error": "what is wrong"}` |
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from typing import Any, Final

from tricorn.net.listen import Listener
from tricorn.supervise.decide import FIXED
from tricorn.supervise.state import Reload, Scale, StopLater
from tricorn.supervise.supervisor import Supervisor

_LONGEST: Final = 4096
# A client that says nothing in this time is hung up on, in seconds.
_PATIENCE: Final = 5.0
_MOST_CLIENTS: Final = 16


class Control:
    """Serves the control socket within the supervisor's loop, without ever blocking it."""

    def __init__(self, supervisor: Supervisor, listener: Listener) -> None:
        self.supervisor = supervisor
        self.listener = listener
        self.clients: dict[socket.socket, tuple[bytearray, float]] = {}
        self.started = time.monotonic()
        listener.sock.setblocking(False)

    def open(self) -> None:
        """Accept clients: this is the server that they mean."""
        self.supervisor.watch(self.listener.sock, self._accept)

    def close(self) -> None:
        """Accept no more: another one is, or none."""
        self.supervisor.unwatch(self.listener.sock)
        self.listener.close()

    def _accept(self) -> None:
        try:
            client, _ = self.listener.sock.accept()
        except OSError:
            return
        client.setblocking(False)
        self._drop_slow()
        if len(self.clients) >= _MOST_CLIENTS or not _may_control(client):
            client.close()
            return
        self.clients[client] = (bytearray(), time.monotonic())
        self.supervisor.watch(client, lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        data, _ = self.clients[client]
        try:
            piece = client.recv(_LONGEST)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        data += piece
        if b"\n" in data or not piece or len(data) > _LONGEST:
            self._drop(client, self._answer(bytes(data)) if data else {})

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            return {"error": "a request is one line with a JSON object"}
        wanted = request.get("do")
        if wanted == "status":
            return self.status()
        if wanted == "reload":
            self.supervisor.happened(Reload())
        elif wanted == "stop":
            self.supervisor.happened(StopLater())
        elif wanted == "scale":
            to = request.get("to")
            if type(to) is not int or to < 1:
                return {"error": "scale needs the number of workers, at least 1"}
            if self.supervisor.state.policy.is_fixed and to != self.supervisor.state.target:
                return {"error": FIXED}
            self.supervisor.happened(Scale(to - self.supervisor.state.target))
        else:
            return {
                "error": f"unknown request {wanted!r}; there are status, reload, scale and stop"
            }
        return {"done": True}

    def status(self) -> dict[str, Any]:
        """What `tricorn ctl status` shows. Times in seconds, memory in bytes."""
        now = time.monotonic()
        state = self.supervisor.state
        workers = [
            {
                "number": worker.number,
                "pid": worker.pid,
                "stage": worker.stage.value,
                "seconds": round(now - worker.since, 1),
                "memory": _memory(worker.pid),
            }
            for worker in sorted(state.workers.values(), key=lambda one: (one.number, one.key))
        ]
        return {
            "pid": os.getpid(),
            "seconds": round(now - self.started, 1),
            "wanted": state.target,
            "restarting": state.rolling,
            "stopping": state.stopping or state.delayed,
            "workers": workers,
        }

    def _drop(self, client: socket.socket, answer: dict[str, Any]) -> None:
        self.supervisor.unwatch(client)
        del self.clients[client]
        try:
            # Far less than a socket's buffer holds.
            client.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass
        client.close()

    def _drop_slow(self) -> None:
        now = time.monotonic()
        for client, (_, since) in list(self.clients.items()):
            if now - since > _PATIENCE:
                self._drop(client, {"error": "no request came"})


def _may_control(client: socket.socket) -> bool:
    """Whether root or our own user connects. The file's mode says the same; this is for sure."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    size = struct.calcsize("3i")
    _, uid, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return uid in (0, os.geteuid())


def _memory(pid: int) -> int | None:
    """Resident memory of another process, where the system tells it in a file."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return None
