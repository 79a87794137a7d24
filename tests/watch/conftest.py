"""Leaves the process's logging as it was."""

import io
import logging
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from _pytest.logging import LogCaptureHandler

from tricorn.watch.logs import LOGGING_CONFIG

NAMES = ("tricorn", "tricorn.error", "tricorn.access", "tricorn.asgi")
KEPT = ("handlers", "filters", "level", "propagate", "disabled")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """Takes the handlers off that recent pytests add: they'd be a user's own to the code here."""
    for name in NAMES:
        handlers = logging.getLogger(name).handlers
        handlers[:] = [each for each in handlers if not isinstance(each, LogCaptureHandler)]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [{key: vars(each)[key] for key in KEPT} for each in loggers]
    for each in loggers:  # with lists of their own to change
        each.handlers, each.filters = list(each.handlers), list(each.filters)
    yield
    for each, kept in zip(loggers, before, strict=True):
        each.setLevel(kept.pop("level"))
        vars(each).update(kept)


@pytest.fixture
def config() -> dict[str, Any]:
    """The default configuration, to change at will; both streams are io.StringIO."""
    copy = deepcopy(LOGGING_CONFIG)
    copy["handlers"]["default"]["stream"] = io.StringIO()
    copy["handlers"]["access"]["stream"] = io.StringIO()
    return copy


class Turns:
    """Stands in for the loop: `call_soon` gathers, `end` runs."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def call_soon(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def end(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


@pytest.fixture
def turns() -> Turns:
    return Turns()
