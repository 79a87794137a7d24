"""What the page tells about the process that serves it."""

import asyncio
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from time import monotonic
from typing import Any

from tricorn.demo.asgi import Receive, Scope, Send
from tricorn.demo.responses import respond_json


class Activity:
    """Counts of one process since it started."""

    def __init__(self) -> None:
        self._began = monotonic()
        self._requests = 0
        self._streams = 0

    def count_request(self) -> None:
        """Note that a request has come in."""
        self._requests += 1

    @contextmanager
    def open_stream(self) -> Iterator[None]:
        """Count one more open stream for as long as the block runs."""
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    def now(self) -> dict[str, float]:
        """Seconds since the start, requests so far, streams open at this moment."""
        uptime = round(monotonic() - self._began, 3)
        return {"uptime": uptime, "requests": self._requests, "streams": self._streams}


class Facts:
    """An ASGI application that answers with what stays the same and what `Activity` counts."""

    def __init__(self, activity: Activity) -> None:
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond_json(scope, send, process_facts() | self._activity.now())


def process_facts() -> dict[str, Any]:
    """Version, speed, Python, event loop and process id. Call it where a loop is running."""
    return {
        "version": _version(),
        "speed": _speed(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
        "pid": os.getpid(),
    }


def _version() -> str | None:
    try:
        return version("tricorn")
    except PackageNotFoundError:  # run from a source tree that isn't installed
        return None


def _speed() -> str | None:
    """`compiled` or `interpreted`; `None` when another server runs the demo.

    Looked up rather than imported: the demo is an application, and knows no part of the server.
    """
    engine = sys.modules.get("tricorn.wire.h1")
    if engine is None:
        return None
    return "interpreted" if (engine.__file__ or "").endswith(".py") else "compiled"
