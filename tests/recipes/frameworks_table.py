"""The table of docs/frameworks.md, from what the tests of `test_frameworks.py` have seen.

`python -m tests.recipes.frameworks_table` runs them and writes it. In every other run each of
them holds its cell of the page against what it has seen; versions are left alone.
"""

import re
import sys
from importlib.metadata import version

import pytest

from tests.recipes.frameworks import FRAMEWORKS
from tests.support.pages import ROOT

PAGE = ROOT / "docs" / "frameworks.md"
COLUMNS = ("HTTP/1.1", "HTTP/2", "streaming", "WebSocket", "WebSocket, HTTP/2")
SEEN = "seen"  # the property of a test's report: framework, column, what came of it
YES, NONE, NO = "yes", "-", "no"  # NONE: the framework has nothing of the kind
_TABLE = re.compile(r"^\| framework .*\n(?:\|.*\n)+", re.MULTILINE)


def cells() -> dict[tuple[str, str], str]:
    """What the page says, by framework and column."""
    found = _TABLE.search(PAGE.read_text())
    assert found, f"{PAGE} has no table of frameworks"
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in found[0].splitlines()]
    titles = rows[0]
    return {
        (row[0], title): cell
        for row in rows[2:]
        for title, cell in zip(titles[1:], row[1:], strict=True)
    }


def table(seen: dict[tuple[str, str], str]) -> str:
    lines = [("framework", "version", *COLUMNS), ("---",) * (len(COLUMNS) + 2)]
    lines += [
        (
            one.title,
            version(one.distribution),
            *(seen[one.title, column] for column in COLUMNS),
        )
        for one in FRAMEWORKS
    ]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


class Collector:
    """A pytest plugin: gathers what the tests have seen."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == SEEN:
                framework, column, cell = value
                self.seen[framework, column] = cell


def main() -> int:
    """Run the tests and write the table. The exit code is 1 where one of them saw nothing."""
    collector = Collector()
    test = str(PAGE.parent.parent / "tests" / "recipes" / "test_frameworks.py")
    # Those whose cell changes fail; the table says what they saw.
    pytest.main(["-q", "-p", "no:cacheprovider", "--tb=no", "--no-summary", test], [collector])
    wanted = {(one.title, column) for one in FRAMEWORKS for column in COLUMNS}
    if missing := wanted - set(collector.seen):
        print(f"nothing was seen of {sorted(missing)}", file=sys.stderr)
        return 1
    for framework, column in [cell for cell, said in collector.seen.items() if said == NO]:
        print(f"{framework}, {column}: failed", file=sys.stderr)
    text = PAGE.read_text()
    PAGE.write_text(_TABLE.sub(lambda _: table(collector.seen), text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
