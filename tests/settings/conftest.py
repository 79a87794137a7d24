"""Each test gets an environment without options, and a working directory of its own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tricorn.settings.options import OPTIONS


@pytest.fixture(autouse=True)
def plain_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(os.environ)
    for option in OPTIONS:
        for variable in option.environment:
            os.environ.pop(variable, None)
    os.environ.pop("PORT", None)
    monkeypatch.chdir(tmp_path)
    yield
    # Not by monkeypatch: loading an env file adds variables that it doesn't know of.
    os.environ.clear()
    os.environ.update(before)
