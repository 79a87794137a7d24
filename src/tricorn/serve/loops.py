"""Which event loop runs the server: the values of `--loop`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from tricorn.serve.importer import ImportFromStringError, import_from_string

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def loop_factory(loop: Any) -> LoopFactory | None:
    """Return what makes the loop that the `loop` option names; None leaves it to asyncio.

    `auto` is uvloop where it can be imported, else asyncio. Any other text is a
    `module:factory`. Raises `ImportFromStringError`, one line with exit code 3.
    """
    if loop == "none" or loop is None:
        return None
    if loop == "auto":
        return _installed("uvloop") or _asyncio_factory()
    if loop == "asyncio":
        return _asyncio_factory()
    if loop in ("uvloop", "zuvloop"):
        factory = _installed(loop)
        if factory is None:
            raise ImportFromStringError(
                f"--loop {loop} needs the package {loop}: pip install {loop}, or use --loop auto"
            )
        return factory
    if isinstance(loop, str):
        return _checked(_imported(loop), loop)
    return _checked(loop, repr(loop))


def _installed(package: str) -> LoopFactory | None:
    try:
        module = __import__(package)
    except ImportError:
        return None
    factory: LoopFactory = module.new_event_loop
    return factory


def _imported(loop: str) -> Any:
    try:
        return import_from_string(loop)
    except ImportFromStringError as error:
        raise ImportFromStringError(f"--loop {loop}: {error}") from None


def _asyncio_factory() -> LoopFactory:
    if sys.platform == "win32":
        return asyncio.ProactorEventLoop
    return asyncio.SelectorEventLoop


def _checked(factory: Any, name: str) -> LoopFactory:
    if not callable(factory):
        raise ImportFromStringError(f"--loop {name} is not a function that makes an event loop")
    return factory  # type: ignore[no-any-return]
