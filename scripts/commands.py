"""The commands of ./dev. Each gets the arguments behind its name."""

import argparse
import os
import sys
from typing import NoReturn

from scripts.checks import (
    QUIET_SITE,
    lint_environment,
    mkdocs,
    run_checks,
    run_matrix,
    summarize,
)
from scripts.environments import (
    OLDEST,
    SPEEDS,
    changed,
    create,
    digest,
    done,
    environment,
    forget_deleted_modules,
    group,
    install_wheel,
    packages,
    sources,
)
from scripts.installer import install, python_of
from scripts.pythons import find_pythons
from scripts.running import ROOT, attempt, call, die, locked, show
from scripts.tools import need_tools

GUNICORNS = ["23", "24", "25", "26", "27"]
GUNICORN_TESTS = ["tests/recipes/test_gunicorn.py", "tests/recipes/test_gunicorn_ends.py"]


def serve(args: list[str]) -> None:
    """install tricorn into .venv and serve the demo page"""
    place = ROOT / ".venv"
    with locked("serve"):
        create(place, sys.executable)
        if changed(place / "tricorn", digest(sources())):
            call([python_of(place), "-m", "pip", "--disable-pip-version-check", "install", "."])
            done(place / "tricorn", digest(sources()))
    sys.stdout.flush()
    program = str(place / "bin" / "tricorn")
    show([program, "--demo", *args])
    os.execv(program, [program, "--demo", *args])


def test(args: list[str]) -> None:
    """run all tests on each Python at both speeds, then lint; or pytest with your arguments"""
    parser = argparse.ArgumentParser(prog="./dev test", description=test.__doc__)
    parser.add_argument("--only", metavar="NAME", help="one environment, such as 3.12-compiled")
    parser.add_argument("--without-tools", action="store_true", help="skip what needs a tool")
    chosen, pytest_args = parser.parse_known_args(args)
    with locked("test"):
        pythons = find_pythons()
        need_tools(pythons, chosen.without_tools)
        matrix = [(python, speed) for python in pythons for speed in SPEEDS]
        names = [f"{python.minor}-{speed}" for python, speed in matrix]
        if chosen.only:
            if chosen.only not in names:
                die(f"--only {chosen.only}: there is {', '.join(names)}")
            matrix = [matrix[names.index(chosen.only)]]
        oldest = pythons[0]
        outcomes = run_matrix(matrix, pytest_args, oldest)
        if not pytest_args and not chosen.only:
            outcomes.append(run_checks(oldest))
    summarize(outcomes)


def lint(args: list[str]) -> None:
    """run ruff, mypy, the import contract and the documentation's checks"""
    with locked("test"):
        summarize([run_checks(find_pythons()[0])])


def docs(args: list[str]) -> None:
    """serve the documentation as a site on 127.0.0.1:8000, and again when a page changes"""
    with locked("test"):
        programs = lint_environment(find_pythons()[0]) / "bin"
    command = [*mkdocs(programs), "serve", *args]
    show(command)
    os.execve(command[0], command, {**os.environ, **QUIET_SITE})


def bench(args: list[str]) -> None:
    """measure tricorn and its peers (benchmarks/)"""
    need_folder("benchmarks", "__main__.py")
    sys.exit(attempt([sys.executable, "-m", "benchmarks", *args]))  # it makes its environments


def soak(args: list[str]) -> None:
    """serve mixed load for ten minutes and watch memory, tasks and descriptors (tests/soak)"""
    need_folder("tests/soak", "__main__.py")
    run_in("compiled", [], "-m", "tests.soak", *args)


def chaos(args: list[str]) -> None:
    """restart, kill, hang and scale workers under load for ten minutes (tests/chaos)"""
    need_folder("tests/chaos", "__main__.py")
    run_in("compiled", [], "-m", "tests.chaos", *args)


def autobahn(args: list[str]) -> None:
    """run Autobahn's performance and compression cases (tests/autobahn)"""
    need_folder("tests/autobahn", "__main__.py")
    run_in("compiled", [], "-m", "tests.autobahn", *args)


def testssl(args: list[str]) -> None:
    """have testssl.sh look at a server over TLS, for some minutes (tests/testssl)"""
    need_folder("tests/testssl", "__main__.py")
    run_in("compiled", [], "-m", "tests.testssl", *args)


def gunicorn(args: list[str]) -> None:
    """run the tests of the workers for gunicorn under each of its versions (tests/recipes)"""
    failed = []
    with locked("test"):
        need_tools(find_pythons(), without=False)
        python = find_pythons()[0]
        for version in GUNICORNS:
            place = environment(f"gunicorn-{version}", python, [f"gunicorn=={version}.*"])
            install_wheel(place, python, "compiled")
            command = [python_of(place), "-m", "pytest", "-q", "-n2", "--dist", "loadgroup"]
            if attempt([*command, *GUNICORN_TESTS, *args]):
                failed.append(version)
    if failed:
        die(f"failed under gunicorn {', '.join(failed)}")


def uvicorn_suite(args: list[str]) -> None:
    """run Uvicorn's own tests against the shim, for some minutes (tests/uvicorn_suite)"""
    need_folder("tests/uvicorn_suite", "__main__.py")
    with locked("test"):
        python = find_pythons()[0]
        place = environment("uvicorn-suite", python, group("uvicorn-suite"))
        install_wheel(place, python, "compiled")
    sys.exit(attempt([python_of(place), "-m", "tests.uvicorn_suite", *args]))


def programs(args: list[str]) -> None:
    """try programs that embed Uvicorn, each in an environment with the shim (tests/programs)"""
    need_folder("tests/programs", "__main__.py")
    run_in("compiled", [], "-m", "tests.programs", *args)


def fuzz(args: list[str]) -> None:
    """fuzz the wire, guided by coverage (tests/fuzz)"""
    need_folder("tests/fuzz", "__main__.py")
    # Interpreted, since coverage is counted in Python's bytecode.
    run_in("interpreted", group("fuzz"), "-m", "tests.fuzz", *args)


def build(args: list[str]) -> None:
    """build the wheels and source distributions of tricorn and its shim into dist/"""
    with locked("test"):
        place = packages(find_pythons()[0])
        install(place, "build")
        forget_deleted_modules()
        command = [python_of(place), "-m", "build", "--outdir", "dist", *args]
        call(command, TRICORN_COMPILE="1")
        call([*command, "shim"])


COMMANDS = {
    "serve": serve,
    "test": test,
    "lint": lint,
    "docs": docs,
    "bench": bench,
    "soak": soak,
    "chaos": chaos,
    "autobahn": autobahn,
    "testssl": testssl,
    "fuzz": fuzz,
    "uvicorn-suite": uvicorn_suite,
    "programs": programs,
    "gunicorn": gunicorn,
    "build": build,
}


def run_in(speed: str, extra: list[str], *args: str) -> NoReturn:
    """Runs a module of the suite in the environment of the oldest Python at this speed."""
    with locked("test"):
        python = find_pythons()[0]
        place = environment(f"{python.minor}-{speed}", python, [*OLDEST[speed], *extra])
        install_wheel(place, python, speed)
    sys.exit(attempt([python_of(place), *args]))


def need_folder(name: str, entry: str) -> None:
    if not (ROOT / name / entry).exists():
        die(f"{name}/{entry} doesn't exist yet")
