"""What some tests need that may not be installed.

Where it is missing, the test fails in CI (``CI=true``) and is skipped elsewhere.
"""

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest

IN_CI = os.environ.get("CI") == "true"


def need_tool(name: str) -> str:
    """The path of the program ``name``."""
    path = shutil.which(name)
    if path is None:
        _miss(f"needs {name}, which is not on PATH")
    return path


def need_package(name: str) -> None:
    """The Python package ``name`` can be imported."""
    if importlib.util.find_spec(name) is None:
        _miss(f"needs the package {name}")


def _miss(reason: str) -> NoReturn:
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
