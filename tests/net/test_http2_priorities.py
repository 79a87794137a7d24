"""RFC 9218: which of several responses a client gets first, and that equals share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ngh2 import DataReceived

from tests.net.h2_rig import Client, Http2Rig
from tests.net.rig import Held, answer

Make = Callable[..., Http2Rig]
SIZE = 300_000
WINDOW = 1 << 30


async def large(scope: Any, receive: Any, send: Any) -> None:
    await answer(send, bytes(SIZE))


async def in_pieces(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})
    for _ in range(SIZE // 10_000):
        await send({"type": "http.response.body", "body": bytes(10_000), "more_body": True})
    await send({"type": "http.response.body"})


class Race:
    """Requests whose responses begin in the same instant, and the order in which they come."""

    def __init__(self, make: Make, app: Any = large) -> None:
        self.held = Held(app)
        # Nothing but the server decides: the streams' windows are wide.
        self.client = Client(settings={4: WINDOW})
        self.client.engine.set_local_window_size(WINDOW)
        self.rig = make(self.held, client=self.client)
        self.streams: list[int] = []

    def ask(self, *priorities: bytes) -> None:
        for value in priorities:
            field = [(b"priority", value)] if value else []
            self.streams.append(self.rig.begin("GET", "/", *field))
        self.rig.exchange()

    def run(self) -> list[int]:
        """The number of the request that each piece of content is of."""
        rig = self.rig
        # A client that is slower than the server: only then is there anything to choose.
        rig.transport.slow = True
        rig.pause()
        self.held.release(rig)
        while rig.connection.write_paused:
            rig.resume()
            rig.exchange()
        pieces = [e.stream_id for e in self.client.events if isinstance(e, DataReceived)]
        replies = [self.client.replies[stream] for stream in self.streams]
        assert [len(reply.body) for reply in replies] == [SIZE] * len(replies)
        return [self.streams.index(stream) for stream in pieces]

    def ends(self) -> list[int]:
        """The requests in the order in which they were done."""
        pieces = self.run()
        return sorted(set(pieces), key=lambda number: max(_places(pieces, number)))


def _places(pieces: list[int], number: int) -> list[int]:
    return [place for place, found in enumerate(pieces) if found == number]


@pytest.mark.parametrize("app", [large, in_pieces])
def test_the_urgent_come_first(h2_rig: Make, app: Any) -> None:
    race = Race(h2_rig, app)
    race.ask(b"u=7", b"u=3", b"u=0", b"u=5", b"")
    assert race.ends() == [2, 1, 4, 3, 0]


def test_one_after_the_other(h2_rig: Make) -> None:
    """§10: equals that aren't incremental come whole, in the order of their requests."""
    race = Race(h2_rig)
    race.ask(b"u=1", b"u=1", b"u=1")
    pieces = race.run()
    assert pieces == sorted(pieces)


@pytest.mark.parametrize("app", [large, in_pieces])
def test_incremental_ones_share(h2_rig: Make, app: Any) -> None:
    race = Race(h2_rig, app)
    race.ask(b"u=3, i", b"u=3, i", b"u=3, i")
    pieces = race.run()
    # At each moment none is far ahead of another.
    counts = [0, 0, 0]
    for number in pieces:
        counts[number] += 1
        assert max(counts) - min(counts) <= 2 or max(counts) == pieces.count(number)


def test_a_later_wish_counts(h2_rig: Make) -> None:
    """§7.1: PRIORITY_UPDATE."""
    race = Race(h2_rig)
    race.ask(b"u=1", b"u=5")
    race.client.engine.send_priority_update(race.streams[1], b"u=0")
    race.rig.exchange()
    assert race.ends() == [1, 0]


def test_a_wish_that_cannot_be_read_is_none(h2_rig: Make) -> None:
    race = Race(h2_rig)
    race.ask(b"u=1", b"u=seven;;;", b"u=5")
    assert race.ends() == [0, 1, 2]


def test_an_urgent_one_overtakes(h2_rig: Make) -> None:
    """What is on its way already can't be called back; what waits can."""
    race = Race(h2_rig)
    race.ask(b"u=5")
    race.rig.transport.slow = True
    race.held.release(race.rig)
    race.ask(b"u=0")
    assert race.ends() == [1, 0]
