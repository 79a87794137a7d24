"""Each test gets an environment without options, and a working directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.surroundings import without_options


@pytest.fixture(autouse=True)
def plain_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with without_options():
        yield
