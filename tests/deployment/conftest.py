"""A machine for each page."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.machine import Machine

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a page share its machine; 127.0.0.2 is Linux's."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group(f"deployment {item.path.stem}"))
            if sys.platform != "linux":
                item.add_marker(pytest.mark.skip("needs Linux"))


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """One for all tests of the page, at a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="tricorn-", dir="/tmp") as name:
        root = Path(name)
        root.chmod(0o755)  # a proxy runs as another user
        made = Machine(root)
        try:
            yield made
        finally:
            made.close()
