"""What systemd does with a service and its socket unit, for machines where it isn't process 1."""

import os
import signal
import socket
import sys
from pathlib import Path

from tests.deployment.machine import Machine
from tests.support.server import Server

# Between fork and exec: the sockets from 3 on, and who they are for (sd_listen_fds(3)).
PASS_ON = """
import os, sys
count, *words = sys.argv[1:]
count = int(count)
numbers = [int(word) for word in words[:count]]
for at, number in enumerate([os.dup2(n, 100 + i) for i, n in enumerate(numbers)]):
    os.dup2(number, 3 + at, inheritable=True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count)}
os.execvp(words[count], words[count:])
"""


def read_unit(text: str) -> dict[str, list[str]]:
    """The values of each key; keys may repeat."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found.setdefault(key, []).append(value)
    return found


class Systemd:
    """Starts a service of `Type=notify`, and hears what it says."""

    def __init__(self, machine: Machine, service: str, sockets: str = "") -> None:
        self.machine = machine
        self.unit = read_unit(service)
        assert self.unit["Type"] == ["notify"]
        assert self.unit["WorkingDirectory"] == [str(machine.app)]
        self.path = str(machine.root / "notify")
        self.heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.heard.bind(self.path)
        self.heard.settimeout(60)
        listens = read_unit(sockets).get("ListenStream", [])
        self.sockets = [open_socket(one) for one in listens]
        self.server: Server | None = None

    def close(self) -> None:
        for one in (self.heard, *self.sockets):
            one.close()
        os.unlink(self.path)

    def start(self) -> Server:
        """`systemctl start`: returns when the service has said that it is ready."""
        (command,) = self.unit["ExecStart"]
        numbers = tuple(one.fileno() for one in self.sockets)
        if numbers:
            script = self.machine.root / "pass_on.py"
            script.write_text(PASS_ON)
            words = [sys.executable, str(script), str(len(numbers)), *map(str, numbers)]
            command = " ".join([*words, command])
        self.server = self.machine.start(command, numbers, NOTIFY_SOCKET=self.path)
        self.wait("READY=1")
        return self.server

    def stop(self) -> None:
        """`systemctl stop`"""
        assert self.server is not None
        self.server.process.send_signal(signal.SIGTERM)
        self.wait("STOPPING=1")
        assert self.server.wait() == 0

    def reload(self) -> None:
        """`systemctl reload`"""
        assert self.server is not None
        (command,) = self.unit["ExecReload"]
        self.machine.run(command.replace("$MAINPID", str(self.server.pid)))
        self.wait("RELOADING=1")
        self.wait("READY=1")

    def wait(self, line: str) -> None:
        """Waits for a message that isn't the watchdog's; it has to be this one."""
        while (heard := self.heard.recv(999).decode().splitlines()[0]) == "WATCHDOG=1":
            pass
        assert heard == line


def open_socket(place: str) -> socket.socket:
    """What one line `ListenStream=` opens: an address with a port, or a path."""
    if place.startswith("/"):
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(place)
        os.chmod(place, 0o666)
    else:
        host, _, port = place.rpartition(":")
        sock = socket.create_server((host, int(port)))
    sock.listen(4096)
    return sock
