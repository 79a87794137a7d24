"""The parent's side of one worker: its process, and the channel to it."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tricorn.serve.report import LEAVING, WORKER_ID
from tricorn.settings.errors import ConfigError

_CHUNK = 4096

# Processes that were started here and not yet waited for.
children: set[int] = set()


class Orders:
    """What a worker is to do, as bytes: made once, sent to each.

    `options` are those of `Config`, `fds` the listening sockets. Raises `ConfigError` for an
    option that can't leave this process.
    """

    def __init__(self, app: str, options: dict[str, Any], fds: Sequence[int]) -> None:
        self.fds = tuple(fds)
        try:
            order = pickle.dumps((app, options))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"workers: an option can't be handed to worker processes: {error}"
            ) from None
        self.data = pickle.dumps((_main_module(), sys.path, self.fds, order))


def _main_module() -> dict[str, Any]:
    """How the program's own module is found again: options may be functions out of it."""
    from multiprocessing import spawn

    data: dict[str, Any] = spawn.get_preparation_data("tricorn")
    return {name: data[name] for name in data if name.startswith("init_main")}


class WorkerProcess:
    """A worker. `channel` becomes readable when it says something; `pid` is 0 until it is known."""

    def __init__(self, channel: socket.socket, pid: int = 0) -> None:
        self.channel = channel
        self.pid = pid
        self.key = 0  # by which the supervisor knows it
        self.unread = b""
        self._at_end = False

    def says(self) -> list[bytes]:
        """Return what it has said since: READY, BEAT, ASK, or LEAVING with the reason."""
        try:
            data = self.channel.recv(_CHUNK)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        self._at_end = not data
        data = self.unread + data
        said: list[bytes] = []
        at = 0
        while at < len(data):
            word = data[at : at + 1]
            if word == LEAVING:
                end = data.find(b"\n", at)
                if end < 0:
                    break
                word = data[at:end]
                at = end
            at += 1
            said.append(word)
        self.unread = data[at:]
        return said

    def has_closed(self) -> bool:
        """Whether it has closed its side of the channel."""
        return self._at_end

    def tell(self, word: bytes) -> None:
        """Say TELL, HUSH or DUMP; a worker that is gone hears nothing."""
        try:
            self.channel.send(word)
        except OSError:
            pass

    def hand_over(self, data: bytes) -> None:
        """Send orders; one that is gone gets none, which its exit will tell."""
        self.channel.setblocking(True)
        try:
            self.channel.sendall(len(data).to_bytes(8, "big") + data)
        except ConnectionError:
            pass
        finally:
            self.channel.setblocking(False)

    def signal(self, number: int) -> None:
        """Send a signal, unless the process is over."""
        if not self.pid:
            return
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def close(self) -> None:
        """Give back what it held."""
        self.channel.close()


def start_python(
    module: str, arguments: Sequence[str], orders: Orders, **env: str
) -> WorkerProcess:
    """Run `main` of one of tricorn's modules in a fresh interpreter, and send it its orders.

    It gets the orders over a channel, whose descriptor is the last argument. Raises OSError when
    there can be no such process.
    """
    process = _launch(module, arguments, orders.fds, env)
    process.hand_over(orders.data)
    return process


def start_spare(fds: Sequence[int]) -> WorkerProcess:
    """Start a process that waits for `hand_over`. Raises OSError when there can be none."""
    # Ctrl+C is for all processes of the terminal. Until it can take it in, it mustn't die of it.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return _launch("tricorn.serve.reloaded", ["tricorn-worker", "1"], fds, {WORKER_ID: "1"})
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _launch(
    module: str, arguments: Sequence[str], fds: Sequence[int], env: dict[str, str]
) -> WorkerProcess:
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [*_interpreter(module), *arguments, str(theirs.fileno())],
            pass_fds=(theirs.fileno(), *fds),
            env={**os.environ, **env},
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    # The supervisor waits for all children at once; this object would wait for its own.
    process.returncode = 0
    children.add(process.pid)
    ours.setblocking(False)
    return WorkerProcess(ours, process.pid)


def _interpreter(module: str) -> list[str]:
    """Start of a command that runs this Python, as it was started, with this tricorn."""
    # Before its orders arrive a process knows only what a fresh interpreter does; this program
    # may have found tricorn by a relative path, or by one that it added itself.
    place = str(Path(__file__).resolve().parents[2])
    code = f"import sys; sys.path.insert(0, {place!r}); from {module} import main; main()"
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, "-c", code]


def start_worker(orders: Orders, number: int) -> WorkerProcess:
    """Start a worker in a fresh interpreter. Raises OSError when there can be none."""
    arguments = ["tricorn-worker", str(number)]
    return start_python("tricorn.serve.worker", arguments, orders, **{WORKER_ID: str(number)})
