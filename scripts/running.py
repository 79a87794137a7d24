"""Running programs, and saying so."""

import fcntl
import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
TEST = ROOT / ".venv-test"


def die(message: str) -> NoReturn:
    sys.exit(f"dev: {message}")


def shown(command: Iterable[str]) -> str:
    return shlex.join(word.removeprefix(f"{ROOT}/") for word in command)


def show(command: Iterable[str]) -> None:
    print("+", shown(command), flush=True)


def attempt(command: list[str], **env: str) -> int:
    show(command)
    return subprocess.run(command, env=os.environ | env, stdin=subprocess.DEVNULL).returncode


def call(command: list[str], **env: str) -> None:
    if code := attempt(command, **env):
        die(f"that ended with exit code {code}: {shlex.join(command[:4])} …")


def quietly(command: list[str], **env: str) -> None:
    """As `call`; what the program writes is only shown where it fails."""
    show(command)
    done = subprocess.run(
        command,
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        sys.stdout.buffer.write(done.stdout)
        die(f"that ended with exit code {done.returncode}: {shlex.join(command[:4])} …")


def into(file: Path, command: list[str], **env: str) -> int:
    """Run it with all its output in the file; the exit code."""
    with file.open("wb") as output:
        output.write(f"+ {shown(command)}\n".encode())
        output.flush()
        return subprocess.run(
            command,
            env=os.environ | env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ).returncode


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Two runs in one checkout take turns: they share the environments and build/."""
    TEST.mkdir(exist_ok=True)
    with (TEST / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("dev: waits for another run in this checkout to end", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
