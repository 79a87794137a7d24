"""What an app receives, and how slow clients hold it back."""

import asyncio
from typing import Any

import pytest

from tests.asgi.exchange_rig import (
    BODY,
    EMPTY,
    GONE,
    PART,
    START,
    Recorder,
    exchange_for,
    serve,
)
from tricorn.asgi.exchange import Exchange


def received(exchange: Exchange, count: int) -> list[Any]:
    """So many messages, none of which has to be waited for."""

    async def receive() -> list[Any]:
        messages = []
        for _ in range(count):
            coroutine = exchange.receive()
            try:
                coroutine.send(None)
            except StopIteration as stop:
                messages.append(stop.value)
            else:
                coroutine.close()
                raise AssertionError(f"it waits, after {messages}")
        return messages

    return asyncio.run(receive())


class TestReceiving:
    def test_no_content(self, stream: Recorder) -> None:
        assert received(exchange_for(stream), 1) == [EMPTY]
        assert stream.wanted == 0

    def test_whole_content(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.feed_end()
        assert received(exchange, 1) == [
            {"type": "http.request", "body": b"ab", "more_body": False}
        ]

    def test_pieces_that_have_arrived_come_as_one(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.feed(b"cd")
        assert exchange.content_size == 4
        message = {"type": "http.request", "body": b"abcd", "more_body": True}
        assert received(exchange, 1) == [message]
        assert exchange.content_size == 0
        exchange.feed_end()
        assert received(exchange, 1) == [EMPTY]

    def test_large_pieces_come_one_by_one(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        large = b"x" * 65536
        for piece in (large, b"ab", b"cd"):
            exchange.feed(piece)
        exchange.feed_end()
        first = {"type": "http.request", "body": large, "more_body": True}
        last = {"type": "http.request", "body": b"abcd", "more_body": False}
        assert received(exchange, 1) == [first]
        assert exchange.content_size == 4
        assert received(exchange, 1) == [last]
        assert exchange.content_size == 0

    def test_gone_within_the_content(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.disconnected()
        # What can't become whole is of no use, and must not be taken for the whole.
        assert received(exchange, 2) == [GONE, GONE]

    def test_gone_behind_the_content(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.feed_end()
        exchange.disconnected()
        first = {"type": "http.request", "body": b"ab", "more_body": False}
        assert received(exchange, 3) == [first, GONE, GONE]

    def test_an_ended_client_counts_as_gone(self, stream: Recorder) -> None:
        exchange = exchange_for(stream)
        exchange.end_of_client()
        assert received(exchange, 2) == [EMPTY, GONE]
        asyncio.run(exchange.send(START))  # it may still be sent to
        asyncio.run(exchange.send(BODY))
        assert exchange.complete

    def test_after_the_response(self, stream: Recorder) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert await receive() == EMPTY
            await send(START)
            await send(BODY)
            assert await receive() == GONE
            assert await receive() == GONE

        serve(stream, app)
        assert stream.calls == [("start", 200, [], b"hi", False)]

    @pytest.mark.parametrize("has_content", [False, True])
    def test_a_message_is_the_apps_own(self, stream: Recorder, has_content: bool) -> None:
        exchange = exchange_for(stream, has_content=has_content)
        exchange.disconnected()
        first = received(exchange, 1)[0]
        first.clear()
        assert received(exchange, 1) == [GONE]

    @pytest.mark.parametrize(
        ("event", "message"),
        [
            (lambda e: e.feed(b"x"), {"type": "http.request", "body": b"x", "more_body": True}),
            (lambda e: e.feed_end(), EMPTY),
            (lambda e: e.disconnected(), GONE),
            (lambda e: e.end_of_client(), GONE),
        ],
        ids=["content", "end", "gone", "half gone"],
    )
    def test_waiting(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop, event: Any, message: Any
    ) -> None:
        exchange = exchange_for(stream, has_content=True)

        async def call() -> Any:
            task = asyncio.ensure_future(exchange.receive())
            await asyncio.sleep(0)
            assert not task.done()
            assert stream.wanted == 1
            event(exchange)
            return await asyncio.wait_for(task, 30)

        assert loop.run_until_complete(call()) == message

    def test_waiting_ends_with_the_response(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream)

        async def call() -> Any:
            assert await exchange.receive() == EMPTY
            task = asyncio.ensure_future(exchange.receive())
            await asyncio.sleep(0)
            assert not task.done()
            await exchange.send(START)
            await exchange.send(BODY)
            return await asyncio.wait_for(task, 30)

        assert loop.run_until_complete(call()) == GONE

    def test_several_wait_and_one_gives_up(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream)

        async def call() -> Any:
            assert await exchange.receive() == EMPTY
            waiting = [asyncio.ensure_future(exchange.receive()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.sleep(0)
            exchange.disconnected()
            done = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
            assert isinstance(done[1], asyncio.CancelledError)
            return [done[0], done[2]]

        assert loop.run_until_complete(call()) == [GONE, GONE]

    def test_one_of_two_gets_the_content(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream, has_content=True)

        async def call() -> None:
            waiting = [asyncio.ensure_future(exchange.receive()) for _ in range(2)]
            await asyncio.sleep(0)
            exchange.feed(b"x")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert [task.done() for task in waiting] == [True, False]
            exchange.disconnected()
            assert await waiting[1] == GONE

        loop.run_until_complete(call())

    def test_a_cancelled_receive_loses_nothing(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream, has_content=True)

        async def call() -> Any:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(exchange.receive(), 0.001)
            exchange.feed(b"x")
            return await exchange.receive()

        assert loop.run_until_complete(call())["body"] == b"x"


class TestSlowClients:
    def test_sending_waits(self, stream: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        exchange = exchange_for(stream)

        async def call() -> None:
            await exchange.send(START)
            stream.write_paused = True
            sending = asyncio.ensure_future(exchange.send(PART))
            others = asyncio.ensure_future(exchange.send(PART))
            await asyncio.sleep(0)
            assert not sending.done()
            # It is with the wire all the same; only the app has to wait.
            assert [call[0] for call in stream.calls] == ["start", "write"]
            stream.write_paused = False
            stream.wake_writers()
            await asyncio.wait_for(asyncio.gather(sending, others), 30)

        loop.run_until_complete(call())
