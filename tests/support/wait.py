"""Waiting for a condition, with a deadline: no test sleeps and hopes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Seconds. Only a failure waits so long: two cores may have two suites and a compiler to run.
DEADLINE = 30.0


def wait_for(condition: Callable[[], T], deadline: float = DEADLINE, what: str = "") -> T:
    """Returns the first true answer of ``condition``, asked every few milliseconds.

    ``deadline`` is in seconds from now. Raises TimeoutError, which names ``what`` was
    waited for and the last answer.
    """
    end = time.monotonic() + deadline
    pause = 0.001
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= end:
            name = what or getattr(condition, "__name__", "the condition")
            raise TimeoutError(f"{name}: still {answer!r} after {deadline} s")
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
