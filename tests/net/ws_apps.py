"""Apps that speak on WebSockets, and note what happened to them."""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar

Rig = TypeVar("Rig")

ACCEPT: dict[str, Any] = {"type": "websocket.accept"}
CONNECT: dict[str, Any] = {"type": "websocket.connect"}
DENY: dict[str, Any] = {"type": "websocket.http.response.start", "status": 403, "headers": []}


def body(content: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "websocket.http.response.body", "body": content, "more_body": more}


def disconnect(code: int, reason: str = "") -> dict[str, Any]:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


class Echo:
    """Sends back what comes, up to the disconnect."""

    def __init__(self, accept: dict[str, Any] = ACCEPT) -> None:
        self.accept = accept
        self.scopes: list[Any] = []
        self.messages: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        while True:
            message = await receive()
            self.messages.append(message)
            if message["type"] == "websocket.connect":
                await send(self.accept)
            elif message["type"] == "websocket.disconnect":
                return
            else:
                await send({**message, "type": "websocket.send"})

    @property
    def received(self) -> list[Any]:
        """The content of the messages."""
        found = [m for m in self.messages if m["type"] == "websocket.receive"]
        return [m.get("text", m.get("bytes")) for m in found]


class Driven:
    """An app in the test's hands: what it is to do comes through `do`."""

    def __init__(self) -> None:
        self.receive: Any = None
        self.send: Any = None
        self.scope: Any = None
        self.end: asyncio.Future[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.end = asyncio.get_running_loop().create_future()
        await self.end

    def do(self, rig: Any, message: dict[str, Any] | None = None) -> Any:
        """Have a task send the message, or receive one; its result, or the error it raised.

        None of both where it still waits.
        """
        loop = rig.loop

        async def step() -> Any:
            return await (self.receive() if message is None else self.send(message))

        task = loop.create_task(step())
        rig.turn()
        if not task.done():
            self.waiting = task
            return None
        return task.exception() or task.result()

    def finish(self, rig: Any) -> None:
        """Let the app return."""
        assert self.end is not None
        rig.call(self.end.set_result, None)


class OnlySends:
    """Sends `first`, waits until it may go on, and then sends the same again and again.

    It never lets the loop turn by itself.
    """

    def __init__(self, first: dict[str, Any], message: dict[str, Any]) -> None:
        self.first = first
        self.message = message
        self.sent = 0

    async def until(self) -> None:
        """Wait to go on; a test says for what."""
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send(self.first)
        await self.until()
        while self.sent < 50_000:
            await send(self.message)
            self.sent += 1

    def was_stopped(self) -> bool:
        """Whether it had to wait, and not only at the end."""
        return 0 < self.sent < 10_000


def accepted(rig: Rig, app: Driven, *lines: bytes) -> Rig:
    """Open it, and take the connect event."""
    rig.begin(*lines)  # type: ignore[attr-defined]
    app.do(rig, ACCEPT)
    assert app.do(rig) == CONNECT
    return rig
