"""No request fails but those that a killed worker had. Brief; `./dev chaos` goes on for longer."""

import sys

import pytest

from tests.chaos.run import run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers need POSIX")


def test_restarts_while_requests_and_streams_run() -> None:
    run(["restart", "restart"])


def test_the_whole_is_replaced_by_a_freshly_executed_one() -> None:
    run(["upgrade", "upgrade"])


def test_more_and_fewer_workers() -> None:
    run(["scale"])


def test_killed_and_hung_workers_take_no_others_along() -> None:
    run(["kill", "hang", "restart"])
