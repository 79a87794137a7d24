"""The suite on one environment, the checks, and what came of them."""

import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import NamedTuple
from xml.etree import ElementTree

from scripts.environments import PROGRAMS, environment, group, prepare
from scripts.installer import python_of
from scripts.pythons import Python
from scripts.running import ROOT, TEST, attempt, into, shown

# The oldest Python runs all of it compiled, and nearly all of it interpreted; the newest starts
# servers too, those between don't. The marks are explained in pyproject.toml; the profile is in
# tests/conftest.py.
BRIEF = ["--hypothesis-profile=brief"]
SECOND = [*BRIEF, "-m", "not once"]
NEWEST = [*BRIEF, "-m", "not once and not slow_matrix"]
NO_SERVERS = "not once and not slow_matrix and not whole_server"
BETWEEN = [*BRIEF, "-m", NO_SERVERS]
INTERPRETED = [*BRIEF, "-m", f"{NO_SERVERS} and not uncompiled"]
# Modules that write a page of docs/, and compare it when given --check.
GENERATORS = ["tricorn.settings.reference", "tricorn.translate.reference"]
JOBS = 2  # processes of one environment's tests
SIDE_BY_SIDE = 2  # environments
SHOWN = 20  # failures of one environment, at the end
DETAILED = 5  # of these with their text
QUIET_SITE = {"NO_MKDOCS_2_WARNING": "1"}  # the theme's word about a MkDocs that isn't used
LAST_LINES = 120  # of a failure's text: what it raised, and what the servers wrote
DOTS = re.compile(r"[.sxXFE]+ *\[ *\d+%\]\n", re.ASCII)


class Outcome(NamedTuple):
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    failures: tuple[str, ...] = ()  # the names of what failed
    texts: tuple[str, ...] = ()  # what pytest said of each


def run_matrix(matrix: list[tuple[Python, str]], args: list[str], oldest: Python) -> list[Outcome]:
    """The suite on each environment, some side by side: much of it is waiting.

    Each is made when it is its turn: it compiles while another one's tests wait.
    """
    if len(matrix) == 1:
        prepare(matrix)
        python, speed = matrix[0]
        return [run_tests(python, speed, [*share(python, oldest, python, speed), *args])]
    lock, preparing = Lock(), Lock()  # wheels are built one after the other, in one build/

    def one(entry: tuple[Python, str]) -> Outcome:
        python, speed = entry
        with preparing:
            prepare([matrix[0], entry])  # what all share is made with the first
        log = TEST / f"{python.minor}-{speed}" / "tests.log"
        shared = share(python, oldest, matrix[-1][0], speed)
        outcome = run_tests(python, speed, [*shared, *args], log)
        with lock:
            # Without the dots: who reads this may get the last part of it only.
            text = DOTS.sub("", log.read_text(errors="replace"))
            print(f"\n== {outcome.name}\n{text}", flush=True)
        return outcome

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(one, matrix))


def share(python: Python, oldest: Python, newest: Python, speed: str) -> list[str]:
    """pytest's arguments for what an environment runs of the suite."""
    if python == oldest:
        return SECOND if speed == "interpreted" else []
    if speed == "interpreted":
        return INTERPRETED
    return NEWEST if python == newest else BETWEEN


def run_tests(python: Python, speed: str, args: list[str], log: Path | None = None) -> Outcome:
    """The suite on one environment. Its output goes to ``log``, or is shown as it comes."""
    place = TEST / f"{python.minor}-{speed}"
    report = place / "report.xml"
    report.unlink(missing_ok=True)
    command = [python_of(place), "-m", "pytest", "-q", "-n", str(JOBS), "--dist", "loadgroup"]
    command += [f"--junitxml={report}", *args]
    name = f"{python.version} {speed}"
    print(f"\n== {name} begins", flush=True)
    start = time.monotonic()
    # Last, so that nothing but the programs is found there.
    programs = [str(TEST / name / "bin") for name in PROGRAMS]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *programs])
    # Tests are compiled once for all processes, whatever the user's settings are.
    env = {"TEST_SPEED": speed, "PATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    code = into(log, command, **env) if log else attempt(command, **env)
    return read_report(name, report, code, time.monotonic() - start)


def read_report(name: str, report: Path, code: int, seconds: float) -> Outcome:
    if not report.exists():
        return Outcome(name, 0, 1, 0, seconds, (f"pytest ended with {code}",))
    suite = next(ElementTree.parse(report).iter("testsuite"))
    tests, failures, errors, skipped = (
        int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    broken = [one for one in suite.iter("testcase") if _broke(one)]
    titles = tuple(f"{one.get('classname')}::{one.get('name')}" for one in broken)
    texts = tuple(_text(one) for one in broken)
    if code and not failed:  # no test was found, or the run was interrupted
        failed = 1
        titles = (f"pytest ended with {code}",)
    passed = max(tests - failures - errors - skipped, 0)
    return Outcome(name, passed, failed, skipped, seconds, titles, texts)


def _broke(case: ElementTree.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def _text(case: ElementTree.Element) -> str:
    parts = [one.text or "" for one in case if one.tag in ("failure", "error")]
    return "\n".join("\n".join(parts).splitlines()[-LAST_LINES:])


def run_checks(python: Python) -> Outcome:
    print("\n== checks", flush=True)
    programs = lint_environment(python) / "bin"
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
    path |= QUIET_SITE
    start = time.monotonic()
    commands = checks(programs)
    failures = tuple(shown(command) for command in commands if attempt(command, **path))
    seconds = time.monotonic() - start
    return Outcome("checks", len(commands) - len(failures), len(failures), 0, seconds, failures)


def lint_environment(python: Python) -> Path:
    return environment("lint", python, [*group("lint"), *group("site")])


def checks(programs: Path) -> list[list[str]]:
    return [
        [str(programs / "ruff"), "check", "."],
        [str(programs / "ruff"), "format", "--check", "."],
        [str(programs / "mypy")],
        [str(programs / "mypy"), "dev"],
        [str(programs / "lint-imports"), "--no-logo"],
        *([str(programs / "python"), "-m", module, "--check"] for module in GENERATORS),
        [*mkdocs(programs), "build", "--strict", "--quiet", "--site-dir", str(TEST / "site")],
    ]


def mkdocs(programs: Path) -> list[str]:
    """What makes a site of the documentation (mkdocs.yml)."""
    return [str(programs / "python"), "-m", "mkdocs"]


def summarize(outcomes: list[Outcome]) -> None:
    print()
    for one in outcomes:
        for failure, text in list(zip(one.failures, one.texts, strict=False))[:DETAILED]:
            print(f"== {one.name}: {failure}\n{text}\n")
    for one in outcomes:
        for failure in one.failures[:SHOWN]:
            print(f"FAILED {one.name}: {failure}")
    for one in outcomes:
        counts = f"{one.passed} passed, {one.failed} failed, {one.skipped} skipped"
        print(f"{one.name:28} {counts} in {one.seconds:.0f} s")
    passed = sum(one.passed for one in outcomes)
    failed = sum(one.failed for one in outcomes)
    skipped = sum(one.skipped for one in outcomes)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)
