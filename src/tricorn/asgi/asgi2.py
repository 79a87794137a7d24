"""Apps of ASGI 2, which are called twice: `app(scope)`, then `instance(receive, send)`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class ASGI2Middleware:
    """An ASGI 2 app as an ASGI 3 app (ASGI specification, "Legacy Applications")."""

    def __init__(self, app: Callable[[Any], Callable[[Receive, Send], Awaitable[Any]]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await self.app(scope)(receive, send)
