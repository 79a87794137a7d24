"""The load generator for WebSockets: wsload.c, run step by step."""

import contextlib
import json
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.load import LoadError, Outcome
from benchmarks.scenarios import Scenario

# The window that the messages are compressed within; servers may ask for one no smaller.
WINDOW_BITS = 12


class Client(NamedTuple):
    """wsload with all its connections open. It sends nothing until `load` is called."""

    process: subprocess.Popen[str]

    def load(self) -> Outcome:
        """Run the load; the connections stay open behind it. Raises LoadError."""
        _write(self.process, "\n")
        seen = json.loads(_line(self.process, "OUTCOME "))
        return Outcome(seen["messages"], seen["microseconds"], 0, seen["p50"], seen["p99"])


@contextlib.contextmanager
def connected(command: list[str]) -> Iterator[Client]:
    """wsload, started with a command line, once its connections are open; it is ended on leaving.
    Raises LoadError."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _line(process, "READY")
        yield Client(process)
    finally:
        process.kill()
        process.communicate()


def command(
    program: Path, scenario: Scenario, port: int, seconds: float, connections: int, scratch: Path
) -> list[str]:
    """wsload's command line for a scenario. What it sends is written into `scratch`."""
    assert scenario.talk is not None
    text = scratch / "message"
    text.write_bytes(scenario.answer)
    files = [str(text)]
    if scenario.talk.deflate:
        deflated = scratch / "message.deflated"
        deflated.write_bytes(compressed(scenario.answer))
        files.append(str(deflated))
    numbers = [str(connections), str(round(seconds * 1000))]
    return [str(program), str(port), scenario.talk.mode, *numbers, *files]


def compressed(text: bytes) -> bytes:
    """The payload of a compressed message (RFC 7692 7.2.1)."""
    deflater = zlib.compressobj(wbits=-WINDOW_BITS)
    return (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(
        b"\x00\x00\xff\xff"
    )


def _write(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin
    process.stdin.write(line)
    process.stdin.flush()


def _line(process: subprocess.Popen[str], start: str) -> str:
    assert process.stdout and process.stderr
    line = process.stdout.readline()
    if line.startswith(start):
        return line.removeprefix(start)
    raise LoadError(process.stderr.readline().strip() or f"wsload ended with {process.wait()}")
