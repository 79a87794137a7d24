"""A server under test, as a process of its own."""

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.support.closing import Closing
from tests.support.raw import RawClient
from tests.support.wait import DEADLINE, wait_for

APPS = Path(__file__).parent.parent / "apps"
AT_ONCE = 32  # reads of 64 KiB, more than a pipe holds
START_DEADLINE = 60.0  # seconds, on a machine that other tests keep busy
STOP_DEADLINE = 30.0
LISTENING = ("--port", "--bind", "--uds", "--fd", "--config")
# What a healthy server never logs.
FAULTS = (
    "Traceback (most recent call last)",
    "never awaited",
    "never retrieved",
    "ResourceWarning",
    "Task was destroyed",
    "Exception ignored in",
)
BANNER = re.compile(
    r" running on (?:(?P<url>https?://(?:\[(?P<v6>[^]]+)\]|(?P<host>[^:/\s]+)):(?P<port>\d+))"
    r"|unix socket (?P<path>.+?)|socket (?P<name>.+?))(?: \(Press.*)?$",
    re.MULTILINE,
)

# Those of this test run, for the report of a test that fails.
STARTED: "list[Server]" = []


class Stream:
    """What a process writes into one pipe, in whole lines."""

    def __init__(self, pipe: IO[bytes], of_both: list[bytes]) -> None:
        os.set_blocking(pipe.fileno(), False)
        self.pipe = pipe
        self.lines: list[bytes] = []
        self.of_both = of_both
        self.rest = b""  # a line that has no end yet
        self.ended = False
        self._lock = threading.Lock()

    def take(self) -> None:
        """Reads what is in the pipe by now, and doesn't wait for more."""
        with self._lock:
            for _ in range(AT_ONCE):
                if self.ended:
                    return
                try:
                    data = os.read(self.pipe.fileno(), 65536)
                except BlockingIOError:
                    return
                self._add(data)

    def _add(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        self.ended = not data
        whole = [line + b"\n" for line in lines]
        if self.ended and self.rest:
            whole.append(self.rest)
        self.lines += whole
        self.of_both += whole

    def follow(self) -> None:
        """Reads until the end, so that the process can always write; on a thread of its own."""
        waiting = select.poll()
        waiting.register(self.pipe, select.POLLIN)
        with self.pipe:
            while not self.ended:
                waiting.poll()
                self.take()


class Server(Closing):
    """A started server process; made by `serve`.

    Its output is what it has written up to the moment of asking: whatever it wrote before it
    did something else that the test has seen is there.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", product: str) -> None:
        assert process.stdout is not None and process.stderr is not None
        self.process = process
        self.product = product
        self.told = False  # whether its output stands in the failure already
        self.marked = 0  # how many lines it had written before this test
        self._lines: list[bytes] = []  # of both streams, as they came
        self._stdout = Stream(process.stdout, self._lines)
        self._stderr = Stream(process.stderr, self._lines)
        self._readers = [
            threading.Thread(target=stream.follow, daemon=True)
            for stream in (self._stdout, self._stderr)
        ]
        for reader in self._readers:
            reader.start()
        STARTED.append(self)

    @property
    def pid(self) -> int:
        return self.process.pid

    def output(self) -> str:
        """All that the process has written so far, standard output and error."""
        self._stdout.take()
        self._stderr.take()
        return _text(self._lines)

    def stdout(self) -> str:
        self._stdout.take()
        return _text(self._stdout.lines)

    def stderr(self) -> str:
        self._stderr.take()
        return _text(self._stderr.lines)

    def mark(self) -> None:
        """Another test begins."""
        self.told = False
        self.marked = len(self._lines)

    def new_lines(self) -> list[str]:
        """What it has written since the test began, both streams."""
        self.output()
        return _text(self._lines[self.marked :]).splitlines()

    def banners(self) -> list[re.Match[str]]:
        lines = [line for line in self.output().splitlines() if self.product in line]
        return [match for line in lines if (match := BANNER.search(line))]

    def wait_started(self) -> None:
        """Waits for the line that says where it listens; raises with the output if none comes."""
        try:
            wait_for(
                lambda: self.banners() or self.process.poll() is not None,
                START_DEADLINE,
                "the server's banner",
            )
        except TimeoutError as error:
            raise RuntimeError(f"{error}; it wrote:\n{self.output()}") from None
        if not self.banners():
            code = self.wait()
            raise RuntimeError(f"the server ended with {code}; it wrote:\n{self.output()}")

    def wait_output(self, text: str, deadline: float = DEADLINE) -> str:
        """Waits until the process has written ``text``; returns all of its output."""
        try:
            wait_for(lambda: text in self.output(), deadline, repr(text))
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it wrote:\n{self.output()}") from None
        return self.output()

    @property
    def url(self) -> str:
        """The first address, without a slash at the end: ``http://127.0.0.1:49152``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def host(self) -> str:
        match = self._tcp_banner()
        return match["host"] or match["v6"]

    @property
    def port(self) -> int:
        return int(self._tcp_banner()["port"])

    @property
    def path(self) -> str:
        """The path of the Unix socket."""
        paths = [match["path"] for match in self.banners() if match["path"]]
        return paths[0]

    def _tcp_banner(self) -> re.Match[str]:
        return next(match for match in self.banners() if match["url"])

    def connect(self, deadline: float = DEADLINE) -> RawClient:
        """A raw connection to the first address."""
        if self.banners()[0]["path"]:
            return RawClient(self.path, deadline)
        return RawClient((self.host, self.port), deadline)

    def stop(self, signum: int = signal.SIGTERM, deadline: float = STOP_DEADLINE) -> int:
        """Sends the signal and waits; the exit code, negative where a signal ended it.

        Raises AssertionError, after it killed the process, where that takes longer.
        """
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.wait(deadline)

    def wait(self, deadline: float = STOP_DEADLINE) -> int:
        """Waits for the process to end by itself; its exit code."""
        try:
            self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            message = f"the server didn't end within {deadline} s; it wrote:\n{self.output()}"
            raise AssertionError(message) from None
        self._join()
        return self.process.returncode

    def kill(self) -> None:
        """Ends the process and what it started, whatever it is doing."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self._join()

    def close(self) -> None:
        """Stops it politely, so that its last warnings are seen, and then by force."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(3.0)  # a client may have left a request open
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(STOP_DEADLINE)

    def check_output(self) -> None:
        output = self.output()
        found = [fault for fault in FAULTS if fault in output]
        if found:
            raise AssertionError(f"the server's output has {found}:\n{output}")


def _text(lines: list[bytes]) -> str:
    return b"".join(list(lines)).decode("utf-8", "backslashreplace")


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """The caller's environment without settings of a server, and with warnings on."""
    listening = ("TRICORN_", "UVICORN_", "LISTEN_")
    names = ("PORT", "WEB_CONCURRENCY", "FORWARDED_ALLOW_IPS")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(listening) and name not in names
    }
    return kept | {"PYTHONWARNINGS": "default", "PYTHONUNBUFFERED": "1"} | dict(extra or {})


