"""What an app receives of a WebSocket: by one task or several, and bounded."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.asgi.session_rig import (
    ACCEPT,
    BODY,
    CLOSE,
    CONNECT,
    DENY,
    TEXT,
    Listening,
    Make,
    Scripted,
    SessionRig,
    disconnect,
    received,
)


class TestReceiving:
    def test_connect_then_messages_in_order(self, rig: Make) -> None:
        app = Listening()
        r = rig(app)
        for message in ("a", b"b", ""):
            r.feed(message)
        assert app.messages == [CONNECT, received("a"), received(b"b"), received("")]

    def test_what_came_before_the_end_is_received_before_it(self, rig: Make) -> None:
        gate = asyncio.Event()
        app = Listening()

        async def late(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await app(scope, receive, send)

        async def accept_first(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            app.first = ()
            await late(scope, receive, send)

        r = rig(accept_first)
        r.feed("a")
        r.lose(4000, "so")
        r.do(gate.set)
        assert app.messages == [CONNECT, received("a"), disconnect(4000, "so")]

    def test_the_app_runs_before_feeding_returns(self, rig: Make) -> None:
        app = Listening()
        r = rig(app)
        seen: list[int] = []

        def feed() -> None:
            r.session.feed_text("a")
            seen.append(len(app.messages))

        r.do(feed)
        assert seen == [2]

    def test_the_end_comes_once(self, rig: Make) -> None:
        app = Listening()
        r = rig(app)
        r.lose(1001, "bye")
        r.lose(1006)
        assert app.messages[1:] == [disconnect(1001, "bye")]

    @pytest.mark.parametrize(
        ("first", "end"),
        [
            ((ACCEPT, CLOSE), disconnect(4000, "so")),
            ((CLOSE,), disconnect(1006)),
            ((DENY, BODY), disconnect(1006)),
        ],
        ids=["closed", "refused", "denied"],
    )
    def test_the_end_that_the_app_made(self, rig: Make, first: Any, end: Any) -> None:
        app = Listening(*first)
        rig(app).lose(1006)
        assert app.messages == [CONNECT, end]

    def test_behind_the_end_is_an_error(self, rig: Make) -> None:
        found: list[BaseException] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            try:
                await receive()
            except RuntimeError as error:
                found.append(error)

        rig(app).lose()
        assert "after 'websocket.disconnect'" in str(found[0])

    def test_asks_the_wire_for_more_when_it_has_none(self, rig: Make) -> None:
        r = rig(Listening())
        assert r.stream.wanted == 1
        r.feed("a")
        assert r.stream.wanted == 2

    def test_what_the_wire_brings_at_once(self, rig: Make) -> None:
        app = Listening()
        waiting = ["a", "b"]

        def bring(r: SessionRig) -> None:
            r.stream.on_want = lambda: waiting and r.session.feed_text(waiting.pop(0))

        r = rig(app, bring)
        assert app.messages == [CONNECT, received("a"), received("b")]
        r.lose()


class TestSeveralTasks:
    def test_each_message_goes_to_one(self, rig: Make) -> None:
        got: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()

            async def worker() -> None:
                while True:
                    message = await receive()
                    got.append(message)
                    if message["type"] == "websocket.disconnect":
                        return

            results = await asyncio.gather(*(worker() for _ in range(3)), return_exceptions=True)
            got.append([type(result) for result in results if result is not None])

        r = rig(app)
        for text in "abcde":
            r.feed(text)
        r.lose(1001)
        assert got[:-1] == [*(received(text) for text in "abcde"), disconnect(1001)]
        # The two for whom nothing came hear that there is nothing more.
        assert got[-1] == [RuntimeError, RuntimeError]

    def test_waits_that_were_given_up_take_nothing(self, rig: Make) -> None:
        got: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(receive(), 0.001)
            given_up = asyncio.create_task(receive())
            await asyncio.sleep(0)
            given_up.cancel()
            got.append(await receive())

        r = rig(app)
        deadline = r.loop.time() + 5
        while r.session.waiter is None or r.stream.wanted != 5:
            assert r.loop.time() < deadline
            r.loop.run_until_complete(asyncio.sleep(0.001))
        r.turns()
        r.feed("a")
        assert got == [received("a")]

    def test_polling_beside_a_wait_leaves_nothing_behind(self, rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            waits = asyncio.create_task(receive())
            await asyncio.sleep(0)
            for _ in range(50):
                poll = asyncio.create_task(receive())
                await asyncio.sleep(0)
                poll.cancel()
                await asyncio.sleep(0)
            await waits

        r = rig(app)
        for _ in range(60):
            r.turns()
        assert len(r.session.other_waiters or ()) <= 2
        r.feed("a")
        assert r.session.ended

    def test_a_message_that_arrives_as_its_task_is_cancelled_stays(self, rig: Make) -> None:
        got: list[Any] = []
        rigs: list[SessionRig] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            task = asyncio.create_task(receive())
            await asyncio.sleep(0)
            # Within a task the arrival can't run the other one at once.
            rigs[0].session.feed_text("a")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            got.append(await receive())

        rig(app, rigs.append)
        assert got == [received("a")]

    def test_a_task_that_the_app_left_waiting_hears_the_end(self, rig: Make) -> None:
        left: list[asyncio.Task[Any]] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            left.append(asyncio.create_task(receive()))
            await asyncio.sleep(0)

        r = rig(app)
        assert r.calls[-1] == ("close", 1000, "")
        assert left[0].result() == disconnect(1000)

    def test_what_a_task_sends_behind_the_apps_end(self, rig: Make) -> None:
        left: list[asyncio.Task[Any]] = []

        async def later(send: Any) -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await send(TEXT)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            left.append(asyncio.create_task(later(send)))

        rig(app)
        with pytest.raises(RuntimeError, match="after its call had ended"):
            left[0].result()


class TestBounds:
    def test_in_messages(self, rig: Make) -> None:
        r = rig(Scripted(ACCEPT), queue_limit=3)
        session = r.session  # the connect event waits, too
        assert not session.is_full()
        r.feed("a")
        assert not session.is_full()
        r.feed("b")
        assert session.is_full()

    def test_in_bytes(self, rig: Make) -> None:
        session = rig(Scripted(ACCEPT), queue_limit=0).session
        session.feed_binary(b"x" * 65000)
        assert not session.is_full()
        session.feed_binary(b"x" * 500)
        assert session.is_full()

    def test_empty_messages_have_a_cost(self, rig: Make) -> None:
        session = rig(Scripted(ACCEPT), queue_limit=0).session
        count = 0
        while not session.is_full():
            session.feed_text("")
            count += 1
        assert count <= 1024

    def test_what_is_received_makes_room(self, rig: Make) -> None:
        gate = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await gate.wait()
            while (await receive())["type"] != "websocket.disconnect":
                pass

        r = rig(app, queue_limit=0)
        r.feed("x" * 100_000)
        r.feed(b"x" * 100_000)
        assert r.session.is_full()
        r.do(gate.set)
        assert not r.session.is_full()
        assert r.session.size == 0
        r.lose()
