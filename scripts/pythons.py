"""The Pythons of this machine."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from scripts.running import die


class Python(NamedTuple):
    executable: str
    version: str  # "3.11.7"
    minor: str  # "3.11"
    headers: bool
    venv: bool


PROBE = """
import json, os, sys, sysconfig
final = sys.version_info[3] == "final" and not sysconfig.get_config_var("Py_GIL_DISABLED")
headers = os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))
try:
    import ensurepip, venv
except ImportError:
    venv = None
print(json.dumps([
    sys.implementation.name == "cpython" and final and sys.version_info[:2] >= (3, 11),
    getattr(sys, "_base_executable", sys.executable), "%d.%d.%d" % sys.version_info[:3],
    "%d.%d" % sys.version_info[:2], headers, venv is not None,
]))
"""


@cache
def find_pythons() -> list[Python]:
    """Each CPython from 3.11 that really runs, one a minor version, oldest first."""
    found: dict[str, Python] = {}
    for candidate in dict.fromkeys(candidates()):
        python = probe(candidate)
        if python is None:
            continue
        known = found.get(python.minor)
        if known is None or (known.headers and known.venv) < (python.headers and python.venv):
            found[python.minor] = python
    if not found:
        die("found no CPython 3.11 or newer; the free-threaded and unfinished ones don't count")
    return sorted(found.values(), key=lambda python: int(python.minor.split(".")[1]))


def candidates() -> Iterator[str]:
    yield sys.executable
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted(pyenv.glob("versions/*/bin"))
    for folder in folders:
        for path in sorted(folder.glob("python3*")):
            if re.fullmatch(r"python3(\.\d+)?", path.name):
                yield str(path)


def probe(executable: str) -> Python | None:
    try:
        answer = subprocess.run(
            [executable, "-c", PROBE],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=True,
        )
        suitable, *facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # a pyenv shim of a version that isn't chosen, or no Python at all
    return Python(*facts) if suitable else None
