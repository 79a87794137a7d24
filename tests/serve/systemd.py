"""systemd's side of a service of `Type=notify`."""

import socket
from pathlib import Path


class Systemd:
    """Listens as systemd does."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.sock.settimeout(60)

    def hears(self) -> str:
        """The first line of the next message that isn't the watchdog's."""
        while (line := self.sock.recv(999).decode().splitlines()[0]) == "WATCHDOG=1":
            pass
        return line
