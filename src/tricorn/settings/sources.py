"""Defaults < config file < environment < command line, and where each value came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from tricorn.settings.environment import counts, from_environment, load_env_file
from tricorn.settings.files import read_file
from tricorn.settings.option import Option
from tricorn.settings.options import BY_NAME, OPTIONS
from tricorn.settings.rules import EXCLUSIVE, WHERE_TO_LISTEN, contradiction
from tricorn.settings.values import convert


class Rank(IntEnum):
    """The sources, weakest first."""

    DEFAULT = 0
    FILE = 1
    ENVIRONMENT = 2
    LINE = 3


@dataclass(frozen=True, slots=True)
class Given:
    """An option's value, the source it came from, and how to call the place in messages."""

    value: object
    rank: Rank
    where: str

    @property
    def origin(self) -> str:
        """The place, for a reader who sees no context."""
        return f"command line ({self.where})" if self.rank is Rank.LINE else self.where


def resolve(line: Mapping[str, object], directory: str = ".") -> dict[str, Given]:
    """The value of each option, by name, and where it came from.

    `line` holds what the command line gave, by option name; `directory` is where
    pyproject.toml is looked for. Reads os.environ, and adds the env file's variables to it.
    Raises ConfigError.
    """
    given = {option.name: Given(option.default, Rank.DEFAULT, "default") for option in OPTIONS}
    for name, raw in line.items():
        given[name] = _from_line(BY_NAME[name], raw)
    config = given["config"].value
    stronger = {name for name, value in given.items() if value.rank is Rank.LINE}
    given |= _from_file(config if isinstance(config, str) else None, directory, stronger)
    given |= _from_variables(stronger)
    added = _add_env_file(given, stronger)
    _honour_port(given, added)
    _settle_listening(given)
    return given


def _from_line(option: Option, raw: object) -> Given:
    where = option.positive_flag
    return Given(convert(option, raw, where), Rank.LINE, where)


def _from_file(path: str | None, directory: str, stronger: set[str]) -> dict[str, Given]:
    raw, file = read_file(path, directory)
    values = {}
    for name, value in raw.items():
        where = f"{name} in {file}"
        # A value that a stronger source replaces must be sound all the same: it is a mistake
        # waiting for the day that the stronger one is gone.
        converted = convert(BY_NAME[name], value, where)
        if name not in stronger:
            values[name] = Given(converted, Rank.FILE, where)
    return values


def _from_variables(stronger: set[str]) -> dict[str, Given]:
    values = {}
    for option in OPTIONS:
        found = from_environment(option, os.environ)
        if found is not None and option.name not in stronger:
            values[option.name] = _from_variable(option, *found, "the environment")
    return values


def _from_variable(option: Option, raw: object, variable: str, place: str) -> Given:
    where = f"{variable} in {place}"
    return Given(convert(option, raw, where), Rank.ENVIRONMENT, where)


def _add_env_file(given: dict[str, Given], stronger: set[str]) -> dict[str, str]:
    """Load the env file, and give the variables it added with the place to name for them."""
    path = given["env_file"].value
    if not isinstance(path, str):
        return {}
    added = dict.fromkeys(load_env_file(path, given["env_file"].where), path)
    for option in OPTIONS:
        for variable in option.env:
            text = os.environ.get(variable, "")
            # TRICORN_ and UVICORN_ variables, which beat this one, were taken already.
            weaker = given[option.name].rank < Rank.ENVIRONMENT and option.name not in stronger
            if variable in added and weaker and counts(option, variable, text):
                given[option.name] = _from_variable(option, text, variable, path)
    return added


def _honour_port(given: dict[str, Given], added: Mapping[str, str]) -> None:
    """PORT, as Heroku and its like set it, when nothing says where to listen."""
    text = os.environ.get("PORT", "")
    if not text or any(given[name].rank is not Rank.DEFAULT for name in WHERE_TO_LISTEN):
        return
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return  # systemd hands over the sockets
    place = added.get("PORT", "the environment")
    given["port"] = _from_variable(BY_NAME["port"], text, "PORT", place)
    given["host"] = Given("0.0.0.0", Rank.ENVIRONMENT, given["port"].where)


def _settle_listening(given: dict[str, Given]) -> None:
    """Between two that exclude each other the stronger source wins; within one it's an error."""
    for first, second in EXCLUSIVE:
        pair = sorted((first, second), key=lambda name: given[name].rank)
        weaker, stronger = given[pair[0]], given[pair[1]]
        if weaker.rank is Rank.DEFAULT or weaker.value is None or stronger.value is None:
            continue
        if weaker.rank is stronger.rank:
            places = {name: given[name].where for name in pair}
            raise contradiction(first, second, "where to listen").at(places)
        replaced = f"default ({stronger.where} replaces {weaker.where})"
        given[pair[0]] = Given(BY_NAME[pair[0]].default, Rank.DEFAULT, replaced)
