"""What a server that stops waits for, with stand-ins for connections and apps."""

import asyncio
from types import SimpleNamespace
from typing import Any

from tricorn.serve.draining import Drain, StopDelay


class Connection:
    def __init__(self) -> None:
        self.aborted = False
        self.transport = self

    def abort(self) -> None:
        self.aborted = True


def drain(service: SimpleNamespace, limit: float | None = None, is_forced: bool = False) -> Drain:
    return Drain(service, limit, lambda: is_forced)  # type: ignore[arg-type]


def serving(*connections: Connection, tasks: Any = ()) -> SimpleNamespace:
    return SimpleNamespace(connections=set(connections), tasks=set(tasks))


class TestStopDelay:
    def test_it_begins_with_the_signal_and_is_over_after_its_time(self) -> None:
        delay = StopDelay()
        assert not delay.is_begun and not delay.is_over(1e9)
        delay.begin(100.0, 5.0)
        assert delay.is_begun
        assert not delay.is_over(104.9)
        assert delay.is_over(105.0)

    def test_it_is_news_once(self) -> None:
        delay = StopDelay()
        assert not delay.is_news()
        delay.begin(100.0, 5.0)
        assert [delay.is_news(), delay.is_news()] == [True, False]


class TestDrain:
    def test_it_waits_for_connections_and_then_for_tasks(self) -> None:
        async def scene() -> None:
            over = asyncio.Event()
            task = asyncio.ensure_future(over.wait())
            service = serving(Connection(), tasks=[task])
            finishing = asyncio.ensure_future(drain(service).finish())
            await asyncio.sleep(0)
            assert not finishing.done()
            service.connections.clear()
            over.set()
            await task
            service.tasks.clear()
            await asyncio.wait_for(finishing, 10)

        asyncio.run(scene())

    def test_it_gives_up_after_its_limit(self) -> None:
        connection = Connection()

        async def scene() -> None:
            draining = drain(serving(connection), limit=0.05)
            await asyncio.wait_for(draining.finish(), 10)
            await draining.cut_off()

        asyncio.run(scene())
        assert connection.aborted

    def test_what_is_left_is_cancelled(self) -> None:
        async def scene() -> None:
            task = asyncio.ensure_future(asyncio.Event().wait())
            draining = drain(serving(tasks=[task]), limit=0.0)
            await draining.finish()
            await draining.cut_off()
            assert task.cancelled()

        asyncio.run(scene())

    def test_who_forces_it_waits_for_nothing(self) -> None:
        connection = Connection()
        forced = drain(serving(connection), is_forced=True)
        asyncio.run(asyncio.wait_for(forced.finish(), 10))
        assert not connection.aborted
