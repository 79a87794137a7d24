"""A room to talk in, over WebSockets.

A browser opens `chat?name=…`. What it sends is what its owner says, as plain text. What it gets
is JSON:

    {"kind": "welcome", "you": name, "people": [names], "history": [events]}
    {"kind": "joined" | "left", "name": …, "time": …, "people": [names]}
    {"kind": "said", "name": …, "time": …, "text": …}

All that is kept is bounded: the people, what was said last, and what waits for someone whose
connection is slow.
"""

import asyncio
import json
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any
from urllib.parse import parse_qs

from tricorn.demo.asgi import Receive, Scope, Send

MOST_PEOPLE = 200
LONGEST_NAME = 24  # characters
LONGEST_TEXT = 500
HISTORY = 50  # events
WAITING = 100  # events that wait for one person
PAUSE = 0.1  # seconds that a person is not listened to after each message

# Why a connection is closed (RFC 6455 7.4.1).
UNSUPPORTED, POLICY, TRY_LATER = 1003, 1008, 1013


class Person:
    """Someone in the room, and what they haven't been sent yet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_slow = False
        self._waiting: asyncio.Queue[str] = asyncio.Queue(WAITING)
        self._writer: asyncio.Future[None] | None = None

    def tell(self, event: str) -> None:
        """Send an event as soon as the connection takes it; never waits."""
        try:
            self._waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.is_slow = True
            if self._writer is not None:
                self._writer.cancel()

    def start(self, send: Send) -> "asyncio.Future[None]":
        """Send what waits from now on. The future ends when the person is too slow, or gone."""
        self._writer = asyncio.ensure_future(self._write(send))
        return self._writer

    async def _write(self, send: Send) -> None:
        with suppress(OSError):  # the person has left
            while True:
                await send({"type": "websocket.send", "text": await self._waiting.get()})


class Chat:
    """An ASGI application for the `websocket` scope."""

    def __init__(self, pause: float = PAUSE) -> None:
        self._pause = pause
        self._people: dict[str, Person] = {}
        self._history: deque[dict[str, Any]] = deque(maxlen=HISTORY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        if len(self._people) >= MOST_PEOPLE:
            await send(_close(TRY_LATER, "the room is full"))
            return
        person = self._enter(asked_name(scope))
        writer = person.start(send)
        listener = asyncio.ensure_future(self._listen(person, receive))
        either: list[asyncio.Future[Any]] = [writer, listener]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.cancel()
            listener.cancel()
            self._leave(person)
        await _say_why(person, listener, send)

    async def _listen(self, person: Person, receive: Receive) -> tuple[int, str] | None:
        """Pass on what a person says. Returns why they can't stay, or None when they left."""
        while (message := await receive())["type"] == "websocket.receive":
            said = message.get("text")
            if said is None:
                return UNSUPPORTED, "text only"
            if len(said) > LONGEST_TEXT:
                return POLICY, f"at most {LONGEST_TEXT} characters"
            if said := said.strip():
                self._tell_all({"kind": "said", "name": person.name, "text": said})
                await asyncio.sleep(self._pause)
        return None

    def _enter(self, asked: str) -> Person:
        person = Person(self._free_name(asked))
        self._people[person.name] = person
        welcome = {"kind": "welcome", "you": person.name, "history": list(self._history)}
        person.tell(json.dumps(welcome | {"people": list(self._people)}))
        self._tell_all({"kind": "joined", "name": person.name}, besides=person)
        return person

    def _leave(self, person: Person) -> None:
        del self._people[person.name]
        self._tell_all({"kind": "left", "name": person.name})

    def _free_name(self, asked: str) -> str:
        """The name, with a number behind it where somebody else has it."""
        names = chain([asked], (f"{asked} {number}" for number in count(2)))
        return next(name for name in names if name not in self._people)

    def _tell_all(self, event: dict[str, Any], besides: Person | None = None) -> None:
        event |= {"time": datetime.now(UTC).isoformat(timespec="seconds")}
        self._history.append(event)
        if event["kind"] != "said":
            event = event | {"people": list(self._people)}
        text = json.dumps(event)  # made once for all
        for person in list(self._people.values()):
            if person is not besides:
                person.tell(text)


def asked_name(scope: Scope) -> str:
    """The name in the query, in one line and not too long; `Guest` where there is none."""
    query = scope.get("query_string", b"").decode("latin-1")
    names = parse_qs(query, errors="replace").get("name", [])
    return " ".join("".join(names[:1]).split())[:LONGEST_NAME].strip() or "Guest"


async def _say_why(
    person: Person, listener: "asyncio.Future[tuple[int, str] | None]", send: Send
) -> None:
    """Close with a reason where it was the room that ended it."""
    reason = (TRY_LATER, "your connection is too slow") if person.is_slow else None
    if listener.done() and not listener.cancelled():
        reason = listener.result()
    if reason is not None:
        with suppress(OSError):
            await send(_close(*reason))


def _close(code: int, reason: str) -> dict[str, object]:
    return {"type": "websocket.close", "code": code, "reason": reason}
