"""The event loops that tests run on: asyncio's own, and uvloop where it is installed."""

import asyncio
from collections.abc import Callable

FACTORIES: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop
}
try:
    import uvloop
except ImportError:
    pass
else:
    FACTORIES["uvloop"] = uvloop.new_event_loop
