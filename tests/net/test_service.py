"""What connections share: the timer, the date, who is counted, when it is busy."""

import asyncio
import math
import time
from email.utils import parsedate_to_datetime

import pytest

from tricorn.net import service as service_module
from tricorn.net.service import ConnectionLimits, Service, seconds
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields


@pytest.fixture
def loop():
    made = asyncio.new_event_loop()
    yield made
    made.close()


def make(loop, **limits):
    defaults = DefaultFields(b"tricorn", [])
    return Service(None, loop, ConnectionLimits(**limits), HeadLimits(), defaults)


class Connection:
    def __init__(self):
        self.ticks = []

    def tick(self, now):
        self.ticks.append(now)


class TestTimer:
    def test_one_timer_ticks_for_all(self, loop, monkeypatch):
        monkeypatch.setattr(service_module, "TICK", 0.01)
        service = make(loop)
        connections = [Connection() for _ in range(3)]
        for connection in connections:
            service.add(connection)
        service.start()

        async def some_ticks():
            end = time.monotonic() + 30
            while len(connections[0].ticks) < 3 and time.monotonic() < end:
                await asyncio.sleep(0.005)

        loop.run_until_complete(some_ticks())
        service.stop()
        assert len(connections[0].ticks) >= 3
        assert connections[0].ticks == connections[2].ticks == sorted(connections[1].ticks)
        assert service.now == connections[0].ticks[-1]
        ticked = len(connections[0].ticks)
        loop.run_until_complete(asyncio.sleep(0.05))
        assert len(connections[0].ticks) == ticked
        service.stop()

    def test_a_connection_may_leave_within_its_tick(self, loop):
        service = make(loop)

        class Leaving(Connection):
            def tick(self, now):
                service.remove(self)

        for _ in range(5):
            service.add(Leaving())
        service.start()
        service.stop()
        assert not service.connections

    def test_the_date_is_the_current_second(self, loop):
        service = make(loop)
        before = int(time.time())
        service.start()
        service.stop()
        line = next(one for one in service.defaults.block.split(b"\r\n") if one[:5] == b"date:")
        date = parsedate_to_datetime(line[6:].decode())
        assert before <= date.timestamp() <= time.time()


class TestCounting:
    def test_busy(self, loop):
        service = make(loop, concurrency=2)
        assert not service.is_busy()
        for _ in range(2):
            service.add(Connection())
        assert not service.is_busy()
        service.add(Connection())
        assert service.is_busy()

    def test_busy_by_tasks(self, loop):
        service = make(loop, concurrency=2)
        service.tasks.add(object())
        assert not service.is_busy()
        service.tasks.add(object())
        assert service.is_busy()

    def test_no_limit(self, loop):
        service = make(loop)
        service.connections.update(Connection() for _ in range(100))
        assert not service.is_busy()

    def test_removing_twice(self, loop):
        service = make(loop)
        connection = Connection()
        service.add(connection)
        service.remove(connection)
        service.remove(connection)
        assert not service.connections

    @pytest.mark.parametrize(("keep_alive", "keeps"), [(5.0, True), (0.0, False), (0.1, True)])
    def test_keep_alive_0_is_no_keep_alive(self, loop, keep_alive, keeps):
        assert make(loop, keep_alive=keep_alive).keeps_alive == keeps


@pytest.mark.parametrize(("value", "expected"), [(None, math.inf), (0, math.inf), (2, 2.0)])
def test_seconds(value, expected):
    assert seconds(value) == expected
