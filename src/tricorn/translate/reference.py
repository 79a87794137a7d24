"""The option tables of docs/deployment/moving-from-….md, from the translation tables.

`python -m tricorn.translate.reference` writes them into the pages, between two comments; with
`--check` it compares, and exits with 1 when a page is out of date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from tricorn.settings.options import BY_NAME
from tricorn.settings.reference import as_code
from tricorn.translate.row import Row
from tricorn.translate.source import Source
from tricorn.translate.translation import SOURCES

FOLDER: Final = Path("docs", "deployment")
PAGES: Final = {
    "moving-from-uvicorn.md": ("uvicorn",),
    "moving-from-gunicorn.md": ("gunicorn",),
    "moving-from-hypercorn.md": ("hypercorn", "daphne"),
    "moving-from-granian.md": ("granian",),
}
_BEGIN: Final = "<!-- Made by `python -m tricorn.translate.reference`: {} -->\n"
_END: Final = "<!-- Made until here -->\n"
_HEAD: Final = "| {} | tricorn | |\n|---|---|---|\n"


def filled(text: str, names: tuple[str, ...]) -> str:
    """A page with its tables as they should be. Raises ValueError where there is no place."""
    for name in names:
        begin = _BEGIN.format(name)
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(_END)
        if not found or not ended:
            raise ValueError(f"the page has no place for the table of {name}")
        text = before + begin + table(SOURCES[name]) + _END + after
    return text


def table(source: Source) -> str:
    """What each option becomes. Of Uvicorn's, which keep their names, those that differ."""
    rows = [row for row in source.rows if source.name != "uvicorn" or row.note]
    return "\n" + _HEAD.format(source.title) + "".join(map(_line, rows)) + "\n"


def _line(row: Row) -> str:
    names = [*row.flags, *row.off] or [row.name]
    theirs = " ".join(f"`{name}`" for name in names) + ("" if row.flags else " (file)")
    cells = [theirs, _ours(row), _as_code(row.note)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _ours(row: Row) -> str:
    if row.to:
        return " ".join(f"`{BY_NAME[name].positive_flag}`" for name in row.to)
    return {"none": "none", "anyway": "needs nothing", "around": ""}[row.fate]


def _as_code(text: str) -> str:
    """Flags as code, where they aren't in code already, and pages as links."""
    text = re.sub(r"docs/deployment/([\w-]+)\.md", r"[\1](\1.md)", text)
    text = re.sub(r"docs/([\w-]+)\.md", r"[\1](../\1.md)", text)
    parts = text.split("`")
    return "`".join(as_code(part) if place % 2 == 0 else part for place, part in enumerate(parts))


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Write the tables into the pages, or with `--check` compare them; the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m tricorn.translate.reference [--check]", file=sys.stderr)
        return 2
    stale = []
    for name, sources in PAGES.items():
        page = folder / name
        text = page.read_text()
        new = filled(text, sources)
        if new != text:
            stale.append(str(page))
        if not arguments:
            page.write_text(new)
    if arguments and stale:
        told = ", ".join(stale)
        print(f"{told}: out of date; run: python -m tricorn.translate.reference", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
