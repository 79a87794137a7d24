"""Reads a source program's arguments by its table of options."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from tricorn.translate.errors import Untranslatable
from tricorn.translate.row import Row, Takes, Value


class Setting(NamedTuple):
    """A setting that was given: as what, and how it was written there."""

    row: Row
    value: Value
    shown: str
    place: str = ""  # a file or variable; empty: the command line


class Reader:
    """The command line of one program.

    `abbreviates`: a flag may be shortened as long as it is the only one that begins so, as
    argparse has it and click hasn't.
    """

    def __init__(self, program: str, rows: Sequence[Row], abbreviates: bool) -> None:
        self.program = program
        self.abbreviates = abbreviates
        self._flags = {flag: (row, row.means) for row in rows for flag in row.flags}
        self._flags |= {flag: (row, False) for row in rows for flag in row.off}

    def read(self, args: Sequence[str], place: str = "") -> tuple[list[Setting], list[str]]:
        """The settings in their order, those of a repeated one in one, and what is no option.

        Raises Untranslatable.
        """
        settings: dict[str, Setting] = {}
        rest: list[str] = []
        remaining = deque(args)
        while remaining:
            arg = remaining.popleft()
            if arg == "--":
                rest += remaining
                break
            elif arg.startswith("-") and arg != "-":
                _merge(settings, self._setting(arg, remaining, place))
            else:
                rest.append(arg)
        return list(settings.values()), rest

    def _setting(self, arg: str, remaining: deque[str], place: str) -> Setting:
        name, equals, value = arg.partition("=")
        if not arg.startswith("--") and arg[:2] in self._flags and len(arg) > 2:
            name, equals, value = arg[:2], "=", arg[2:].removeprefix("=")
        flag = self._whole(name)
        row, means = self._flags[flag]
        if row.takes is Takes.NOTHING or flag in row.off:
            if equals:
                raise Untranslatable(f"{self.program}'s {name} takes no value; {arg!r} gives one")
            return Setting(row, means, name, place)
        if not equals:
            if row.takes is Takes.OPTIONAL and (not remaining or remaining[0].startswith("-")):
                return Setting(row, means, name, place)
            if not remaining:
                raise Untranslatable(f"{self.program}'s {name} needs a value")
            value = remaining.popleft()
            arg = f"{name} {value}"
        return Setting(row, value, arg, place)

    def _whole(self, name: str) -> str:
        """The flag that `name` is, or is short for."""
        if name in self._flags:
            return name
        begins = [flag for flag in self._flags if flag.startswith(name)]
        if self.abbreviates and name.startswith("--") and begins:
            if len(begins) == 1:
                return begins[0]
            choices = " or ".join(sorted(begins, key=len))
            raise Untranslatable(f"{self.program}'s {name} may be {choices}; write it out")
        near = get_close_matches(name, self._flags, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise Untranslatable(f"{self.program} has no option {name}{hint}")


def _merge(settings: dict[str, Setting], new: Setting) -> None:
    """The last one counts, and where all count they become a list."""
    name = new.row.name
    old = settings.pop(name, None)
    if new.row.many:
        values = [*(old.value if old else []), new.value]
        shown = f"{old.shown} {new.shown}" if old else new.shown
        new = new._replace(value=values, shown=shown)
    settings[name] = new
