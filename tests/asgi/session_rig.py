"""A session on a stream that writes down what it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tricorn.asgi.session import Session
from tricorn.asgi.stream import SessionStream
from tricorn.asgi.task import TaskStarter

App = Callable[[Any, Any, Any], Awaitable[object]]

CONNECT: dict[str, Any] = {"type": "websocket.connect"}
ACCEPT: dict[str, Any] = {"type": "websocket.accept"}
TEXT: dict[str, Any] = {"type": "websocket.send", "text": "hi"}
BYTES: dict[str, Any] = {"type": "websocket.send", "bytes": b"hi"}
CLOSE: dict[str, Any] = {"type": "websocket.close", "code": 4000, "reason": "so"}
DENY: dict[str, Any] = {"type": "websocket.http.response.start", "status": 401, "headers": []}
BODY: dict[str, Any] = {"type": "websocket.http.response.body", "body": b"no"}
PART: dict[str, Any] = {**BODY, "more_body": True}
# Each phase, by what leads to it.
CONNECTING: tuple[Any, ...] = ()
OPEN = (ACCEPT,)
CLOSED = (ACCEPT, CLOSE)
HELD = (DENY,)
DENYING = (DENY, PART)
DENIED = (DENY, BODY)
REFUSED = (CLOSE,)


def received(message: str | bytes) -> dict[str, Any]:
    """The event of one message."""
    key = "text" if isinstance(message, str) else "bytes"
    return {"type": "websocket.receive", key: message}


def disconnect(code: int, reason: str = "") -> dict[str, Any]:
    return {"type": "websocket.disconnect", "code": code, "reason": reason}


class Recorder(SessionStream):
    """A wire without a wire."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []
        self.wanted = 0
        self.on_want: Callable[[], object] | None = None
        self.fault: Exception | None = None

    def note(self, *call: Any) -> None:
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.calls.append(call)

    def accept(self, subprotocol: str | None, fields: Any) -> None:
        self.note("accept", subprotocol, fields)

    def deny(self, status: int, fields: Any, body: bytes, more: bool) -> None:
        self.note("deny", status, list(fields), body, more)

    def deny_more(self, body: bytes, more: bool) -> None:
        self.note("deny_more", body, more)

    def send_text(self, text: str) -> None:
        self.note("text", text)

    def send_binary(self, data: bytes) -> None:
        self.note("binary", data)

    def close(self, code: int, reason: str) -> None:
        self.note("close", code, reason)

    def want_message(self) -> None:
        self.wanted += 1
        if self.on_want is not None:
            self.on_want()

    def abort(self) -> None:
        self.note("abort")

    def app_ended(self, session: Any) -> None:
        self.note("ended")


class SessionRig:
    """One session, its stream, and its app's task in a loop that the test turns."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        app: App,
        queue_limit: int = 32,
        subprotocols: tuple[str, ...] = (),
    ) -> None:
        self.loop = loop
        self.stream = Recorder()
        scope = {"type": "websocket", "subprotocols": list(subprotocols)}
        self.session = Session(self.stream, app, scope, loop, queue_limit)

    def start(self) -> SessionRig:
        """Call the app."""
        starter = TaskStarter(self.loop)
        self.do(self.session.start, starter)
        starter.close()
        return self

    def do(self, function: Callable[..., Any], *args: Any) -> None:
        """Call it as a wire does, while no task runs, and let the loop go on."""
        self.loop.call_soon(function, *args)
        self.turns()

    def feed(self, message: str | bytes) -> None:
        session = self.session
        self.do(session.feed_text if isinstance(message, str) else session.feed_binary, message)

    def lose(self, code: int = 1006, reason: str = "") -> None:
        self.do(self.session.disconnected, code, reason)

    def turns(self) -> None:
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))

    @property
    def calls(self) -> list[Any]:
        """What the stream was asked for, without the end of the app's task."""
        return [call for call in self.stream.calls if call != ("ended",)]


class Scripted:
    """An app that sends what it is given, in order, and notes what each of them raised."""

    def __init__(self, *messages: Any) -> None:
        self.messages = messages
        self.errors: list[BaseException | None] = []
        self.rest: asyncio.Future[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        for message in self.messages:
            pending = send(message)  # nothing is raised before the await
            try:
                await pending
            except Exception as error:
                self.errors.append(error)
            else:
                self.errors.append(None)
        self.rest = asyncio.get_running_loop().create_future()
        await self.rest


class Listening:
    """An app that accepts and then notes what it receives, up to the disconnect."""

    def __init__(self, *first: Any) -> None:
        self.first = first or (ACCEPT,)
        self.messages: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        for message in self.first:
            await send(message)
        while True:
            message = await receive()
            self.messages.append(message)
            if message["type"] == "websocket.disconnect":
                return


Make = Callable[..., SessionRig]


def last_error(rig: Make, *messages: Any, **options: Any) -> BaseException:
    """What the last of `messages` raises in the app; those before it are fine."""
    app = Scripted(*messages)
    rig(app, **options)
    assert app.errors[:-1] == [None] * (len(messages) - 1)
    assert app.errors[-1] is not None, "it was taken"
    return app.errors[-1]
