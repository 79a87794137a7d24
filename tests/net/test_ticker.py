"""Regular calls: by the system's timer, and by the loop's where there is none."""

import asyncio
import contextlib
import errno
import os
import time

import pytest

from tricorn.net import sysio
from tricorn.net.ticker import Ticker


@pytest.fixture(params=["descriptor", "loop", "exhausted", "no readers"])
def loop(request, monkeypatch):
    if request.param == "descriptor" and not sysio.HAS_TIMER:
        pytest.skip("no timers that are descriptors here")
    made = asyncio.new_event_loop()
    if request.param == "loop":
        monkeypatch.setattr(sysio, "HAS_TIMER", False)
    elif request.param == "exhausted":

        def refuse(seconds):
            raise OSError(errno.EMFILE, "Too many open files")

        monkeypatch.setattr(sysio, "timer", refuse)
    elif request.param == "no readers":

        def no_readers(fd, callback):
            raise NotImplementedError

        monkeypatch.setattr(made, "add_reader", no_readers)
    yield made
    made.close()


def open_files():
    return set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()


def run_until(loop, condition):
    async def wait():
        end = time.monotonic() + 30
        while not condition() and time.monotonic() < end:
            await asyncio.sleep(0.005)

    loop.run_until_complete(wait())
    assert condition()


class TestTicker:
    def test_it_calls_again_and_again_until_it_is_stopped(self, loop):
        calls = []
        ticker = Ticker(loop, 0.01, lambda: calls.append(loop.time()))
        begun = loop.time()
        ticker.start()
        run_until(loop, lambda: len(calls) >= 3)
        assert calls[0] - begun >= 0.009
        ticker.stop()
        called = len(calls)
        loop.run_until_complete(asyncio.sleep(0.05))
        assert len(calls) == called

    def test_a_busy_loop_gets_one_call_for_those_it_missed(self, loop):
        calls = []
        ticker = Ticker(loop, 0.01, lambda: calls.append(None))
        ticker.start()
        time.sleep(0.3)
        loop.run_until_complete(asyncio.sleep(0))
        loop.run_until_complete(asyncio.sleep(0))
        ticker.stop()
        assert len(calls) < 10  # of thirty

    def test_stopping_gives_all_back_once(self, loop):
        before = open_files()
        ticker = Ticker(loop, 3600, lambda: None)
        ticker.stop()
        ticker.start()
        ticker.stop()
        ticker.stop()
        assert open_files() == before

    def test_it_may_be_stopped_by_its_own_call(self, loop):
        calls = []

        def call():
            calls.append(None)
            ticker.stop()

        ticker = Ticker(loop, 0.01, call)
        ticker.start()
        run_until(loop, lambda: bool(calls))
        loop.run_until_complete(asyncio.sleep(0.05))
        assert len(calls) == 1

    def test_it_may_be_stopped_behind_the_loop(self, loop):
        ticker = Ticker(loop, 3600, lambda: None)
        ticker.start()
        loop.close()
        ticker.stop()

    def test_an_error_of_the_call_is_not_its_last(self, loop):
        calls, told = [], []
        loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))

        def call():
            calls.append(None)
            raise ZeroDivisionError

        ticker = Ticker(loop, 0.01, call)
        ticker.start()
        run_until(loop, lambda: len(calls) >= 2)
        ticker.stop()
        assert all(type(error) is ZeroDivisionError for error in told)
        assert len(told) >= 2


@pytest.mark.skipif(not sysio.HAS_TIMER, reason="no timers that are descriptors here")
def test_a_loop_that_waits_has_no_timer_of_ours():
    loop = asyncio.new_event_loop()
    with contextlib.closing(loop):
        ticker = Ticker(loop, 3600, lambda: None)
        ticker.start()
        assert loop._scheduled == []
        ticker.stop()
