"""The tables in docs/deployment/moving-from-….md are what the translation tables say."""

import re
import shutil
from pathlib import Path

import pytest

from tests.support.pages import ROOT
from tricorn.translate.reference import FOLDER, PAGES, filled, main
from tricorn.translate.translation import SOURCES


def test_the_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], ROOT / FOLDER) == 0, capsys.readouterr().err


def test_each_program_is_on_a_page() -> None:
    assert sorted(name for names in PAGES.values() for name in names) == sorted(SOURCES)


def test_every_row_of_a_table_has_as_many_cells() -> None:
    for page in PAGES:
        text = (ROOT / FOLDER / page).read_text()
        tables = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        assert tables
        for table in tables:
            widths = {len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(widths) == 1, table
            assert all(row.count("`") % 2 == 0 for row in table.splitlines())


def test_links_in_tables_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([\w./-]+\.md)", (ROOT / FOLDER / page).read_text()):
            assert (ROOT / FOLDER / target).resolve().is_file(), f"{page}: {target}"


def test_check_compares_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for page in PAGES:
        shutil.copy(ROOT / FOLDER / page, tmp_path / page)
    stale = tmp_path / "moving-from-granian.md"
    changed = stale.read_text().replace("| `--workers` | `--workers` |", "| `--workers` | no |")
    assert changed != stale.read_text()
    stale.write_text(changed)
    assert main(["--check"], tmp_path) == 1
    assert "moving-from-granian.md: out of date" in capsys.readouterr().err
    assert stale.read_text() == changed
    assert main([], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0


def test_a_page_needs_its_place() -> None:
    with pytest.raises(ValueError, match="no place for the table of granian"):
        filled("# A page\n", ("granian",))


def test_other_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err
