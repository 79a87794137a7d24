"""Every ASGI message in the log: what `--log-level trace` shows.

A development aid. It stands between server and app, so it costs nothing where it
isn't used.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any

from tricorn.product import product_logger

# The level's number is Uvicorn's; `watch.logs` gives it its name.
TRACE = 5

_SIZES = {"body": "bytes", "bytes": "bytes", "text": "chars"}
_HIDDEN = "<...>"


class MessageLoggerMiddleware:
    """Logs each call of `app` and its messages to `tricorn.asgi`, at level TRACE.

    Content is shown by its size and header fields are left out: both may hold what is
    nobody's business. Lines begin with the client and the number of the call.
    """

    def __init__(self, app: Callable[..., Awaitable[Any]]) -> None:
        self.app = app
        self.logger = product_logger("asgi")
        self._numbers = count(1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        prefix = f"{_client(scope)}ASGI [{next(self._numbers)}]"

        def trace(what: str, message: Any = "") -> None:
            self.logger.log(TRACE, "%s %s%s", prefix, what, message)

        async def logged_receive() -> Any:
            message = await receive()
            trace("Receive ", abridged(message))
            return message

        async def logged_send(message: Any) -> None:
            trace("Send ", abridged(message))
            await send(message)

        trace("Started scope=", abridged(scope))
        try:
            await self.app(scope, logged_receive, logged_send)
        except BaseException:
            trace("Raised exception")
            raise
        trace("Completed")


def abridged(message: Any) -> Any:
    """A copy of a message or scope without content and header fields; else `message`."""
    if not isinstance(message, Mapping):
        return message
    shown = dict(message)
    for key, unit in _SIZES.items():
        content = shown.get(key)
        if isinstance(content, bytes | bytearray | memoryview | str):
            shown[key] = f"<{len(content)} {unit}>"
    if shown.get("headers") is not None:
        shown["headers"] = _HIDDEN
    return shown


def _client(scope: Any) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]} - " if client else ""
