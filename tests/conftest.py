"""What holds for the whole suite."""

import os
from pathlib import Path

import pytest

import tricorn

SOURCE = Path(__file__).parent.parent / "src"


def pytest_configure(config: pytest.Config) -> None:
    """In the matrix, the package under test is the installed one."""
    if "TRICORN_TEST_SPEED" not in os.environ:
        return
    place = Path(tricorn.__file__).resolve()
    if place.is_relative_to(SOURCE):
        raise pytest.UsageError(f"tricorn is imported from {SOURCE}: install the wheel first")


def pytest_report_header(config: pytest.Config) -> str:
    speed = os.environ.get("TRICORN_TEST_SPEED", "as imported")
    return f"tricorn: {speed}, from {Path(tricorn.__file__).parent}"
