"""Calls an ASGI application in this process, with no server between."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from tricorn.demo.asgi import App, Message, Scope

DEADLINE = 30.0  # seconds that any one call may take


class Response(NamedTuple):
    """What an application sent for one request."""

    messages: list[Message]

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def fields(self) -> dict[str, str]:
        pairs = self.messages[0]["headers"]
        fields = {name.decode(): value.decode() for name, value in pairs}
        assert len(fields) == len(pairs), "a field was sent twice"
        return fields

    @property
    def content(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def complete(self) -> bool:
        return not self.messages[-1].get("more_body", False)

    def json(self) -> Any:
        assert self.fields["content-type"] == "application/json"
        return json.loads(self.content)


class Call:
    """One request under way: pieces of content go in, and messages come out."""

    def __init__(self, app: App, scope: Scope) -> None:
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.sent: list[Message] = []
        self._arrived = asyncio.Condition()
        self.task = asyncio.ensure_future(app(scope, self._incoming.get, self._send))

    async def _send(self, message: Message) -> None:
        async with self._arrived:
            self.sent.append(message)
            self._arrived.notify_all()

    def put(self, *messages: Message) -> None:
        for message in messages:
            self._incoming.put_nowait(message)

    async def sent_at_least(self, count: int) -> list[Message]:
        """Wait until the application has sent so many messages."""
        async with asyncio.timeout(DEADLINE), self._arrived:
            await self._arrived.wait_for(lambda: len(self.sent) >= count)
        return self.sent

    async def end(self) -> Response:
        """Wait until the application has returned."""
        async with asyncio.timeout(DEADLINE):
            await self.task
        return Response(self.sent)


def http_scope(
    method: str = "GET", path: str = "/", fields: Iterable[tuple[bytes, bytes]] = (), **extra: Any
) -> dict[str, Any]:
    """An HTTP connection scope as a server makes it (ASGI HTTP 2.5)."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(fields),
        "client": ("192.0.2.7", 50000),
        "server": ("127.0.0.1", 8000),
        **extra,
    }


def request(*pieces: bytes) -> list[Message]:
    """The messages that bring content in these pieces."""
    parts = pieces or (b"",)
    last = len(parts) - 1
    return [
        {"type": "http.request", "body": part, "more_body": index < last}
        for index, part in enumerate(parts)
    ]


def call(app: App, scope: Scope, *pieces: bytes) -> Response:
    """Run one request to its end."""

    async def run() -> Response:
        running = Call(app, scope)
        running.put(*request(*pieces))
        return await running.end()

    return asyncio.run(run())
