"""What holds for the whole suite."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

import tricorn

Report = TypeVar("Report", pytest.CollectReport, pytest.TestReport)
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


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return fail_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return fail_in_ci((yield))


def fail_in_ci(report: Report) -> Report:
    """In CI a package that `pytest.importorskip` misses is a failure: the suite lists it."""
    missing = report.outcome == "skipped" and "could not import" in str(report.longrepr)
    if missing and os.environ.get("CI") == "true":
        report.outcome = "failed"
    return report
