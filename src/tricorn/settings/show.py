"""What `--show-config` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tricorn.settings.option import Kind, Option
from tricorn.settings.options import BY_NAME

if TYPE_CHECKING:
    from tricorn.settings.sources import Given


def show(values: Mapping[str, Given]) -> str:
    """A line for each option: name, value, and where it came from."""
    rows = [
        (name, value_text(BY_NAME[name], given.value), given.origin)
        for name, given in values.items()
        if BY_NAME[name].in_sources
    ]
    names = max(len(row[0]) for row in rows)
    texts = max(len(row[1]) for row in rows)
    return "\n".join(f"{name:{names}}  {text:{texts}}  {origin}" for name, text, origin in rows)


def value_text(option: Option, value: object) -> str:
    """`value` as it would be written on the command line; `-` where there is none."""
    if value is None or value == "":
        return "-"
    if option.secret:
        return "***"
    if isinstance(value, bool):
        return "true" if value else "false"
    if option.kind is Kind.MODE and isinstance(value, int):
        return f"{value:o}"
    if isinstance(value, list):
        items = [":".join(item) if isinstance(item, tuple) else str(item) for item in value]
        return ", ".join(items) or "-"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def default_text(option: Option) -> str:
    """The default, or nothing where the option's help says what happens without a value."""
    text = value_text(option, option.default)
    return "" if text in ("-", "false") else text
