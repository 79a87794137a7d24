import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.demo.caller import Call
from tricorn.demo import Demo, chat
from tricorn.demo.asgi import Message, Scope
from tricorn.demo.chat import Chat, asked_name


def scope(query: bytes = b"", path: str = "/chat", root: str = "") -> Scope:
    return {
        "type": "websocket",
        "path": root + path,
        "root_path": root,
        "query_string": query,
        "headers": [],
    }


class Visitor(Call):
    """Someone in the room."""

    def __init__(self, app: Any, name: str, **more: Any) -> None:
        super().__init__(app, scope(f"name={name}".encode(), **more))
        self.put({"type": "websocket.connect"})

    def say(self, text: str) -> None:
        self.put({"type": "websocket.receive", "text": text})

    async def events(self, count: int) -> list[dict[str, Any]]:
        """The first so many events that were sent to this visitor."""
        accept, *sent = await self.sent_at_least(count + 1)
        assert accept == {"type": "websocket.accept"}
        return [json.loads(message["text"]) for message in sent[:count]]

    async def leave(self) -> None:
        self.put({"type": "websocket.disconnect", "code": 1001, "reason": ""})
        await self.end()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


def without_time(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in event.items() if key != "time"} for event in events]


def test_two_talk() -> None:
    async def test() -> None:
        room = Chat(pause=0)
        anna = Visitor(room, "Anna")
        welcome = (await anna.events(1))[0]
        assert welcome == {"kind": "welcome", "you": "Anna", "history": [], "people": ["Anna"]}
        ben = Visitor(room, "Ben")
        await ben.events(1)
        anna.say(" hello <b> ")
        ben.say("ahoy")
        said = [
            {"kind": "said", "name": "Anna", "text": "hello <b>"},
            {"kind": "said", "name": "Ben", "text": "ahoy"},
        ]
        joined = {"kind": "joined", "name": "Ben", "people": ["Anna", "Ben"]}
        assert without_time(await anna.events(4))[1:] == [joined, *said]
        assert without_time(await ben.events(3))[1:] == said
        await ben.leave()
        left = {"kind": "left", "name": "Ben", "people": ["Anna"]}
        assert without_time(await anna.events(5))[-1] == left
        await anna.leave()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(test)


def test_who_comes_later_sees_what_was_said_last() -> None:
    async def test() -> None:
        room = Chat(pause=0)
        anna = Visitor(room, "Anna")
        for number in range(chat.HISTORY + 20):
            anna.say(f"number {number}")
        await anna.events(chat.HISTORY + 21)
        history = (await Visitor(room, "Ben").events(1))[0]["history"]
        assert len(history) == chat.HISTORY
        assert history[-1]["text"] == f"number {chat.HISTORY + 19}"

    run(test)


def test_the_same_text_goes_to_all() -> None:
    """One object, so that a server may encode it once."""

    async def test() -> None:
        room = Chat(pause=0)
        visitors = [Visitor(room, name) for name in ("Anna", "Ben", "Cleo")]
        await visitors[0].events(3)
        visitors[0].say("hello")
        await asyncio.gather(*(visitor.sent_at_least(3) for visitor in visitors))
        await visitors[0].events(4)
        texts = [visitor.sent[-1]["text"] for visitor in visitors]
        assert texts[0] is texts[1] is texts[2]

    run(test)


def test_a_name_that_is_taken_gets_a_number() -> None:
    async def test() -> None:
        room = Chat()
        names = [(await Visitor(room, "Anna").events(1))[0]["you"] for _ in range(3)]
        assert names == ["Anna", "Anna 2", "Anna 3"]

    run(test)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (b"", "Guest"),
        (b"name=", "Guest"),
        (b"name=%20%0A", "Guest"),
        (b"name=a%0Ab++c", "a b c"),
        (b"name=J%C3%BCrgen", "Jürgen"),
        (b"name=%ff", "\ufffd"),
        (b"name=" + b"x" * 100, "x" * chat.LONGEST_NAME),
    ],
)
def test_names(query: bytes, name: str) -> None:
    assert asked_name(scope(query)) == name


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"bytes": b"\0"}, chat.UNSUPPORTED),
        ({"bytes": b"\0", "text": None}, chat.UNSUPPORTED),
        ({"text": "x" * (chat.LONGEST_TEXT + 1)}, chat.POLICY),
    ],
)
def test_what_is_no_talk_is_closed(message: Message, code: int) -> None:
    async def test() -> None:
        room = Chat()
        anna, ben = Visitor(room, "Anna"), Visitor(room, "Ben")
        await anna.events(2)
        ben.put({"type": "websocket.receive", **message})
        last = (await ben.end()).messages[-1]
        assert (last["type"], last["code"]) == ("websocket.close", code)
        assert last["reason"]
        assert (await anna.events(3))[-1]["people"] == ["Anna"]

    run(test)


def test_the_room_can_be_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "MOST_PEOPLE", 1)

    async def test() -> None:
        room = Chat()
        await Visitor(room, "Anna").events(1)
        last = (await Visitor(room, "Ben").end()).messages[-1]
        assert last == {"type": "websocket.close", "code": 1013, "reason": "the room is full"}

    run(test)


def test_who_does_not_read_is_left_behind() -> None:
    class Slow(Visitor):
        async def _send(self, message: Message) -> None:
            await super()._send(message)
            if message["type"] == "websocket.send":
                await asyncio.Event().wait()

    async def test() -> None:
        room = Chat(pause=0)
        slow = Slow(room, "Slow")
        await slow.events(1)
        anna = Visitor(room, "Anna")
        for number in range(chat.WAITING + 5):
            anna.say(f"number {number}")
        last = (await slow.end()).messages[-1]
        assert last["code"] == chat.TRY_LATER
        assert "slow" in last["reason"]
        told = await anna.events(chat.WAITING + 7)  # its welcome and Slow's leave, too
        assert sum(event["kind"] == "said" for event in told) == chat.WAITING + 5

    run(test)


def test_who_has_gone_is_no_error() -> None:
    class Gone(Visitor):
        async def _send(self, message: Message) -> None:
            if message["type"] != "websocket.accept":
                raise OSError
            await super()._send(message)

    async def test() -> None:
        assert len((await Gone(Chat(), "Anna").end()).messages) == 1

    run(test)


def test_the_demo_has_the_room_where_it_is_mounted() -> None:
    async def test() -> None:
        demo = Demo()
        assert (await Visitor(demo, "Anna").events(1))[0]["you"] == "Anna"
        assert (await Visitor(demo, "Ben", root="/app").events(1))[0]["people"] == ["Anna", "Ben"]

    run(test)
