"""The environment of this process, without a server's options and put back afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tricorn.settings.options import OPTIONS


@contextmanager
def without_options() -> Iterator[None]:
    """No option is set by the environment; whatever is changed in it is undone.

    Not by monkeypatch: loading an env file adds variables that it doesn't know of.
    """
    before = dict(os.environ)
    for option in OPTIONS:
        for variable in option.environment:
            os.environ.pop(variable, None)
    os.environ.pop("PORT", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
