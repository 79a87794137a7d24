"""Messages between a client and an app: control frames, and who is too slow for whom."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from ngh2 import Setting

from tests.net.h2_rig import Client
from tests.net.ws_apps import (
    ACCEPT,
    CONNECT,
    DENY,
    Driven,
    Echo,
    OnlySends,
    accepted,
    body,
    disconnect,
)
from tests.net.ws_rig import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    CarriedRig,
    MakeAny,
    MakeRig,
    close,
    text,
)
from tests.wire.ws_peer import sent
from tricorn.asgi.failure import ClientDisconnected
from tricorn.wire.ws import MessageLimits

MESSAGE = {"type": "websocket.send", "text": "a"}


class TestMessages:
    def test_text_and_bytes_both_ways(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        r.receive(text("hé") + sent(BINARY, b"\x00\xff") + text(""))
        assert app.received == ["hé", b"\x00\xff", ""]
        assert r.frames == [(TEXT, "hé".encode()), (BINARY, b"\x00\xff"), (TEXT, b"")]

    def test_byte_by_byte(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        for byte in text("slow") + sent(BINARY, b"ly"):
            r.receive(bytes((byte,)))
        assert app.received == ["slow", b"ly"]

    def test_in_fragments_with_a_ping_between(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        r.receive(sent(TEXT, b"a", final=False) + sent(PING, b"p") + sent(0, b"b"))
        assert app.received == ["ab"]
        assert r.frames == [(PONG, b"p"), (TEXT, b"ab")]

    def test_large_ones(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        for size in (125, 126, 65535, 65536, 300_000):
            r.receive(sent(BINARY, b"x" * size))
        assert r.frames == [(BINARY, b"x" * size) for size in (125, 126, 65535, 65536, 300_000)]

    def test_compressed(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app, b"Sec-WebSocket-Extensions: permessage-deflate")
        before = len(r.transport.written)
        app.do(r, {"type": "websocket.send", "text": "to and fro " * 100})
        written = r.transport.written[before:]
        assert written[0] == 0x80 | 0x40 | TEXT
        assert len(written) < 100
        app.finish(r)

    def test_what_cannot_be_encoded(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        assert isinstance(app.do(r, {"type": "websocket.send", "text": "\ud800"}), ValueError)
        assert app.do(r, {"type": "websocket.send", "text": "fine"}) is None
        assert r.frames == [(TEXT, b"fine")]
        app.finish(r)


class TestPings:
    def test_are_answered_with_their_content(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo())
        r.begin()
        r.receive(sent(PING), sent(PING, b"x" * 125))
        assert r.frames == [(PONG, b""), (PONG, b"x" * 125)]

    def test_are_answered_while_the_app_does_something_else(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        r.receive(text("a") + sent(PING, b"p"))
        assert r.frames == [(PONG, b"p")]
        app.finish(r)

    def test_to_a_client_that_does_not_read_only_the_latest_is_answered(
        self, ws_rig: MakeRig
    ) -> None:
        r = ws_rig(Echo())
        r.begin()
        r.pause()
        for number in range(50):
            r.receive(sent(PING, b"%d" % number))
        assert r.frames == []
        r.resume()
        assert r.frames == [(PONG, b"49")]
        r.receive(sent(PING, b"again"))
        assert r.frames == [(PONG, b"49"), (PONG, b"again")]

    def test_pongs_that_nobody_asked_for(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        r.receive(sent(PONG, b"x"))
        assert r.frames == []
        assert app.messages == [CONNECT]

    def test_a_flood_is_ended(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app, ws={"message": MessageLimits(controls=10)})
        r.begin()
        r.receive(sent(PING) * 11)
        assert r.frames[:-1] == [(PONG, b"")] * 10
        assert r.closed_with == 1008
        assert app.messages[-1]["code"] == 1008

    def test_as_many_a_second_are_none(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo(), ws={"message": MessageLimits(controls=10)})
        r.begin()
        for _ in range(5):
            r.receive(sent(PING) * 9)
            r.later(1)
        assert r.closed_with is None


class TestSlowApp:
    """What waits for it is bounded, and nothing is lost."""

    def test_in_messages(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app, ws={"queue": 4}), app)
        r.receive(*(text(str(number)) for number in range(3)))
        assert r.transport.reading
        r.receive(text("3"), text("4"))
        assert not r.transport.reading
        assert app.do(r)["text"] == "0"
        # Not for each message that it takes: when half of them are gone.
        assert not r.transport.reading
        assert app.do(r)["text"] == "1"
        assert r.transport.reading
        assert [app.do(r)["text"] for _ in range(3)] == ["2", "3", "4"]
        app.finish(r)

    def test_in_bytes(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app, ws={"queue": 0}), app)
        pieces = 0
        while r.transport.reading:
            r.receive(sent(BINARY, b"x" * 8000))
            pieces += 1
        assert pieces < 12
        got = [app.do(r) for _ in range(pieces)]
        assert all(len(message["bytes"]) == 8000 for message in got)
        assert app.do(r) is None
        assert r.transport.reading
        app.waiting.cancel()
        app.finish(r)

    def test_what_came_together(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app, ws={"queue": 4}), app)
        r.receive(b"".join(text(str(number)) for number in range(100)))
        assert not r.transport.reading
        assert len(r.protocol.session.messages) == 4
        assert [app.do(r)["text"] for _ in range(100)] == [str(n) for n in range(100)]
        assert app.do(r) is None
        assert r.transport.reading
        app.waiting.cancel()
        app.finish(r)

    def test_the_end_of_the_client_behind_it(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app, ws={"queue": 2}), app)
        r.receive(text("a") + text("b") + text("c") + close(4000, "so"))
        assert r.closed_with is None
        got = [app.do(r) for _ in range(4)]
        assert [message.get("text") for message in got] == ["a", "b", "c", None]
        assert got[3] == disconnect(4000, "so")
        assert r.closed_with == 4000
        app.finish(r)

    def test_who_receives_is_never_held_up(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app, ws={"queue": 1})
        r.begin()
        r.receive(b"".join(text(str(number)) for number in range(100)))
        assert app.received == [str(number) for number in range(100)]
        assert r.transport.reading

    def test_its_own_close_reads_on(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app, ws={"queue": 2}), app)
        r.receive(*(text("x") for _ in range(5)))
        assert not r.transport.reading
        app.do(r, {"type": "websocket.close", "code": 4001})
        assert r.transport.reading
        r.receive(text("y"), close(4001))
        assert r.transport.closed
        # What had been taken from the client before is still there.
        assert [app.do(r)["type"] for _ in range(3)] == ["websocket.receive"] * 2 + [
            "websocket.disconnect"
        ]
        app.finish(r)


class LosesItsClient(OnlySends):
    rig: Any

    async def until(self) -> None:
        await asyncio.sleep(0)
        self.rig.transports[0].abort()


class WaitsToSend(OnlySends):
    go: asyncio.Future[None]

    async def until(self) -> None:
        await self.go


class TestLostClient:
    """An app that only sends never lets the loop turn, which would tell it."""

    @pytest.mark.parametrize("size", [10, 30_000])
    def test_sending_waits_to_be_told(self, any_ws_rig: MakeAny, size: int) -> None:
        app = LosesItsClient(ACCEPT, {"type": "websocket.send", "bytes": bytes(size)})
        app.rig = r = any_ws_rig(app)
        r.begin()
        r.turn()
        assert app.was_stopped()
        assert not r.service.tasks
        assert not r.service.connections

    def test_with_its_stream(self, carried_rig: Callable[..., CarriedRig]) -> None:
        """The reset is read in the turn in which the app is about to send."""
        app = WaitsToSend(ACCEPT, MESSAGE)
        r = carried_rig(app)
        app.go = r.loop.create_future()
        r.begin()
        r.client.engine.reset_stream(r.stream_id, 8)
        reset = r.client.engine.data_to_send()

        def both() -> None:
            app.go.set_result(None)
            r.h2.connection.data_received(reset)

        r.call(both)
        assert app.was_stopped()
        assert not r.service.tasks

    def test_with_our_side_of_its_stream(self, carried_rig: Callable[..., CarriedRig]) -> None:
        """The client has ended its own, and its window lets the end of ours not through."""
        app = WaitsToSend(ACCEPT, MESSAGE)
        r = carried_rig(app, client=Client(settings={Setting.INITIAL_WINDOW_SIZE: 0}))
        app.go = r.loop.create_future()
        r.begin()
        r.stream.send_bytes(b"x")
        r.end_of_client()
        assert r.open
        r.call(app.go.set_result, None)
        assert app.was_stopped()
        r.transport.lose()
        r.turn()
        assert not r.service.tasks

    def test_denying_waits_too(self, any_ws_rig: MakeAny) -> None:
        app = LosesItsClient(DENY, body(b"x" * 100, more=True))
        app.rig = r = any_ws_rig(app)
        r.begin()
        r.turn()
        assert app.was_stopped()
        assert not r.service.tasks


class TestSlowClient:
    def test_sending_waits(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = accepted(ws_rig(app), app)
        r.pause()
        assert app.do(r, {"type": "websocket.send", "text": "a"}) is None
        assert not app.waiting.done()
        r.resume()
        r.turn()
        assert app.waiting.done()
        app.finish(r)

    def test_a_ping_of_ours_is_no_progress(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = accepted(ws_rig(app, limits={"write": 60.0}), app)
        r.pause()
        r.later(59)
        assert r.open
        r.later(2)
        assert r.transport.aborted
        assert app.do(r) == disconnect(1006)
        assert isinstance(app.do(r, {"type": "websocket.send", "text": "a"}), ClientDisconnected)
        app.finish(r)

    def test_slow_progress_is_progress(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = accepted(ws_rig(app, limits={"write": 10.0}), app)
        r.pause(100_000)
        for left in range(90_000, 0, -10_000):
            r.later(9)
            r.transport.waiting = left
        assert r.open
        r.resume()
        r.later(15)
        assert r.open
        app.finish(r)

    def test_a_handshake_that_nobody_reads(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = ws_rig(app, limits={"write": 10.0}, ws={"ping_interval": float("inf")})
        r.begin()
        r.transport.slow = True
        app.do(r, ACCEPT)
        r.later(11)
        assert r.transport.aborted
        app.finish(r)


class TestViolations:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"\x81\x02hi", 1002),
            (sent(TEXT, b"\xff"), 1007),
            (sent(BINARY, b"x" * 2000), 1009),
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 1002),
        ],
    )
    def test_are_answered_with_their_code(
        self, any_ws_rig: MakeAny, data: bytes, code: int
    ) -> None:
        app = Echo()
        r = any_ws_rig(app, ws={"message": MessageLimits(message=1000)})
        r.begin()
        r.receive(text("fine"), data)
        assert r.frames[0] == (TEXT, b"fine")
        assert r.closed_with == code
        reason = r.frames[-1][1][2:].decode()
        assert reason
        assert app.messages[-1] == disconnect(code, reason)
        # So that it arrives, what follows is read and dropped for a while.
        assert r.transport.ended
        assert r.open
        r.receive(text("more"), close(1000))
        assert app.received == ["fine"]

    def test_linger_ends(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo(), limits={"linger": 5.0})
        r.begin()
        r.receive(b"\x81\x02hi")
        r.later(4)
        assert r.open
        r.later(2)
        assert r.transport.aborted

    def test_with_the_handshake(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin(behind=b"\x81\x02hi")
        assert r.head.status == r.opened
        assert r.closed_with == 1002
        assert app.messages[-1]["code"] == 1002

    def test_behind_our_close(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        app.do(r, {"type": "websocket.close"})
        r.receive(b"\x81\x02hi")
        assert r.frames == [(CLOSE, b"\x03\xe8")]
        assert r.transport.ended
        assert app.do(r) == disconnect(1000)
        app.finish(r)

    def test_an_app_that_sends_meanwhile(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        r.receive(b"\x81\x02hi")
        error: Any = app.do(r, {"type": "websocket.send", "text": "a"})
        assert isinstance(error, ClientDisconnected)
        assert app.do(r)["code"] == 1002
        app.finish(r)
