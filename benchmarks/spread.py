"""How connections spread over workers: `python -m benchmarks.spread`.

Four workers on a socket that they share, and on one socket each (`--reuse-port`): 200
connections opened at once, 200 one by one, short connections from wrk, and how long new clients
wait while one worker blocks its event loop for a second. Prints a table in Markdown. Takes
about half a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from benchmarks.proctree import descendants

WORKERS = 4
CONNECTIONS = 200
APP = "benchmarks.spread_app:app"
WAYS = {"one socket for all": [], "`--reuse-port`: a socket each": ["--reuse-port"]}
DEADLINE = 60.0  # seconds
BLOCKED = 1.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def ask(streams: Streams, target: str = "/") -> int:
    """The process that answers."""
    reader, writer = streams
    writer.write(f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
    async with asyncio.timeout(DEADLINE):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return int(await reader.readexactly(length))


async def at_once(port: int) -> Counter[int]:
    """Which workers serve connections that all begin at the same time."""

    async def one() -> tuple[int, asyncio.StreamWriter]:
        streams = await asyncio.open_connection("127.0.0.1", port)
        return await ask(streams), streams[1]

    found = await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    for _, writer in found:
        writer.close()
    return Counter(pid for pid, _ in found)


async def one_by_one(port: int) -> Counter[int]:
    """Which workers serve connections that begin after each other, and stay."""
    kept: list[asyncio.StreamWriter] = []
    found: Counter[int] = Counter()
    for _ in range(CONNECTIONS):
        streams = await asyncio.open_connection("127.0.0.1", port)
        found[await ask(streams)] += 1
        kept.append(streams[1])
    for writer in kept:
        writer.close()
    return found


async def wait_beside_blocked(port: int) -> float:
    """The longest of a hundred waits for an answer while one worker is blocked, in seconds."""
    blocked = asyncio.create_task(ask(await asyncio.open_connection("127.0.0.1", port), "/block"))
    await asyncio.sleep(BLOCKED / 10)
    begun = time.monotonic()

    async def one() -> float:
        streams = await asyncio.open_connection("127.0.0.1", port)
        await ask(streams)
        streams[1].close()
        return time.monotonic() - begun

    longest = max(await asyncio.gather(*(one() for _ in range(100))))
    await blocked
    return longest


def cpu(pid: int) -> float:
    """Seconds that a process's main thread has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def short_connections(port: int, pids: list[int]) -> str:
    """CPU of the workers for one request on a connection of its own, and how it is shared."""
    before = {pid: cpu(pid) for pid in pids}
    command = ["wrk", "-t1", "-c32", "-d4s", "-H", "Connection: close", f"http://127.0.0.1:{port}/"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests = int(output.partition(" requests in")[0].split()[-1])
    used = sorted((cpu(pid) - before[pid] for pid in pids), reverse=True)
    shares = "/".join(f"{part / sum(used) * 100:.0f}" for part in used)
    return f"{sum(used) / requests * 1e6:.0f} µs; {shares} %"


def shown(spread: Counter[int]) -> str:
    """Connections of each worker, the most first."""
    counts = sorted(spread.values(), reverse=True)
    return "/".join(str(count) for count in counts + [0] * (WORKERS - len(counts)))


@contextlib.contextmanager
def serving(options: list[str]) -> Iterator[tuple[int, int]]:
    """A tricorn with all workers up; its process and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "tricorn", APP, "--port", str(port), "--no-access-log"]
    command += ["--workers", str(WORKERS), "--log-level", "error", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(command, env=environment)
    try:
        begun = time.monotonic()
        while time.monotonic() - begun < DEADLINE:
            with contextlib.suppress(OSError):
                if len(asyncio.run(at_once(port))) == WORKERS:
                    break
            time.sleep(0.1)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


Measure = Callable[[int], Coroutine[Any, Any, Counter[int]]]


def repeated(measure: Measure, port: int, rounds: int) -> str:
    """The spread of each round."""
    return ", ".join(shown(asyncio.run(measure(port))) for _ in range(rounds))


def main() -> None:
    """Measure each way and print a line for it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each spread (default: 3)")
    rounds = parser.parse_args().rounds
    print(
        f"| {WORKERS} workers | {CONNECTIONS} at once | {CONNECTIONS} one by one "
        "| CPU of a short connection; shares | longest wait beside a blocked worker, s |"
    )
    print("|---|---|---|---|---|")
    for way, options in WAYS.items():
        with serving(options) as (parent, port):
            together = repeated(at_once, port, rounds)
            apart = repeated(one_by_one, port, rounds)
            pids = descendants(parent)[1:]
            short = short_connections(port, pids)
            longest = max(asyncio.run(wait_beside_blocked(port)) for _ in range(rounds))
        print(f"| {way} | {together} | {apart} | {short} | {longest:.2f} |", flush=True)


if __name__ == "__main__":
    main()
