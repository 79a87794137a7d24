"""From what was given to the value an option keeps, or one line on what is accepted.

`convert` takes text (command line, environment) as well as native values (Python,
TOML) and is idempotent: a converted value converts to itself.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tricorn.settings.cpus import usable_cpus
from tricorn.settings.errors import ConfigError
from tricorn.settings.option import Kind, Option
from tricorn.settings.options import DEFAULT_LOG_CONFIG

TRUE: Final = frozenset({"1", "true", "t", "yes", "y", "on"})
FALSE: Final = frozenset({"0", "false", "f", "no", "n", "off"})

_SHOWN: Final = 80
# Compiled, limits are numbers of 64 bits, and some have others added to them.
_LARGEST: Final = 10**18
_OCTAL: Final = re.compile(r"(?:0o)?[0-7]{1,4}", re.ASCII)
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110, 5.6.2
_FIELD_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, 5.5
_ADDRESS_LIKE: Final = re.compile(r"[0-9.]+|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(%.+)?|.*/.*")
# RFC 6797, 6.1: directives that are a token, or a token and its value.
_MAX_AGE: Final = re.compile(r'max-age\s*=\s*(?:[0-9]{1,10}|"[0-9]{1,10}")', re.I | re.A)
_DIRECTIVE: Final = re.compile(r"[a-z][a-z-]*", re.I | re.A)
_TWO_YEARS: Final = 63072000  # seconds
_OWNER: Final = re.compile(r"[^:\s]+(?::[^:\s]+)?|:[^:\s]+")


class Unacceptable(ValueError):
    """The message completes `is not ...`; `value` is the part at fault, if not the whole."""

    def __init__(self, accepted: str, value: object = None) -> None:
        super().__init__(accepted)
        self.value = value


class _Unusable(ValueError):
    """The message says all there is to say about the value."""


def convert(option: Option, raw: object, where: str) -> object:
    """The value of `option` for `raw`, which came from `where`.

    Raises ConfigError naming `where`, the value and what is accepted.
    """
    if raw is None and (option.nullable or option.default is None):
        return None
    try:
        return _CONVERTERS[option.kind](option, raw)
    except _Unusable as error:
        raise ConfigError(f"{where}: {error}") from None
    except Unacceptable as error:
        value = raw if error.value is None else error.value
        raise ConfigError(f"{where}: {shown(option, value)} is not {error}") from None


def shown(option: Option, value: object) -> str:
    """`value` for a message: short, on one line, and never a secret."""
    if option.secret:
        return "the value"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _text(option: Option, raw: object) -> object:
    text = _path_text(raw)
    if not isinstance(text, str) or "\0" in text:
        raise Unacceptable("text")
    if not text and option.nullable:
        return None
    if option.name == "uds_owner" and not _OWNER.fullmatch(text):
        raise Unacceptable("a user, user:group or :group")
    return text


def _path_text(raw: object) -> object:
    return os.fspath(raw) if isinstance(raw, os.PathLike) else raw


def _is_none(option: Option, raw: object) -> bool:
    return option.nullable and isinstance(raw, str) and raw.strip().lower() == "none"


def _bounds(option: Option) -> str:
    text = ""
    if option.least is not None and option.most is not None:
        text = f" from {option.least:g} to {int(option.most)}"
    elif option.least is not None:
        text = f" of at least {option.least:g}"
    return text + (", or none" if option.nullable else "")


def _within(option: Option, number: float) -> bool:
    return (option.least is None or number >= option.least) and (
        option.most is None or number <= option.most
    )


def _number(option: Option, raw: object) -> object:
    accepted = "a whole number" + _bounds(option)
    if _is_none(option, raw):
        return None
    number = raw
    if isinstance(raw, str):
        try:
            number = int(raw)
        except ValueError:
            raise Unacceptable(accepted + _kubernetes(option, raw)) from None
    if not isinstance(number, int) or isinstance(number, bool) or not _within(option, number):
        raise Unacceptable(accepted)
    if number > _LARGEST:
        raise Unacceptable("a whole number of at most 10^18")
    return number


def _workers(option: Option, raw: object) -> object:
    if raw == "auto":
        return usable_cpus()
    try:
        return _number(option, raw)
    except Unacceptable as error:
        raise Unacceptable(f"auto or {error}") from None


def _kubernetes(option: Option, raw: str) -> str:
    if option.name == "port" and raw.startswith("tcp://"):
        return (
            " (Kubernetes sets such variables for a service of that name; see enableServiceLinks)"
        )
    return ""


def _seconds(option: Option, raw: object) -> object:
    accepted = "a number of seconds" + _bounds(option)
    if _is_none(option, raw):
        return None
    number = raw
    if isinstance(raw, str):
        try:
            number = float(raw)
        except ValueError:
            raise Unacceptable(accepted) from None
        number = int(number) if number.is_integer() else number
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise Unacceptable(accepted)
    if not math.isfinite(number) or not _within(option, number):
        raise Unacceptable(accepted)
    return number


def _boolean(option: Option, raw: object) -> object:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int) and raw in (0, 1):
        return bool(raw)
    word = raw.strip().lower() if isinstance(raw, str) else ""
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unacceptable("true or false (also 1, 0, yes, no, on, off)")


def _choice(option: Option, raw: object) -> object:
    if option.bare and raw not in option.choices:
        try:
            return option.bare if _boolean(option, raw) else "off"
        except Unacceptable:
            pass
    if not isinstance(raw, str) or raw not in option.choices:
        raise Unacceptable("one of " + ", ".join(option.choices))
    return raw


def _name(option: Option, raw: object) -> object:
    if not isinstance(raw, str):
        return raw  # a class, or a loop object: programs hand these in
    module, _, attribute = raw.partition(":")
    if raw not in option.choices and not (module and attribute):
        raise Unacceptable(f"one of {', '.join(option.choices)}, or module:attribute")
    return raw


def _list(option: Option, raw: object) -> object:
    items = [raw] if isinstance(raw, str | os.PathLike) else raw
    if not isinstance(items, Iterable) or isinstance(items, Mapping | bytes):
        raise Unacceptable("a list of texts")
    texts = [_path_text(item) for item in items]
    for text in texts:
        if not isinstance(text, str) or not text:
            raise Unacceptable("a text that says something", text)
        if option.name == "bind":
            _check_bind(text)
    return [_listed(option, text) for text in texts] or None


def _listed(option: Option, text: object) -> object:
    """An item of a list in its one form: field names have no case."""
    if not option.choices:
        return text
    word = str(text).strip().lower()
    if word not in option.choices:
        raise Unacceptable("one of " + ", ".join(option.choices), text)
    return word


def _check_bind(text: str) -> None:
    from tricorn.net.address import parse_bind

    try:
        parse_bind(text)
    except ValueError as error:
        raise _Unusable(str(error)) from None


def _file(option: Option, raw: object) -> object:
    raw = _path_text(raw)
    if option.name == "log_config" and (not isinstance(raw, str) or raw == DEFAULT_LOG_CONFIG):
        return raw  # a dict, a ConfigParser or an open file: `watch` judges those
    if not isinstance(raw, str) or not raw or not os.path.exists(raw) or os.path.isdir(raw):
        raise Unacceptable("a file that exists")
    return raw


def _mode(option: Option, raw: object) -> object:
    if _is_none(option, raw):
        return None
    number = raw
    if isinstance(raw, str) and _OCTAL.fullmatch(raw.strip()):
        number = int(raw, 8)
    if not isinstance(number, int) or isinstance(number, bool) or not _within(option, number):
        raise Unacceptable("permissions in octal, such as 660")
    return number


def _level(option: Option, raw: object) -> object:
    if isinstance(raw, str):
        word = raw.strip().lower()
        if word in option.choices:
            return word
        raw = int(word) if word.isdecimal() else raw
    if not isinstance(raw, int) or isinstance(raw, bool) or raw < 0:
        raise Unacceptable(f"one of {', '.join(option.choices)}, or a number")
    return raw


def _peers(option: Option, raw: object) -> object:
    if isinstance(raw, str):
        entries: list[object] = [*raw.split(",")]
    elif isinstance(raw, Iterable) and not isinstance(raw, Mapping | bytes):
        entries = list(raw)
        raw = entries
    else:
        raise Unacceptable("a list of addresses and networks")
    words = {_peer(entry) for entry in entries} - {""}
    if "*" in words and len(words) > 1:
        raise _Unusable("`*` trusts everyone, so it must stand alone")
    return raw


def _peer(entry: object) -> str:
    accepted = "an address, a network such as 10.0.0.0/8, `unix` or `*`"
    if not isinstance(entry, str):
        raise Unacceptable(accepted, entry)
    text = entry.strip()
    # Other words are names that a peer may carry, such as a test client's. What looks like an
    # address must be one: taken for a name it would silently trust nobody.
    if text.startswith(("/", "unix:")) or not _ADDRESS_LIKE.fullmatch(text):
        return text
    from ipaddress import ip_address, ip_network

    try:
        ip_network(text) if "/" in text else ip_address(text)
    except ValueError as error:
        raise Unacceptable(f"{accepted} ({error})", text) from None
    return text


def _fields(option: Option, raw: object) -> object:
    if isinstance(raw, str):
        items: list[object] = [raw]
    elif isinstance(raw, Mapping):
        items = [*raw.items()]
    elif isinstance(raw, Iterable) and not isinstance(raw, bytes):
        items = list(raw)
    else:
        raise Unacceptable("a list of Name:Value")
    return [_field(item) for item in items]


def _field(item: object) -> tuple[str, str]:
    parts: object = item
    if isinstance(item, str):
        parts = item.split(":", 1)
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise Unacceptable("a field as Name:Value", item)
    name, value = parts
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        raise Unacceptable("a field as Name:Value, with a name of letters, digits and -", item)
    if not isinstance(value, str) or not _FIELD_VALUE.fullmatch(value):
        raise Unacceptable("a field as Name:Value, without control characters", item)
    return name, value.strip(" \t")


def _hsts(option: Option, raw: object) -> object:
    accepted = "a number of seconds, or a value such as `max-age=31536000; includeSubDomains`"
    if _is_none(option, raw) or raw is False:
        return None
    if raw is True or (isinstance(raw, str) and raw.strip().lower() in TRUE - {"1"}):
        raw = _TWO_YEARS
    if isinstance(raw, str) and raw.isascii() and raw.strip().isdigit():
        raw = int(raw)
    if isinstance(raw, int):
        if not 0 <= raw < 10**10:
            raise Unacceptable(accepted)
        return f"max-age={raw}"
    if not isinstance(raw, str):
        raise Unacceptable(accepted)
    parts = [part.strip() for part in raw.split(";")]
    ages = [part for part in parts if _MAX_AGE.fullmatch(part)]
    if len(ages) != 1 or not all(_DIRECTIVE.fullmatch(part) for part in parts if part not in ages):
        raise Unacceptable(accepted)
    return "; ".join(parts)


def _object(option: Option, raw: object) -> object:
    if option.name != "app" and not callable(raw):
        raise Unacceptable("something to call")
    return raw


_CONVERTERS: Final[dict[Kind, Callable[[Option, object], object]]] = {
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.SECONDS: _seconds,
    Kind.BOOLEAN: _boolean,
    Kind.CHOICE: _choice,
    Kind.NAME: _name,
    Kind.LIST: _list,
    Kind.FILE: _file,
    Kind.MODE: _mode,
    Kind.LEVEL: _level,
    Kind.PEERS: _peers,
    Kind.FIELDS: _fields,
    Kind.WORKERS: _workers,
    Kind.HSTS: _hsts,
    Kind.OBJECT: _object,
}
