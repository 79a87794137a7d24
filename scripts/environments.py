"""Virtual environments and wheels, redone only when what goes into them has changed.

Under .venv-test there is for each Python one environment with all packages but
tricorn, and a thin one for each speed that adds tricorn to them.
"""

import hashlib
import shutil
import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from scripts.installer import install, python_of
from scripts.pythons import Python, find_pythons, probe
from scripts.running import ROOT, TEST, call, quietly

MADE = {"__pycache__", "tricorn.egg-info"}


# Programs that tests run, each in an environment of its own: what they need is at odds with what
# the tests do. The dependency group has the same name.
PROGRAMS = ["sslyze"]

# -> TRICORN_COMPILE. Interpreted first: its tests run while the others are compiled.
SPEEDS = {"interpreted": "0", "compiled": "1"}

# Of programs that are supported in many versions, the newest is among the packages. The oldest
# is the interpreted environments' own.
OLDEST = {"compiled": [], "interpreted": ["gunicorn==23.*"]}


@cache
def project() -> dict[str, Any]:
    """pyproject.toml, as it was when this run began."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def runtime() -> list[str]:
    """tricorn's own requirements with those of all extras."""
    about = project()["project"]
    extras = [about["optional-dependencies"][name] for name in about["optional-dependencies"]]
    wanted = [*about["dependencies"], *(one for extra in extras for one in extra)]
    return [one for one in wanted if not one.startswith("tricorn[")]


def group(name: str) -> list[str]:
    return list(project()["dependency-groups"][name])


def sources() -> list[Path]:
    """The files that go into a wheel."""
    found = [
        path
        for path in sorted((ROOT / "src").rglob("*"))
        if path.is_file() and not MADE.intersection(path.parts) and path.suffix != ".so"
    ]
    return [*found, ROOT / "pyproject.toml", ROOT / "setup.py", ROOT / "README.md"]


def digest(parts: Iterable[Path | str]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(str(part).encode() + b"\0")
        total.update(part.read_bytes() if isinstance(part, Path) else b"")
    return total.hexdigest()


@cache
def state_of_sources() -> str:
    """When this run began: what is edited meanwhile is the next one's."""
    return digest(sources())


def changed(mark: Path, state: str) -> bool:
    """Whether ``mark`` records another state than this one."""
    stamp = mark.with_name(mark.name + ".stamp")
    return not stamp.exists() or stamp.read_text() != state


def done(mark: Path, state: str) -> None:
    mark.with_name(mark.name + ".stamp").write_text(state)


def create(place: Path, executable: str, *options: str) -> None:
    if changed(place / "python", executable) or probe(python_of(place)) is None:
        call([executable, "-m", "venv", "--clear", *options, str(place)])
        done(place / "python", executable)


def listed(place: Path, requirements: list[str]) -> list[str]:
    """The installer's arguments for these requirements, short enough to be shown."""
    file = place / "requirements.txt"
    file.write_text("".join(f"{one}\n" for one in requirements))
    return ["-r", str(file)]


def packages(python: Python) -> Path:
    """The environment that holds all but tricorn; those of this Python share it."""
    place = TEST / f"{python.minor}-packages"
    requirements = [*runtime(), *group("test"), *project()["build-system"]["requires"]]
    state = digest([python.executable, python.version, *requirements])
    if changed(place / "requirements", state):
        create(place, python.executable, "--without-pip")
        # The oldest starts a server for most of what it tests, and then what the server needs.
        bytecode = python == find_pythons()[0]
        install(place, "--upgrade", *listed(place, requirements), bytecode=bytecode)
        done(place / "requirements", state)
    return place


def environment(name: str, python: Python, extra: list[str]) -> Path:
    """The environment .venv-test/NAME: the shared packages and, of its own, ``extra``."""
    shared = packages(python)
    place = TEST / name
    state = digest([python.executable, python.version, *extra])
    if changed(place / "requirements", state):
        create(place, python.executable, "--without-pip")
        folder = Path("lib", f"python{python.minor}", "site-packages")
        line = f"import site; site.addsitedir({str(shared / folder)!r})\n"
        (place / folder / "shared.pth").write_text(line)
        if extra:
            install(place, *listed(place, extra))
        done(place / "requirements", state)
    return place


def prepare(matrix: list[tuple[Python, str]]) -> None:
    for python, speed in matrix:
        place = environment(f"{python.minor}-{speed}", python, OLDEST[speed])
        install_wheel(place, python, speed)
    for name in PROGRAMS:
        environment(name, matrix[0][0], group(name))


def install_wheel(place: Path, python: Python, speed: str) -> None:
    wheel = build_wheel(python, speed)
    state = digest([wheel])
    if changed(place / "wheel", state):
        install(place, "--force-reinstall", "--no-deps", str(wheel), bytecode=True)
        done(place / "wheel", state)


def build_wheel(python: Python, speed: str) -> Path:
    """The wheel of this speed; one interpreted wheel serves every Python."""
    folder = TEST / "wheels" / ("any" if speed == "interpreted" else python.version)
    state = state_of_sources()
    if changed(folder, state):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        forget_deleted_modules()
        # The build's requirements are among the packages: no environment is made for it.
        program = "import sys; from setuptools.build_meta import *; build_wheel(sys.argv[1])"
        command = [python_of(packages(python)), "-c", program, str(folder)]
        # What is shipped is tested on the oldest Python; elsewhere compiling should be quick.
        level = "3" if python == find_pythons()[0] else "0"
        quietly(command, TRICORN_COMPILE=SPEEDS[speed], TRICORN_OPTIMIZE=level)
        done(folder, state)
    return next(folder.glob("*.whl"))


def forget_deleted_modules() -> None:
    """Keeps what was compiled; setuptools would also keep modules that are gone by now."""
    for folder in (ROOT / "build").glob("lib*"):
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".so":
                path.unlink()
