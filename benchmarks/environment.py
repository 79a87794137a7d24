"""The machine, the versions, and the environments that hold the servers."""

import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
# The programs in C, and the libraries each needs.
C_LIBRARIES = {"floor": (), "wsfloor": (), "wsload": ("-lz",)}
PROJECT_FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
PREFERRED_PYTHON = "python3.11"

_VERSIONS = """
import importlib.metadata as m, json, platform
print(json.dumps({"Python": platform.python_version(),
    **{d.metadata["Name"].lower(): d.version for d in m.distributions()}}))
"""


class SetupError(Exception):
    """The benchmark can't start; the text says why and what to do, in one line."""


class Environments(NamedTuple):
    """The folder of programs for each value of `Server.environment`, and what is installed in the
    main one: distribution (lower case) to version, and "Python"."""

    programs: dict[str, Path]
    versions: dict[str, str]


def installed(python: Path) -> dict[str, str]:
    """Versions of all distributions an interpreter sees. Raises SetupError."""
    try:
        printed = subprocess.check_output([str(python), "-c", _VERSIONS], text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"{python} doesn't run as a Python interpreter: {error}") from error
    versions: dict[str, str] = json.loads(printed)
    return versions


def make_certificate(folder: Path) -> None:
    """`cert.pem` and `key.pem` for localhost, with a key on P-256. Raises SetupError."""
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "7"]
    where = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    command = ["openssl", "req", "-x509", *kind, "-subj", "/CN=localhost", "-addext", names, *where]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"openssl makes no certificate: {error}") from error


def build_environment(folder: Path, base: str, compiled: bool) -> Path:
    """A venv with the peers and this checkout of tricorn, made or brought up to date.

    Returns its interpreter. Nothing is done when neither the requirements nor the source have
    changed since the last time. Raises SetupError.
    """
    python = folder / "bin" / "python"
    stamp = folder / "benchmark-stamp"
    wanted = _fingerprint(base, compiled)
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"installing into {folder.name}", flush=True)
    if not python.exists():
        _run([base, "-m", "venv", str(folder)])
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", "--requirement", str(REQUIREMENTS)])
    with tempfile.TemporaryDirectory(prefix="tricorn-bench-") as scratch:
        wheel = str(_build_wheel(pip, Path(scratch), compiled))
        _run([*pip, "install", wheel])  # its dependencies, too
        _run([*pip, "install", "--force-reinstall", "--no-deps", wheel])
    stamp.write_text(wanted)
    return python


def _build_wheel(pip: list[str], scratch: Path, compiled: bool) -> Path:
    # Built elsewhere, since setuptools takes up what an earlier build left in build/: removed
    # modules, and compiled ones in an interpreted package.
    _copy_source(scratch)
    # 1 makes a failed compile an error. To fall back quietly would measure something else.
    speed = {"TRICORN_COMPILE": "1" if compiled else "0"}
    _run([*pip, "wheel", "--no-deps", "--wheel-dir", str(scratch), str(scratch)], speed)
    return next(scratch.glob("*.whl"))


def _copy_source(target: Path) -> None:
    left_out = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", target / "src", ignore=left_out)
    for name in PROJECT_FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target)


def _fingerprint(base: str, compiled: bool) -> str:
    digest = hashlib.sha256(f"{base} {compiled}".encode())
    files = [REQUIREMENTS, *(ROOT / name for name in PROJECT_FILES[:2])]
    sources = (p for p in (ROOT / "src").rglob("*") if p.suffix in {".py", ".pyx", ".pxd"})
    for path in [*files, *sorted(sources)]:
        if path.exists():
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _run(command: list[str], extra: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env={**os.environ, **(extra or {})}, capture_output=True, text=True
    )
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)  # a compiler's words, say
        raise SetupError(f"failed, see above: {shlex.join(command)}")


def base_python() -> str:
    """The interpreter the environments are made from: the one the targets are stated for."""
    return shutil.which(PREFERRED_PYTHON) or sys.executable


def compile_program(name: str, folder: Path) -> Path:
    """Compile one of the programs in C into a folder and return the folder. Raises SetupError."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SetupError(f"no C compiler: install one, or choose what doesn't need {name}")
    source = Path(__file__).with_name(f"{name}.c")
    _run([compiler, "-O2", "-o", str(folder / name), str(source), *C_LIBRARIES[name]])
    return folder


def machine() -> list[tuple[str, str]]:
    """What the figures depend on, as name and value."""
    return [
        ("CPU", _cpu_model()),
        ("Cores", str(os.cpu_count())),
        ("System", f"{platform.system()} {platform.release().partition('-')[0]}"),
        ("Load generators", f"{_wrk_version()}; wsload.c for WebSockets"),
    ]


def checkout(programs: Path) -> list[tuple[str, str]]:
    """The revision of this checkout, and what tricorn says of itself, as far as they can be had."""
    revision = _first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"])
    version = _first_line([str(programs / "tricorn"), "--version"])
    named = [("Revision", revision), ("tricorn --version", version)]
    return [(name, value) for name, value in named if value]


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _wrk_version() -> str:
    # wrk prints its version with its usage and exits with 1.
    printed = subprocess.run(["wrk", "--version"], capture_output=True, text=True).stdout
    return " ".join(printed.partition("\n")[0].split()[:2])
