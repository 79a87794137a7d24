"""A translation, printed."""

from __future__ import annotations

import textwrap

from tricorn.translate.translation import Translation
from tricorn.translate.written import arguments, left_to_line, quoted, toml

WIDTH = 100
_MOST = 44  # columns for what was given; longer ones have a line of their own


def command(made: Translation, file: str = "") -> str:
    """The command line, or with a `file` that has its options, the rest of it."""
    line = made.line
    words = [f"{name}={quoted(value)}" for name, value in made.environment.items()]
    words += [*map(quoted, line.before), quoted(line.folder + "tricorn")]
    if file:
        words += ["--config", quoted(file), *map(quoted, arguments(left_to_line(made.options)))]
    else:
        words += [quoted(made.app or "APP"), *map(quoted, arguments(made.options))]
    start = f"cd {quoted(made.directory)} && " if made.directory else ""
    return start + " ".join(words)


def file(made: Translation) -> str:
    """The content of tricorn.toml."""
    return toml(made.app, made.options)


def text(made: Translation, written: str = "") -> str:
    """All of it, for people. `written` is the file that has been made."""
    parts = [_told(made), _list("Remarks", made.remarks)]
    parts.append(_list(f"Where tricorn's defaults differ from {made.source.title}'s",
                       made.differences))  # fmt: skip
    if written:
        parts.append(f"{written} has been written. The command\n\n  {command(made, written)}\n")
    else:
        indented = textwrap.indent(file(made), "  ")
        parts.append(f"As tricorn.toml\n\n{indented}")
        parts.append(f"As a command\n\n  {command(made)}\n")
    return "\n".join(part for part in parts if part)


def losses(made: Translation) -> list[str]:
    """A line for each setting that has no equivalent."""
    return [f"{told.shown} has no equivalent: {told.note}" for told in made.told if told.is_missing]


def _told(made: Translation) -> str:
    if not made.told:
        return ""
    width = min(max(len(told.shown) for told in made.told), _MOST)
    lines = ["What became of each option", ""]
    place = ""
    for told in made.told:
        if told.place != place:
            place = told.place
            lines.append(f"  in {place}:" if place else "  on the command line:")
        shown = told.shown
        if len(shown) > _MOST:
            lines.append(f"  {shown}")
            shown = ""
        lines.append(f"  {shown:{width}}  {told.became}".rstrip())
        lines += _wrapped(told.note, " " * 6)
    return "\n".join(lines) + "\n"


def _list(title: str, notes: list[str]) -> str:
    if not notes:
        return ""
    lines = [line for note in notes for line in _wrapped(note, "    ", "  - ")]
    return "\n".join([title, "", *lines, ""])


def _wrapped(note: str, indent: str, first: str | None = None) -> list[str]:
    return textwrap.wrap(
        note,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