def start(
    *args: str,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    module: str = "tricorn",
    pass_fds: tuple[int, ...] = (),
) -> Server:
    """Starts ``python -m tricorn ARGS`` and doesn't wait: for starts that shall fail."""
    command = [sys.executable, "-m", module, *args]
    product = "Uvicorn" if module == "uvicorn" else "Tricorn"
    return launch(command, product, env=env, cwd=cwd, pass_fds=pass_fds)


def launch(
    command: Sequence[str],
    product: str = "Tricorn",
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    pass_fds: tuple[int, ...] = (),
) -> Server:
    """Starts any program, such as one that starts servers, and doesn't wait."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(env),
        cwd=cwd,
        pass_fds=pass_fds,
        start_new_session=True,  # so that all of it can be killed
    )
    return Server(process, product)


@contextmanager
def serve(
    app: str,
    *args: str,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    app_dir: str | Path = APPS,
    module: str = "tricorn",
    pass_fds: tuple[int, ...] = (),
    allow_errors: bool = False,
) -> Iterator[Server]:
    """Serves ``app``, from ``tests/apps`` where ``app_dir`` says nothing else.

    It listens on a free port of 127.0.0.1, or as an option in ``args`` says. At the end
    the process is stopped, and a traceback or a warning about something leaked in its
    output fails the test, unless ``allow_errors``.
    """
    listening = () if _listens(args) else ("--port", "0")
    command = (app, "--app-dir", str(app_dir), *listening, *args)
    server = start(*command, env=env, cwd=cwd, module=module, pass_fds=pass_fds)
    try:
        server.wait_started()
        yield server
    except BaseException as error:
        server.close()
        error.add_note(f"The server wrote:\n{server.output()}")
        server.told = True
        raise
    finally:
        server.close()
    if not allow_errors:
        server.check_output()


def _listens(args: tuple[str, ...]) -> bool:
    return any(arg.split("=", 1)[0] in LISTENING for arg in args)
