"""`python -m benchmarks.reload`: from saving a file to an answer of the new code.

Each server runs a FastAPI app under `--reload`. A round saves a new version and asks until it
answers, which counts from just before the save. The app's own import, timed in a fresh
interpreter of the same environment, is taken off. Rounds of the servers alternate.
"""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

SERVERS = ("tricorn", "uvicorn")
APP = """from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def version() -> str:
    return "{version}"
"""
IMPORT = (
    "import asyncio, logging, time; start = time.perf_counter(); import main;"
    " print(time.perf_counter() - start)"
)
DEADLINE = 30.0
PAUSE = 1.5  # between two saves: a spare process is there again


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def save(directory: Path, version: str) -> None:
    """Save a version as editors do."""
    half = directory / "main.py~"
    half.write_text(APP.format(version=version))
    half.replace(directory / "main.py")


def wait_for(port: int, version: str) -> float:
    """The time, in seconds, until the server answers with `version`."""
    start = time.perf_counter()
    while time.perf_counter() - start < DEADLINE:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=DEADLINE) as answer:
                if version in answer.read().decode():
                    return time.perf_counter() - start
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.002)
    raise TimeoutError(f"no answer of version {version} within {DEADLINE} s")


def start(server: str, directory: Path, port: int) -> "subprocess.Popen[bytes]":
    """Start a server that reloads."""
    return subprocess.Popen(
        [sys.executable, "-m", server, "main:app", "--reload", "--port", str(port)],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def import_time(directory: Path) -> float:
    """What importing the app costs by itself, in seconds."""
    save(directory, "import")
    output = subprocess.check_output([sys.executable, "-c", IMPORT], cwd=directory)
    return float(output)


def measure(rounds: int, scratch: Path) -> dict[str, list[float]]:
    """Seconds of each round of each server; `import` are those of the app's own import."""
    times: dict[str, list[float]] = {"import": [], **{server: [] for server in SERVERS}}
    running = {}
    try:
        for server in SERVERS:
            directory = scratch / server
            directory.mkdir()
            save(directory, "first")
            port = free_port()
            running[server] = (directory, port, start(server, directory, port))
            wait_for(port, "first")
        for number in range(rounds):
            for server, (directory, port, _) in running.items():
                time.sleep(PAUSE)
                save(directory, f"round{number}")
                times[server].append(wait_for(port, f"round{number}"))
            time.sleep(PAUSE)
            times["import"].append(import_time(scratch))
    finally:
        for _, _, process in running.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return times


def main() -> None:
    """Measure and print a line for each server."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reload", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="saves of each (default: 10)")
    rounds = max(parser.parse_args().rounds, 1)
    with tempfile.TemporaryDirectory() as scratch:
        times = measure(rounds, Path(scratch))
    own = statistics.median(times["import"])
    print(f"import of the app: {own * 1000:.0f} ms (median of {rounds})")
    for server in SERVERS:
        median = statistics.median(times[server])
        spread = f"{min(times[server]) * 1000:.0f} to {max(times[server]) * 1000:.0f}"
        beyond = (median - own) * 1000
        print(f"{server}: {median * 1000:.0f} ms ({spread}), {beyond:.0f} beyond the import")


if __name__ == "__main__":
    main()
