import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.demo.caller import Call, http_scope, request
from tricorn.demo.clock import Clock
from tricorn.demo.facts import Activity


def never() -> bool:
    return False


def open_clock(
    stopping: Callable[[], bool] = never, interval: float = 0.01, method: str = "GET"
) -> tuple[Call, Activity]:
    activity = Activity()
    clock = Clock(activity, stopping, interval)
    running = Call(clock, http_scope(method, "/clock"))
    running.put(*request())
    return running, activity


def tick(message: Any) -> dict[str, Any]:
    """The data of the one event in a body message."""
    line, *rest = message["body"].decode().split("\n")
    assert rest == ["", ""]
    name, data = line.split(": ", 1)
    assert name == "data"
    value: dict[str, Any] = json.loads(data)
    return value


def test_it_ticks_until_the_client_leaves() -> None:
    async def run() -> None:
        running, activity = open_clock()
        head, retry, *ticks = await running.sent_at_least(5)
        assert dict(head["headers"])[b"content-type"] == b"text/event-stream"
        assert retry["body"] == b"retry: 1000\n\n"
        assert [tick(message)["tick"] for message in ticks[:3]] == [1, 2, 3]
        assert tick(ticks[0])["streams"] == 1
        now = datetime.fromisoformat(tick(ticks[0])["time"])
        assert abs(datetime.now(UTC) - now) < timedelta(minutes=1)
        running.put({"type": "http.disconnect"})
        response = await running.end()
        assert not response.complete  # nothing is sent to a client that left
        assert activity.now()["streams"] == 0

    asyncio.run(run())


def test_a_leaving_client_ends_it_at_once() -> None:
    async def run() -> None:
        running, _ = open_clock(interval=3600)
        await running.sent_at_least(3)
        running.put({"type": "http.disconnect"})
        await running.end()

    asyncio.run(run())


def test_a_stopping_server_ends_it_properly() -> None:
    async def run() -> None:
        stop = asyncio.Event()
        running, activity = open_clock(stop.is_set)
        await running.sent_at_least(3)
        stop.set()
        assert (await running.end()).complete
        assert activity.now()["streams"] == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_head_opens_no_stream() -> None:
    async def run() -> None:
        running, _ = open_clock(method="HEAD")
        response = await running.end()
        assert response.fields["content-type"] == "text/event-stream"
        assert response.content == b""
        assert response.complete

    asyncio.run(run())
