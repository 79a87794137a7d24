"""Worker processes compared: `python -m benchmarks.workers [--restarts N] [--servers "a;b"]`.

For each server, with four workers and one FastAPI route: memory of the process tree (PSS), how
200 connections spread that are opened at once, the time until a killed worker is replaced, and
while SIGHUP restarts all workers again and again the time from the signal until only new ones
answer (median), and the requests that failed. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

WORKERS = 4
CONNECTIONS = 200
APP = "benchmarks.workers_app:app"
PATIENCE = 40.0  # seconds that a step may take
BIN = Path(sys.executable).parent

COMMANDS = {
    "tricorn": ["tricorn", APP, "--port", "{port}", "--no-access-log", "--log-level", "error"],
    "tricorn --preload": [
        *("tricorn", APP, "--port", "{port}", "--no-access-log", "--log-level", "error"),
        "--preload",
    ],
    "uvicorn": ["uvicorn", APP, "--port", "{port}", "--no-access-log", "--log-level", "error"],
    "gunicorn, uvicorn's worker": [
        *("gunicorn", APP, "-k", "uvicorn.workers.UvicornWorker", "-b", "127.0.0.1:{port}"),
        *("--log-level", "error"),
    ],
    "granian": [
        *("granian", APP, "--interface", "asgi", "--port", "{port}", "--log-level", "error"),
        "--respawn-failed-workers",  # or it ends with the first that is killed
    ],
}
REQUEST = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"


def tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            words = task.read_text().split()
        except OSError:
            continue
        for word in words:
            found += tree(int(word))
    return found


def memory(pid: int) -> float:
    """PSS of the tree in MiB."""
    total = 0
    for one in tree(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bool]:
    """The worker that answers, and whether it closes behind that. Raises for a bad answer."""
    writer.write(REQUEST)
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise ConnectionError(head.split(b"\r\n")[0].decode())
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        body = await reader.readexactly(length)
    return int(body), b"connection: close" in head


async def workers_of(port: int, count: int) -> Counter[int]:
    """Which workers `count` connections get that are opened at once."""

    async def one() -> tuple[int, asyncio.StreamWriter]:
        streams = await asyncio.open_connection("127.0.0.1", port)
        return (await ask(*streams))[0], streams[1]

    answers = await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)
    found: Counter[int] = Counter()
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        found[answer[0]] += 1
        answer[1].close()
    return found


async def until_serving(port: int, without: set[int], count: int = WORKERS) -> float:
    """Wait until so many workers have answered and those in `without` don't any more.

    Returns the seconds it took.
    """
    begun = time.monotonic()
    seen: set[int] = set()
    while time.monotonic() - begun < PATIENCE:
        try:
            found = set(await workers_of(port, 40))
            # Some get few connections, so they needn't all answer at once.
            seen |= found - without
            if len(seen) >= count and not found & without:
                break
        except (OSError, EOFError):
            pass
        await asyncio.sleep(0.02)
    return time.monotonic() - begun


class Clients:
    """Half keep their connection, half open one for each request; failures are counted."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answered = self.failed = 0
        self.stopping = False

    async def run(self, keep: bool) -> None:
        while not self.stopping:
            try:
                streams = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    closes = False
                    while not (closes or self.stopping):
                        _, closes = await ask(*streams)
                        self.answered += 1
                        closes = closes or not keep
                        if not closes:
                            await asyncio.sleep(0.02)
                finally:
                    streams[1].close()
            except (OSError, EOFError):
                self.failed += 1
            await asyncio.sleep(0.01)


async def restarts(
    process: subprocess.Popen[bytes], port: int, times: int
) -> tuple[Clients, list[float]]:
    """Restart so often under load; the load, and the seconds that each restart took."""
    clients = Clients(port)
    took: list[float] = []
    tasks = [asyncio.create_task(clients.run(number % 2 == 0)) for number in range(12)]
    for _ in range(times):
        old = set(tree(process.pid)) - {process.pid}
        process.send_signal(signal.SIGHUP)
        took.append(await until_serving(port, old))
    clients.stopping = True
    await asyncio.gather(*tasks)
    return clients, took


async def measure(name: str, times: int) -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program, *arguments = (word.format(port=port) for word in COMMANDS[name])
    process = subprocess.Popen(
        [str(BIN / program), *arguments, "--workers", str(WORKERS)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        started = await until_serving(port, set())
        held = memory(process.pid)
        spread = await workers_of(port, CONNECTIONS)
        victim = max(spread)
        os.kill(victim, signal.SIGKILL)
        replaced = await until_serving(port, {victim})
        clients, took = await restarts(process, port, times)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            for pid in tree(process.pid):
                os.kill(pid, signal.SIGKILL)
            process.wait()
    counts = "/".join(str(count) for count in sorted(spread.values(), reverse=True))
    total = clients.failed + clients.answered
    return (
        f"| {name} | {started:.1f} | {held:.0f} | {counts} | {replaced:.1f} "
        f"| {statistics.median(took):.1f} | {clients.failed} of {total} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.workers", description=__doc__)
    parser.add_argument("--restarts", type=int, default=10, help="SIGHUPs (10)")
    parser.add_argument("--servers", default=";".join(COMMANDS), help="only these, with ; between")
    chosen = parser.parse_args()
    print(
        f"| server | until {WORKERS} serve, s | memory, MiB | {CONNECTIONS} connections "
        f"| killed one replaced, s | restart, s | failed in {chosen.restarts} restarts |"
    )
    print("|---|---|---|---|---|---|---|")
    names = [name.strip() for name in chosen.servers.split(";")]
    for name in names:
        print(asyncio.run(measure(name, chosen.restarts)), flush=True)


if __name__ == "__main__":
    main()
