"""Where programs listen that the tests start."""

import os
import random
import socket
from pathlib import Path

# Below those that systems hand out by themselves (Linux's from 32768 on, macOS's from 49152),
# so that no connection gets it between this and the program's start.
FIRST, LAST = 20000, 32000


def free_port() -> int:
    """A TCP port that nobody uses, and only this function gives away: at random."""
    chosen = random.Random(os.urandom(8))  # the same ones as no other process
    while True:
        port = chosen.randrange(FIRST, LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port


def is_listening(path: str) -> bool:
    """Whether a Unix socket of Linux listens: its file is there a moment before. Doesn't connect,
    which would start what waits behind it."""
    sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    accepting = "00010000"  # __SO_ACCEPTCON among the flags
    return any(words[-1] == path and words[3] == accepting for words in sockets)
