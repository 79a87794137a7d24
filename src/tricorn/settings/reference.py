"""The option reference, docs/options.md, from the table.

`python -m tricorn.settings.reference` writes it, `--check` only compares.
"""

from __future__ import annotations

from tricorn.settings.option import Option
from tricorn.settings.show import value_text


def default_text(option: Option) -> str:
    """The default, or nothing when the help text says what happens without a value."""
    text = value_text(option, option.default)
    return "" if text in ("-", "false") else text
