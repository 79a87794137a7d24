"""The parent's side of one worker: its process, and the channel to it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tricorn.serve.report import LEAVING, WORKER_ID
from tricorn.supervise.orders import Orders

_CHUNK = 4096

# Processes that were started here and not yet waited for.
unreaped: set[int] = set()


class WorkerProcess:
    """A worker. `channel` becomes readable when it says something; `pid` is 0 until it is known."""

    def __init__(self, channel: socket.socket, pid: int = 0) -> None:
        self.channel = channel
        self.pid = pid
        self.key = 0  # by which its parent knows it
        self.unread = b""  # the beginning of a word
        self._at_end = False

    def received(self) -> bytes:
        """Return what has come, behind what the caller has left in `unread`."""
        try:
            data = self.channel.recv(_CHUNK)
        except BlockingIOError:
            return self.unread
        except OSError:
            data = b""
        self._at_end = not data
        return self.unread + data

    def says(self) -> list[bytes]:
        """Return what it has said since: words of `report.py`, LEAVING with its reason."""
        data = self.received()
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
        """Say a word of `report.py`; a worker that is gone hears nothing."""
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
    with _blocked(signal.SIGINT):
        return _launch("tricorn.serve.reloaded", ["tricorn-worker", "1"], fds, {WORKER_ID: "1"})


def _launch(
    module: str, arguments: Sequence[str], fds: Sequence[int], env: dict[str, str]
) -> WorkerProcess:
    ours, theirs = socket.socketpair()
    try:
        # Log files may be rotated while the interpreter starts; `take_reopening` lets it in.
        with _blocked(signal.SIGUSR1):
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
    # `Children` waits for all at once; this object would wait for its own.
    process.returncode = 0
    unreaped.add(process.pid)
    ours.setblocking(False)
    return WorkerProcess(ours, process.pid)


@contextlib.contextmanager
def _blocked(number: int) -> Iterator[None]:
    """Keep a signal from a process that is started now, until that asks for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
