"""Installing packages: by uv where it can be had, and by pip, which takes ten times as long."""

import ast
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from scripts.running import TEST, attempt, call, die

# What uv calls pip's settings. By environment variable, since an index may have a password.
UV_SETTINGS = {
    "index-url": "UV_INDEX_URL",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def python_of(place: Path) -> str:
    return str(place / "bin" / "python")


def install(place: Path, *args: str, bytecode: bool = False) -> None:
    """Install into the environment ``place``, which needs no pip of its own.

    ``bytecode`` compiles all that is there, for the many processes that will import it.
    """
    target = ["--python", python_of(place)]
    if uv := find_uv():
        options = ["--compile-bytecode"] if bytecode else []
        if attempt([uv, "pip", "install", "-q", *target, *options, *args], **uv_settings()) == 0:
            return
        print("dev: uv could not; pip is asked", flush=True)
    command = [*pip(), "--disable-pip-version-check", "-qq", *target, "install"]
    if attempt([*command, *([] if bytecode else ["--no-compile"]), *args]):
        die(
            "pip failed, see above. It needs a package registry the first time"
            " (PyPI, or the one in pip's own settings)."
        )


@cache
def pip() -> tuple[str, ...]:
    """The command of a pip that serves all environments."""
    place = TEST / "installer"
    if not (place / "bin" / "pip").exists():
        call([sys.executable, "-m", "venv", "--clear", str(place)])
    return (python_of(place), "-m", "pip")


@cache
def find_uv() -> str | None:
    """The program uv; None where it isn't on PATH, and pip doesn't get it either."""
    if found := shutil.which("uv"):
        return found
    program = TEST / "installer" / "bin" / "uv"
    command = [*pip(), "--disable-pip-version-check", "-qq", "install", "--only-binary=:all:", "uv"]
    if not program.exists() and attempt(command):
        print("dev: there is no uv, so pip does it all", flush=True)
        return None
    return str(program)


@cache
def uv_settings() -> dict[str, str]:
    """Where pip would look, said to uv."""
    listing = subprocess.run([*pip(), "config", "list"], capture_output=True, text=True)
    found = {"UV_INDEX_STRATEGY": "unsafe-best-match"}  # as pip does: the best of all indexes
    for line in listing.stdout.splitlines():
        key, _, value = line.partition("=")
        variable = UV_SETTINGS.get(key.rpartition(".")[2])
        if variable is not None and variable not in os.environ:
            found[variable] = " ".join(str(ast.literal_eval(value)).split())
    return found
