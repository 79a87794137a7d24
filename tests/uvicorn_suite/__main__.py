"""Runs Uvicorn's tests against the shim, and compares with what is known to pass.

`passing.txt` has those. A test in it that fails is a regression; one that passes and isn't in it
is reported, and recorded with --record.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from tests.uvicorn_suite.selection import DESELECTED, LEFT_OUT, SELECTED, VERSION

ROOT = Path(__file__).parents[2]
PASSING = Path(__file__).with_name("passing.txt")
# Theirs take ports in an order of their own, so few run side by side; and none may hang.
PYTEST = ["-o", "addopts=", "-q", "-n", "2", "--timeout", "30", "-p", "no:cacheprovider"]
# A test that fails once may have been too slow for its own sleeps.
ATTEMPTS = 3


def fetch(folder: Path) -> Path:
    """Downloads the source archive, and unpacks the tests alone: not the package beside them."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q"]
    wanted = ["--no-deps", "--no-binary", "uvicorn", f"uvicorn=={VERSION}"]
    subprocess.run([*command, *wanted, "-d", str(folder)], check=True)
    (archive,) = folder.glob("uvicorn-*.tar.gz")
    top = f"uvicorn-{VERSION}"
    with tarfile.open(archive) as opened:
        names = (f"{top}/tests/", f"{top}/pyproject.toml")
        members = [one for one in opened.getmembers() if one.name.startswith(names)]
        opened.extractall(folder, members, filter="data")
    return folder / top


def run(place: Path, tests: list[str]) -> dict[str, str]:
    """Runs tests; returns the outcome of each by its name."""
    report = place / "report.xml"
    report.unlink(missing_ok=True)
    path = os.pathsep.join([str(ROOT / "shim"), *os.environ.get("PYTHONPATH", "").split()])
    command = [sys.executable, "-m", "pytest", *PYTEST, "--junitxml", str(report), *tests]
    command += [f"--deselect={name}" for name in DESELECTED]
    env = {**os.environ, "PYTHONPATH": path}
    code = subprocess.run(command, cwd=place, env=env, timeout=1800).returncode
    if code not in (0, 1):
        sys.exit(f"uvicorn-suite: pytest ended with {code}")
    return outcomes(report)


def outcomes(report: Path) -> dict[str, str]:
    """What pytest says of each test: passed, failed or skipped."""
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        # An error is reported beside the outcome of the test itself.
        outcome = "failed" if kinds & {"failure", "error"} else "passed"
        outcome = "skipped" if "skipped" in kinds else outcome
        name = f"{case.get('classname')}::{case.get('name')}"
        found[name] = "failed" if "failed" in (outcome, found.get(name)) else outcome
    return found


def file_of(name: str) -> str:
    return name.partition("::")[0].replace(".", "/") + ".py"


def again(place: Path, names: set[str]) -> set[str]:
    """Which of these pass when their files run again."""
    files = sorted({file_of(name) for name in names})
    found = run(place, files)
    return {name for name in names if found.get(name) == "passed"}


def judge(place: Path, record: bool) -> int:
    found = run(place, list(SELECTED))
    passed = {name for name, outcome in found.items() if outcome == "passed"}
    known = set(PASSING.read_text().splitlines()) if PASSING.exists() else set()
    for _ in range(ATTEMPTS - 1):
        missing = known - passed
        if missing and not record:
            passed |= again(place, missing)
    count = Counter(found.values())
    print(f"\nOf {count.total()} tests {len(passed)} pass, {count['skipped']} are skipped.")
    for file, why in (LEFT_OUT | DESELECTED).items():
        print(f"Not run: {file}, it {why}")
    if record:
        PASSING.write_text("".join(f"{name}\n" for name in sorted(passed)))
        return 0
    for name in sorted(passed - known):
        print("passes now, record it with --record:", name)
    for name in sorted(known - passed):
        print("FAILED:", name)
    return 1 if known - passed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev uvicorn-suite", description=__doc__)
    parser.add_argument("--record", action="store_true", help="take what passes now as expected")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="uvicorn-suite-"))
    try:
        return judge(fetch(folder), chosen.record)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
