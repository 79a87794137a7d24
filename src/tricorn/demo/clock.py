"""The server's clock as a stream of Server-Sent Events (WHATWG HTML, section 9.2)."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count

from tricorn.demo.asgi import Receive, Scope, Send
from tricorn.demo.content import client_gone
from tricorn.demo.facts import Activity
from tricorn.demo.responses import NO_STORE, start

_LOOKS = 5  # times per tick that the stream looks whether the server is stopping

_HEAD = [
    (b"content-type", b"text/event-stream"),
    NO_STORE,
    (b"x-accel-buffering", b"no"),  # nginx would gather events before passing them on
]


class Clock:
    """An ASGI application that sends the time every `interval` seconds until someone leaves."""

    def __init__(
        self, activity: Activity, stopping: Callable[[], bool], interval: float = 1.0
    ) -> None:
        self._activity = activity
        self._stopping = stopping
        self._interval = interval

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, 200, _HEAD)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
            return
        gone = asyncio.ensure_future(client_gone(receive))
        try:
            with self._activity.open_stream():
                await self._run(send, gone)
        finally:
            gone.cancel()

    async def _run(self, send: Send, gone: asyncio.Future[None]) -> None:
        # The browser reconnects by itself when a stream ends; this says how soon, in ms.
        await send(_piece("retry: 1000\n\n"))
        for tick in count(1):
            await send(_piece(self._event(tick)))
            if await self._is_over(gone):
                break
        if not gone.done():
            await send({"type": "http.response.body"})

    def _event(self, tick: int) -> str:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        return f"data: {json.dumps({'time': time, 'tick': tick} | self._activity.now())}\n\n"

    async def _is_over(self, gone: asyncio.Future[None]) -> bool:
        """Wait one interval, or less when the client leaves or the server stops."""
        for _ in range(_LOOKS):
            await asyncio.wait([gone], timeout=self._interval / _LOOKS)
            if gone.done() or self._stopping():
                return True
        return False


def _piece(text: str) -> dict[str, object]:
    return {"type": "http.response.body", "body": text.encode(), "more_body": True}
