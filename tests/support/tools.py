"""External programs that some tests need."""

import os
import shutil

import pytest


def need_tool(name: str) -> str:
    """The path of the program ``name``.

    Where it is missing, the test fails in CI (``CI=true``) and is skipped elsewhere.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    reason = f"needs {name}, which is not on PATH"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
