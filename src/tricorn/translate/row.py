"""What one option of another server is, and what it can become: the tables' record type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

Value = Any  # text from a command line; from a configuration file whatever it holds
Asked = Mapping[str, Value]  # all settings of the source that were given, by their names


class Became(NamedTuple):
    """tricorn options, by name, that do the same. `note` says what differs."""

    options: Mapping[str, object]
    note: str = ""


class Surroundings(NamedTuple):
    """What a setting becomes outside of tricorn's options."""

    note: str
    environment: Mapping[str, str] = {}
    directory: str = ""  # to start in


class Anyway(NamedTuple):
    """Nothing is to be done: tricorn does so anyway, or has nothing of the kind to be set."""

    note: str


class Missing(NamedTuple):
    """tricorn alone can't do that; the note says what to do instead."""

    note: str


Outcome = Became | Surroundings | Anyway | Missing
Turn = Callable[[Value, Asked], Outcome]


class Takes(Enum):
    """What follows the flag on the command line."""

    VALUE = "a value"
    NOTHING = "nothing"
    OPTIONAL = "a value or nothing"


@dataclass(frozen=True, slots=True)
class Row:
    """One option of a source program. `to` and `note` are for readers of the table."""

    name: str  # what the program itself calls it, as in its configuration file
    flags: tuple[str, ...]  # none: only a configuration file gives it
    turn: Turn
    to: tuple[str, ...] = ()
    note: str = ""
    takes: Takes = Takes.VALUE
    off: tuple[str, ...] = ()  # flags that mean false
    many: bool = False  # may be repeated
    means: Value = True  # what the flag alone means
    fate: str = ""  # where it becomes no option: `anyway`, `none`, or `around` the command

    @property
    def shown(self) -> str:
        """Its longest flag, or its name where it has none."""
        return max(self.flags, key=len) if self.flags else self.name


class Default(NamedTuple):
    """Where the program's own default differs from tricorn's.

    It counts where none of the settings `names` is given. `options` keep the program's way
    where the difference would surprise; without any, the note alone says it.
    """

    names: tuple[str, ...]
    note: str
    options: Mapping[str, object] = {}
    when: Callable[[Asked], bool] = lambda asked: True


def becomes(name: str, *flags: str, to: str = "", note: str = "", **more: Any) -> Row:
    """The same under another name: the value stays as it is."""
    option = to or name

    def turn(value: Value, asked: Asked) -> Outcome:
        return Became({option: value}, note)

    return Row(name, flags, turn, (option,), note, **more)


def by(turn: Turn, name: str, *flags: str, to: tuple[str, ...], note: str = "", **more: Any) -> Row:
    """What depends on the value, or on other settings."""
    fate = "" if to else "around"
    return Row(name, flags, turn, to, note, **{"fate": fate, **more})


def anyway(name: str, *flags: str, note: str, **more: Any) -> Row:
    return Row(name, flags, lambda value, asked: Anyway(note), (), note, fate="anyway", **more)


def missing(name: str, *flags: str, note: str, **more: Any) -> Row:
    return Row(name, flags, lambda value, asked: Missing(note), (), note, fate="none", **more)
