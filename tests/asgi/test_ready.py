"""What `receive()` and `send()` return, wherever a coroutine is used."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import anyio
import pytest

from tests.asgi.exchange_rig import BODY, EMPTY, GONE, PART, START, Recorder, exchange_for, unused
from tests.asgi.ways import WAYS
from tricorn.asgi.exchange import Exchange
from tricorn.asgi.ready import READY, WakeUp, failed


@pytest.mark.parametrize("way", WAYS)
class TestEveryWay:
    def test_send(self, run: Any, way: Callable[[Any], Awaitable[Any]]) -> None:
        stream = Recorder()

        async def call() -> None:
            exchange = exchange_for(stream)
            assert await way(exchange.send(START)) is None
            assert await way(exchange.send(PART)) is None
            stream.write_paused = True
            asyncio.get_running_loop().call_later(0.01, resume)
            assert await way(exchange.send(BODY)) is None
            assert not stream.write_paused

        def resume() -> None:
            stream.write_paused = False
            stream.wake_writers()

        run(call)
        assert [call[0] for call in stream.calls] == ["start", "write"]

    def test_send_that_fails(self, run: Any, way: Any) -> None:
        async def call() -> None:
            exchange = exchange_for(Recorder())
            with pytest.raises(RuntimeError, match="before "):
                try:
                    await way(exchange.send(BODY))
                except* RuntimeError as group:  # as task groups raise it
                    raise group.exceptions[0] from None

        run(call)

    def test_receive(self, run: Any, way: Any) -> None:
        async def call() -> None:
            exchange = exchange_for(Recorder(), has_content=True)
            exchange.feed(b"a")
            assert (await way(exchange.receive()))["body"] == b"a"
            asyncio.get_running_loop().call_later(0.01, exchange.feed_end)
            assert await way(exchange.receive()) == EMPTY
            exchange.disconnected()
            assert await way(exchange.receive()) == GONE

        run(call)


class TestBeingCancelled:
    def test_a_ready_task_before_its_first_step(self, run: Any) -> None:
        async def call() -> None:
            task = asyncio.create_task(READY)  # type: ignore[arg-type]
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        run(call)

    def test_a_sender_that_waits(self, run: Any) -> None:
        stream = Recorder()

        async def call() -> None:
            exchange = exchange_for(stream)
            await exchange.send(START)
            stream.write_paused = True
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(exchange.send(PART), 0.001)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await exchange.send(PART)
            with anyio.move_on_after(0.001) as scope:
                await exchange.send(PART)
            assert scope.cancelled_caught
            stream.write_paused = False
            await exchange.send(PART)

        run(call)
        assert [call[0] for call in stream.calls] == ["start", "write", "write", "write"]

    def test_a_receiver_that_waits(self, run: Any) -> None:
        async def call() -> None:
            exchange = exchange_for(Recorder())
            assert await exchange.receive() == EMPTY
            task = asyncio.create_task(exchange.receive())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with anyio.move_on_after(0.001) as scope:
                await exchange.receive()
            assert scope.cancelled_caught
            assert exchange.wake_up is not None
            assert exchange.wake_up.waiting == []

        run(call)

    def test_a_listener_beside_a_response(self, run: Any) -> None:
        """As Starlette streams: whichever is over first cancels the other."""
        stream = Recorder()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def listen() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            async def respond() -> None:
                await send(START)
                for _ in range(3):
                    await send(PART)
                    await anyio.sleep(0)
                await send(BODY)
                group.cancel_scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(listen)
                await respond()

        run(Exchange(stream, app, {}, False).run)
        assert [call[0] for call in stream.calls] == ["start", "write", "write", "write"]


class TestReady:
    def test_it_passes_for_a_coroutine(self) -> None:
        assert asyncio.iscoroutine(READY)
        assert inspect.isawaitable(READY)
        assert isinstance(READY, Coroutine)
        assert isinstance(READY, Awaitable)

    def test_the_protocol(self) -> None:
        for _ in range(2):
            with pytest.raises(StopIteration) as stop:
                READY.send(None)
            assert stop.value.value is None
            assert list(READY.__await__()) == []
            READY.close()

    @pytest.mark.parametrize(
        "thrown",
        [
            (ValueError("x"),),
            (ValueError,),
            (ValueError, ValueError("x")),
            (ValueError, None, None),
        ],
    )
    def test_throwing_raises(self, thrown: Any) -> None:
        with pytest.raises(ValueError):
            READY.throw(*thrown)

    def test_awaiting_it_costs_no_turn(self, run: Any) -> None:
        async def call() -> list[str]:
            order: list[str] = []
            asyncio.get_running_loop().call_soon(order.append, "turn")
            for _ in range(3):
                await READY  # type: ignore[misc]
                order.append("ready")
            await asyncio.sleep(0)
            return order

        assert run(call) == ["ready", "ready", "ready", "turn"]

    def test_anyio_may_ask_for_its_state(self) -> None:
        assert inspect.getcoroutinestate(READY) == inspect.CORO_CLOSED  # type: ignore[arg-type]

    def test_its_repr_in_a_task(self, run: Any) -> None:
        async def call() -> str:
            task = asyncio.create_task(READY)  # type: ignore[arg-type]
            await task
            return repr(task)

        assert "Ready" in run(call)


class TestFailed:
    def test_it_raises_when_awaited(self, run: Any) -> None:
        async def call() -> None:
            awaitable = failed(ValueError("x"))
            with pytest.raises(ValueError, match="x"):
                await awaitable

        run(call)


class TestWakeUp:
    def test_all_who_wait_go_on(self, run: Any) -> None:
        async def call() -> None:
            wake_up = WakeUp()
            tasks = [asyncio.create_task(wake_up.wait()) for _ in range(3)]
            await asyncio.sleep(0)
            wake_up.wake()
            await asyncio.gather(*tasks)
            late = asyncio.create_task(wake_up.wait())
            await asyncio.sleep(0)
            assert not late.done()
            wake_up.wake()
            await late

        run(call)

    def test_waking_after_a_cancellation_in_the_same_turn(self, run: Any) -> None:
        async def call() -> None:
            wake_up = WakeUp()
            tasks = [asyncio.create_task(wake_up.wait()) for _ in range(2)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            wake_up.wake()
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            await tasks[1]

        run(call)


def test_they_count_as_coroutine_functions() -> None:
    """asgiref's `async_to_sync` warns of what doesn't."""
    exchange = exchange_for(Recorder(), unused)
    check = getattr(inspect, "markcoroutinefunction", None)
    for function in (exchange.receive, exchange.send):
        if check is None:
            assert asyncio.iscoroutinefunction(function)
        else:
            assert inspect.iscoroutinefunction(function)


def test_asgiref_takes_them(run: Any, recwarn: pytest.WarningsRecorder) -> None:
    sync = pytest.importorskip("asgiref.sync")
    stream = Recorder()

    async def call() -> None:
        exchange = exchange_for(stream)

        def respond() -> Any:
            sync.async_to_sync(exchange.send)(START)
            sync.async_to_sync(exchange.send)(BODY)
            return sync.async_to_sync(exchange.receive)()

        assert await sync.sync_to_async(respond)() == EMPTY

    run(call)
    assert stream.calls == [("start", 200, [], b"hi", False)]
    assert [str(warning.message) for warning in recwarn] == []


async def stream_of(exchange: Exchange) -> AsyncIterator[Any]:
    while True:
        yield await exchange.receive()


def test_in_an_async_generator(run: Any) -> None:
    async def call() -> Any:
        exchange = exchange_for(Recorder())
        exchange.disconnected()
        found = []
        async for message in stream_of(exchange):
            found.append(message)
            if message == GONE:
                return found

    assert run(call) == [EMPTY, GONE]
