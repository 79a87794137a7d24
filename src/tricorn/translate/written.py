"""tricorn's options as they are written: on a command line, and in a TOML file."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Final

from tricorn.settings.errors import ConfigError
from tricorn.settings.option import Kind, Option
from tricorn.settings.options import BY_NAME
from tricorn.settings.values import convert
from tricorn.translate.errors import Untranslatable

_VARIABLE: Final = re.compile(r"\$\w|\$\{|\$\(")
# Safe for a shell beside what shlex says: variables, for which the shell is to look.
_PLAIN: Final = re.compile(r"[\w@%+=:,./${}()\[\]*-]+", re.ASCII)
_UNQUOTED: Final = re.compile(r"[^*()]+")


def has_variable(value: object) -> bool:
    """Whether a shell has to fill something in before tricorn can read it."""
    if isinstance(value, list | tuple):
        return any(has_variable(one) for one in value)
    return isinstance(value, str) and bool(_VARIABLE.search(value))


def checked(name: str, value: object, where: str) -> object:
    """The value of a tricorn option in its one form. Raises Untranslatable.

    Files aren't looked for: the command may be meant for another machine.
    """
    option = BY_NAME[name]
    if option.kind is Kind.FILE or has_variable(value):
        return value
    try:
        return convert(option, value, where)
    except ConfigError as error:
        raise Untranslatable(str(error)) from None


def quoted(word: str) -> str:
    """A word for a shell, in which variables stay variables."""
    if not has_variable(word):
        return shlex.quote(word)
    return word if _PLAIN.fullmatch(word) and _UNQUOTED.fullmatch(word) else f'"{word}"'


def arguments(options: Mapping[str, object]) -> list[str]:
    """The command line that says `options`."""
    return [word for name, value in options.items() for word in _words(BY_NAME[name], value)]


def _words(option: Option, value: object) -> list[str]:
    flag, _, negative = option.flags.partition("/")
    if option.kind is Kind.BOOLEAN and not option.valued:
        return [flag] if value else [negative] if negative else []
    if isinstance(value, list):
        return [word for one in value for word in _pair(flag, _text(option, one))]
    return _pair(flag, _text(option, value))


def _pair(flag: str, text: str) -> list[str]:
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _text(option: Option, value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ":".join(value)
    if option.kind is Kind.MODE and isinstance(value, int):
        return f"{value:03o}"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def toml(app: str | None, options: Mapping[str, object]) -> str:
    """The file that says `options`; what a shell has to fill in is left to the command line."""
    lines = [f"app = {_string(app)}"] if app else []
    for name, value in options.items():
        option = BY_NAME[name]
        if not option.in_sources:
            continue
        if has_variable(value):
            words = " ".join(map(quoted, _words(option, value)))
            lines.append(f"# on the command line: {words}")
        else:
            lines.append(f"{name} = {_toml_value(option, value)}")
    return "".join(line + "\n" for line in lines)


def left_to_line(options: Mapping[str, object]) -> dict[str, object]:
    """Those that a file can't say."""
    return {
        name: value
        for name, value in options.items()
        if has_variable(value) or not BY_NAME[name].in_sources
    }


def _toml_value(option: Option, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(_string(_text(option, one)) for one in value) + "]"
    if isinstance(value, int | float) and option.kind is not Kind.MODE:
        return _text(option, value)
    return _string(_text(option, value))


def _string(text: str) -> str:
    # TOML's basic strings are JSON's, but for DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
