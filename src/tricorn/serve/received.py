"""What a parent orders a process to serve, as it comes on the channel."""

from __future__ import annotations

import pickle
import socket
import sys
from typing import Any, NamedTuple

from tricorn.product import use_product
from tricorn.serve.binding import Descriptors
from tricorn.serve.program import Config
from tricorn.serve.report import STARTUP_FAILURE


class Received(NamedTuple):
    """The parent's orders."""

    fds: Descriptors  # the listening sockets
    app: str
    options: dict[str, Any]
    target: bytes  # what to run in place of the app, still pickled: it leads to the program's code
    program: dict[str, Any]  # how that code is found

    def config(self) -> Config:
        """Make the config. Raises `ConfigError`."""
        return Config(self.app, **self.options)


def read_orders(sock: socket.socket) -> Received:
    """Read the parent's orders."""
    size = int.from_bytes(read_exactly(sock, 8), "big")
    program_data, path, fds, order, target = pickle.loads(read_exactly(sock, size))
    program = pickle.loads(program_data)
    sys.path[:] = path
    # As in one process: apps look at what the command line of the server says.
    sys.argv[:] = program["sys_argv"]
    if b"__main__" in order:
        from multiprocessing import spawn

        # An option is a function of the program's own module.
        spawn.prepare(program)
    app, options = pickle.loads(order)
    use_product(options["product"])
    return Received(fds, app, options, target, program)


def read_exactly(sock: socket.socket, size: int) -> bytes:
    """Read so many bytes. Raises SystemExit when the parent is gone."""
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise SystemExit(STARTUP_FAILURE)
        data += piece
    return bytes(data)
