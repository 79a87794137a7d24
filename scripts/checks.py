"""The suite on one environment, the checks, and what came of them."""

import os
import sys
import time
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from scripts.environments import JOBS, environment, group, python_of
from scripts.pythons import Python
from scripts.running import ROOT, TEST, attempt, shown

# On all Pythons but the oldest; the profile is in tests/conftest.py.
BRIEF = ["-m", "not slow_matrix", "--hypothesis-profile=brief"]
# Modules that write a page of docs/, and compare it when given --check.
GENERATORS = ["tricorn.settings.reference"]
SHOWN = 20  # failures of one environment, at the end


class Outcome(NamedTuple):
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float
    failures: tuple[str, ...] = ()  # the names of what failed


def run_tests(python: Python, speed: str, args: list[str], whole: bool) -> Outcome:
    place = TEST / f"{python.minor}-{speed}"
    report = place / "report.xml"
    report.unlink(missing_ok=True)
    command = [*python_of(place), "-m", "pytest", "-q", "-n", str(JOBS), "--dist", "loadgroup"]
    command += [f"--junitxml={report}", *([] if whole else BRIEF), *args]
    name = f"{python.version} {speed}"
    print(f"\n== {name}", flush=True)
    start = time.monotonic()
    code = attempt(command, TRICORN_TEST_SPEED=speed)
    return read_report(name, report, code, time.monotonic() - start)


def read_report(name: str, report: Path, code: int, seconds: float) -> Outcome:
    if not report.exists():
        return Outcome(name, 0, 1, 0, seconds, (f"pytest ended with {code}",))
    suite = next(ElementTree.parse(report).iter("testsuite"))
    tests, failures, errors, skipped = (
        int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    names = [one for one in suite.iter("testcase") if _broke(one)]
    titles = tuple(f"{one.get('classname')}::{one.get('name')}" for one in names)
    if code and not failed:  # no test was found, or the run was interrupted
        failed = 1
        titles = (f"pytest ended with {code}",)
    passed = max(tests - failures - errors - skipped, 0)
    return Outcome(name, passed, failed, skipped, seconds, titles)


def _broke(case: ElementTree.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def run_checks(python: Python) -> Outcome:
    print("\n== checks", flush=True)
    place = environment("lint", python, group("lint"))
    programs = place / "bin"
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src")}
    start = time.monotonic()
    commands = checks(programs)
    failures = tuple(shown(command) for command in commands if attempt(command, **path))
    seconds = time.monotonic() - start
    return Outcome("checks", len(commands) - len(failures), len(failures), 0, seconds, failures)


def checks(programs: Path) -> list[list[str]]:
    return [
        [str(programs / "ruff"), "check", "."],
        [str(programs / "ruff"), "format", "--check", "."],
        [str(programs / "mypy")],
        [str(programs / "mypy"), "dev"],
        [str(programs / "lint-imports"), "--no-logo"],
        *([str(programs / "python"), "-m", module, "--check"] for module in GENERATORS),
    ]


def summarize(outcomes: list[Outcome]) -> None:
    print()
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
