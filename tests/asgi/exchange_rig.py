"""An exchange on a stream that writes down what it is asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tricorn.asgi.exchange import Exchange
from tricorn.asgi.stream import Stream

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
TRAILED: dict[str, Any] = {**START, "trailers": True}
BODY: dict[str, Any] = {"type": "http.response.body", "body": b"hi"}
PART: dict[str, Any] = {"type": "http.response.body", "body": b"hi", "more_body": True}
TRAILERS: dict[str, Any] = {"type": "http.response.trailers", "headers": [(b"x", b"1")]}
HINT: dict[str, Any] = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}
EMPTY = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}

App = Callable[[Any, Any, Any], Awaitable[object]]


class Recorder(Stream):
    """A wire that writes down what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []
        self.wanted = 0
        self.fault: Exception | None = None

    def start(self, status: int, fields: Any, body: bytes, more: bool) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.calls.append(("start", status, fields, body, more))

    def write(self, body: bytes, more: bool) -> None:
        self.calls.append(("write", body, more))

    def write_trailers(self, fields: Any) -> None:
        self.calls.append(("trailers", fields))

    def inform(self, status: int, fields: Any) -> None:
        self.calls.append(("inform", status, fields))

    async def write_file(self, file: Any, offset: int, count: int, more: bool) -> None:
        self.calls.append(("file", file.name, offset, count, more))

    def want_content(self) -> None:
        self.wanted += 1

    def abort(self) -> None:
        self.calls.append("abort")

    def app_ended(self, exchange: Any) -> None:
        self.calls.append("ended")


async def unused(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("not called")


def exchange_for(stream: Stream, app: App = unused, has_content: bool = False) -> Exchange:
    return Exchange(stream, app, {"type": "http"}, has_content)


def serve(stream: Stream, app: App) -> None:
    asyncio.run(exchange_for(stream, app).run())


def sends(*messages: Any) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def refused(stream: Stream, *messages: Any, gone: bool = False) -> BaseException:
    """What the last of `messages` raises in the app; the ones before it are fine."""
    found: list[BaseException] = []

    async def call() -> None:
        exchange = exchange_for(stream)
        for message in messages[:-1]:
            await exchange.send(message)
        if gone:
            exchange.disconnected()
        pending = exchange.send(messages[-1])  # nothing is raised before the await
        try:
            await pending
        except Exception as error:
            found.append(error)

    asyncio.run(call())
    assert found, "it was taken"
    return found[0]
