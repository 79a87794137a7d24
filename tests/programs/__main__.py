"""Starts programs that embed Uvicorn, in environments with the shim, and tries what they do.

Each has a virtual environment of its own under .venv-test/programs, with its Uvicorn and the
wheels of tricorn and tricorn-uvicorn. Prints a table, which docs/shim.md has.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import httpx

from scripts.environments import build_wheel, changed, create, digest, done, listed
from scripts.installer import install, python_of
from scripts.pythons import find_pythons
from scripts.running import ROOT, TEST
from tests.programs.catalog import PROGRAMS, Program, Running
from tests.support.places import free_port
from tests.support.server import Server, launch
from tests.support.wait import wait_for

APPS = Path(__file__).parent / "apps"
START = 300.0  # seconds; MLflow makes its database first
STOP = 60.0


def prepare(program: Program) -> Path:
    """The environment of a program."""
    python = find_pythons()[0]
    place = TEST / "programs" / program.requirement
    place.parent.mkdir(parents=True, exist_ok=True)
    wheels = [build_wheel(python, "compiled"), build_shim()]
    state = digest([program.requirement, *wheels])
    if changed(place / "program", state):
        create(place, python.executable, "--without-pip")
        install(place, "--upgrade", *listed(place, [program.requirement]))
        install(place, "--force-reinstall", *map(str, wheels))
        done(place / "program", state)
    return place


def build_shim() -> Path:
    """The wheel of the shim."""
    folder = TEST / "wheels" / "shim"
    sources = sorted(path for path in (ROOT / "shim").rglob("*.py") if "build" not in path.parts)
    state = digest(sources)
    if changed(folder, state):
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="programs-") as place:
            source = shutil.copytree(ROOT / "shim", Path(place, "shim"))
            program = "import sys; from setuptools.build_meta import *; build_wheel(sys.argv[1])"
            folder.mkdir(parents=True)
            command = [sys.executable, "-c", program, str(folder)]
            subprocess.run(command, cwd=source, check=True, stdout=subprocess.DEVNULL)
        done(folder, state)
    return next(folder.glob("*.whl"))


def version(place: Path, name: str) -> str:
    code = f"from importlib.metadata import version; print(version({name!r}))"
    command = [python_of(place), "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def attempt(program: Program, place: Path) -> None:
    """Starts the program, tries it and stops it. Raises where anything isn't as it should be."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="programs-") as directory:
        folder = Path(shutil.copytree(APPS, Path(directory, "project")))
        words = program.command.replace("PORT", str(port)).split()
        words[0] = str(place / "bin" / words[0])
        paths = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
        env = {"PATH": paths, "HOME": directory, "PYTHONPATH": ""}
        server = launch(words, "Uvicorn", env=env, cwd=folder)
        running = Running(f"http://127.0.0.1:{port}", folder)
        try:
            wait_for(lambda: is_up(server, running.url + program.ready), START, "the first answer")
            answer = httpx.get(running.url + program.ready, timeout=START, trust_env=False)
            # Uvicorn's name, and not its case of the fields' names: this is tricorn.
            assert (b"server", b"uvicorn") in answer.headers.raw, answer.headers.raw
            assert answer.headers.raw[0][0] == b"date", answer.headers.raw
            program.check(running)
            code = server.stop(deadline=STOP)
            assert code in (0, 130, 143, -15), f"it ended with {code}"
        except BaseException:
            print(server.output()[-6000:], flush=True)
            raise
        finally:
            server.close()


def is_up(server: Server, url: str) -> bool:
    if server.process.poll() is not None:
        raise RuntimeError(f"it ended with {server.process.returncode}")
    try:
        return httpx.get(url, timeout=START, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def row(program: Program, place: Path, result: str) -> str:
    command = program.command.replace("PORT", "8000").partition(" --server.address")[0]
    found = version(place, program.requirement)
    return f"| {program.name} {found} | `{command}` | {program.told} | {result} |"


def main() -> int:
    names = [program.requirement for program in PROGRAMS]
    parser = argparse.ArgumentParser(prog="./dev programs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
    chosen = parser.parse_args().names
    if unknown := set(chosen) - set(names):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    rows, failed = [], []
    for program in PROGRAMS:
        if chosen and program.requirement not in chosen:
            continue
        print(f"programs: {program.name}", flush=True)
        place = prepare(program)
        try:
            attempt(program, place)
        except Exception:
            traceback.print_exc()
            failed.append(program.name)
        rows.append(row(program, place, "fails" if program.name in failed else "works"))
    print("\n".join(["", *rows]))
    if failed:
        print("programs: failed:", ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
