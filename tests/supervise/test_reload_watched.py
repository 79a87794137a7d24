"""Which files count under --reload."""

from __future__ import annotations

from pathlib import Path

import pytest

from tricorn.supervise.watched import Watched
from tricorn.supervise.watching import difference, snapshot


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("src/lib", "templates", ".hidden", "venv", "node_modules"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


@pytest.mark.parametrize(
    ("includes", "excludes", "path", "counts"),
    [
        ([], [], "main.py", True),
        ([], [], "src/lib/x.py", True),
        ([], [], "page.html", False),
        ([], [], ".x.py", False),
        ([], [], "~x.py", False),
        ([], [], ".hidden/x.py", False),
        ([], [], "node_modules/x/x.py", False),
        ([], [], "src/site-packages/x.py", False),
        (["*.html"], [], "templates/page.html", True),
        (["*.html"], ["templates"], "templates/page.html", False),
        (["*.html"], ["page*"], "templates/page.html", False),
        (["page.html"], ["page*"], "templates/page.html", True),
        ([".env"], [], ".env", True),
        ([".*"], [], ".anything", True),
        ([], ["*.py"], "main.py", False),
        (["*.html"], ["*.html"], "page.html", False),
    ],
)
def test_patterns(
    directory: Path, includes: list[str], excludes: list[str], path: str, counts: bool
) -> None:
    assert Watched([], includes, excludes).counts(directory / path) is counts


def test_directories_are_the_outermost(directory: Path) -> None:
    assert Watched().directories == [directory]
    assert Watched(["src", "src/lib"]).directories == [directory / "src"]
    assert Watched(["src"], ["templates"]).directories == [
        directory / "src",
        directory / "templates",
    ]
    assert Watched(["src", "templates"], [], ["templates"]).directories == [directory / "src"]


def test_a_directory_that_is_missing(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert Watched(["src", "absent"]).directories == [directory / "src"]
    assert Watched(["absent"]).directories == [directory]


def test_a_snapshot_sees_what_counts_and_enters_nothing_else(directory: Path) -> None:
    outside = directory / ".hidden" / "settings.toml"
    watched = Watched(files=[str(outside)])
    for name in ("main.py", "src/lib/x.py", ".hidden/x.py", "venv/x.py", "notes.txt"):
        (directory / name).write_text("1")
    before = snapshot(watched)
    assert set(before) == {directory / "main.py", directory / "src/lib/x.py"}
    outside.write_text("1")
    (directory / "main.py").write_text("22")
    (directory / "src/lib/x.py").unlink()
    changed = difference(before, snapshot(watched))
    assert changed == {outside, directory / "main.py", directory / "src/lib/x.py"}
