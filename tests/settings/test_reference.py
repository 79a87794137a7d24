"""docs/options.md is what the table says."""

import re
from pathlib import Path

import pytest

from tricorn.settings.options import OPTIONS
from tricorn.settings.reference import main, page

DOCUMENT = Path(__file__).parents[2] / "docs" / "options.md"


def test_the_page_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == page()


def test_each_option_is_there() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| ")]
    for option in OPTIONS:
        name = f"| `{option.positive_flag}`" if option.on_command_line else f"|  | `{option.name}`"
        assert sum(row.startswith((name + " ", name + "<")) for row in rows) == 1, option.name


def test_every_row_of_a_table_has_as_many_cells() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", page(), re.MULTILINE):
        widths = {len(re.split(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1, table


def test_check_compares_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "options.md"
    assert main(["--check"], path) == 1
    assert "out of date" in capsys.readouterr().err
    assert not path.exists()
    assert main([], path) == 0
    assert main(["--check"], path) == 0
    path.write_text(page() + "x")
    assert main(["--check"], path) == 1


def test_other_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err
