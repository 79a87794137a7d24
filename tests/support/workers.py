"""A server's worker processes, seen from outside."""

import os
import subprocess
from pathlib import Path

from tests.support.raw import RawClient
from tests.support.server import Server
from tests.support.wait import DEADLINE, wait_for


def children(pid: int) -> list[int]:
    """The processes that ``pid`` has started and not yet waited for."""
    before, found = None, _children(pid)
    while found != before:  # one that ends meanwhile may hide another (proc(5))
        before, found = found, _children(pid)
    return found


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
        text = listed.stdout
    return [int(word) for word in text.split()]


def is_alive(pid: int) -> bool:
    """Whether the process exists and isn't a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    except OSError:
        pass
    if Path("/proc/self").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def who(server: Server) -> tuple[int, int]:
    """Process id and number of a worker, asked over a new connection."""
    with server.connect() as client:
        words = client.get("/who", "Connection: close").body.split()
    return int(words[0]), int(words[1])


def ask_until(server: Server, count: int, deadline: float = DEADLINE) -> dict[int, int]:
    """Process ids by number, asked until ``count`` workers have answered."""
    found: dict[int, int] = {}

    def all_seen() -> bool:
        pid, number = who(server)
        found[number] = pid
        return len(found) >= count

    wait_for(all_seen, deadline, f"{count} workers to answer")
    return found


def parents(server: Server) -> list[int]:
    """The process ids of all parents so far, in the order in which they started."""
    words = "Started parent process ["
    lines = [line for line in server.stderr().splitlines() if words in line]
    return [int(line.rpartition("[")[2].rstrip("]")) for line in lines]


def workers(server: Server) -> dict[int, int]:
    """The process ids of the newest parent's workers by number."""
    found: dict[int, int] = {}
    for pid in children(parents(server)[-1]):
        number = _number(pid)
        if number:
            found[number] = pid
    return found


def _number(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return 0
    values = [word[18:] for word in words if word.startswith(b"TRICORN_WORKER_ID=")]
    return int(values[0]) if values else 0


def wait_replaced(server: Server, old: dict[int, int], deadline: float = 30.0) -> dict[int, int]:
    """Waits until every place of ``old`` has another process, and no old one is left."""

    def replaced() -> bool:
        now = workers(server)
        if set(now) != set(old) or len(children(server.pid)) != len(now):
            return False
        return not set(now.values()) & set(old.values())

    wait_for(replaced, deadline, "all workers to be replaced")
    return workers(server)


def open_connection(server: Server, pid: int, deadline: float = DEADLINE) -> RawClient:
    """A connection to the worker ``pid``."""

    found: list[RawClient] = []

    def connected() -> bool:
        client = server.connect()
        if int(client.get("/who").body.split()[0]) != pid:
            client.close()
            return False
        found.append(client)
        return True

    wait_for(connected, deadline, f"a connection to {pid}")
    return found[0]


def log_file(place: Path) -> tuple[Path, Path]:
    """A file for the log, which isn't there yet, and the `--log-config` that writes it."""
    log, config = place / "log", place / "log.toml"
    config.write_text(
        "version = 1\n"
        "disable_existing_loggers = false\n"
        '[handlers.file]\nclass = "logging.FileHandler"\n'
        f'filename = "{log}"\n'
        '[loggers.tricorn]\nhandlers = ["file"]\nlevel = "INFO"\npropagate = false\n'
    )
    return log, config
