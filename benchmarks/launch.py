"""Starting a server in a process group of its own, waiting until it listens, and ending it."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.servers import HOST, Launch, Server

START_SECONDS = 20.0
STOP_SECONDS = 5.0
ENDING_SECONDS = 0.5


class StartError(Exception):
    """The server didn't come up; the text says why, in one line."""


class Running(NamedTuple):
    """A server that accepts connections. All it prints goes to the file `log`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def pid(self) -> int:
        """The root of the server's process tree."""
        return self.process.pid

    def ending(self) -> str:
        """How the server ended, in one line; empty when it runs on."""
        # The client sees the connection end a moment before the parent sees the process end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(ENDING_SECONDS)
            return f"the server {_ending(code)}: {last_words(self.log)}"
        return ""


def free_port() -> int:
    """A TCP port that nobody uses, of those that no system hands out to a connection by itself.

    So that none takes it before the server does.
    """
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def pinned(command: list[str], core: int | None) -> list[str]:
    """The command, held to one core unless `core` is None."""
    return command if core is None else ["taskset", "--cpu-list", str(core), *command]


@contextlib.contextmanager
def running(server: Server, launch: Launch, core: int | None, log: Path) -> Iterator[Running]:
    """The server, listening; ended on leaving. Raises StartError."""
    command = pinned(server.command(launch), core)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )
    try:
        _wait_for_port(process, launch.port, log)
        yield Running(process, launch.port, log)
    finally:
        _stop(process)


def _environment() -> dict[str, str]:
    # The apps are imported by name from the repository, which isn't installed. A server's own
    # variables (GRANIAN_..., WEB_CONCURRENCY, ...) would change what is measured.
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return found | {"PYTHONPATH": str(Path(__file__).parents[1])}


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise StartError(f"{_ending(process.returncode)}: {last_words(log)}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.02)
    raise StartError(f"not listening after {START_SECONDS:.0f} s: {last_words(log)}")


def _ending(code: int) -> str:
    # subprocess gives the number of a signal as a negative exit code.
    return f"exited with {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


def last_words(log: Path) -> str:
    """The last line a server printed."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it printed nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    # Workers that outlive their parent, or all of them when it didn't obey. Only this group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def missing_tools(tools: tuple[str, ...]) -> list[str]:
    """Those of the programs that aren't on PATH."""
    return [tool for tool in tools if shutil.which(tool) is None]
