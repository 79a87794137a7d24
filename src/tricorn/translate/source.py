"""A program whose commands are translated: its table, and what isn't in a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tricorn.translate.reader import Reader, Setting
from tricorn.translate.row import Asked, Default, Row


class Application(NamedTuple):
    """The app as tricorn is told of it, with the options that it needs."""

    name: str
    options: Mapping[str, object] = {}
    note: str = ""


def as_it_is(text: str, asked: Asked) -> Application:
    """For programs that name it as tricorn does."""
    return Application(text)


class FromFiles(NamedTuple):
    """What configuration files and the environment say, the weakest first."""

    settings: Sequence[Setting] = ()
    remarks: Sequence[str] = ()


def no_files(given: Sequence[Setting], environment: Mapping[str, str]) -> FromFiles:
    """For programs without any."""
    return FromFiles()


@dataclass(frozen=True, slots=True)
class Source:
    """One server program.

    `version` is the one its table was made from. `application` reads the app's name, `more` what
    files and variables say. `ignores` are variables that tricorn heeds and the program doesn't.
    """

    name: str
    title: str
    version: str
    rows: tuple[Row, ...]
    defaults: tuple[Default, ...]
    application: Callable[[str, Asked], Application] = as_it_is
    more: Callable[[Sequence[Setting], Mapping[str, str]], FromFiles] = no_files
    abbreviates: bool = False
    ignores: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()  # beginnings of variables that are translated, and so not kept

    @property
    def by_name(self) -> dict[str, Row]:
        return {row.name: row for row in self.rows}

    @property
    def reader(self) -> Reader:
        return Reader(self.title, self.rows, self.abbreviates)
