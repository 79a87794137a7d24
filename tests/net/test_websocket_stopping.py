"""A server that stops closes its WebSockets, spread over the time that it has."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.net.ws_apps import ACCEPT, CONNECT, Driven, Echo, accepted, disconnect
from tests.net.ws_rig import MakeAny, MakeRig, close, wait_until


class Timers:
    """A loop whose timers run when the test says so."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.callbacks: list[Callable[[], object]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    def call_later(self, delay: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        self.callbacks.append(callback)
        return self.loop.call_later(3600, callback)


class TestStopping:
    def test_closes_with_1012(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        r.service.draining = True
        r.call(r.service.shut_connections, 1.0)
        wait_until(r, lambda: r.closed_with is not None)
        assert r.closed_with == 1012
        assert app.messages[-1] == disconnect(1012)
        assert r.open
        r.receive(close(1012))
        assert r.is_over()

    def test_one_by_one(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.begin()
        for _ in range(9):
            r.transport, r.connection = r.connect()
            r.begin()
        r.call(r.service.shut_connections, 0.2)
        delays = sorted(t.protocol.closer.when() for t in r.transports)
        steps = [b - a for a, b in itertools.pairwise(delays)]
        # No more than needed: 5 ms here, less where there are many.
        assert all(0.004 < step < 0.02 for step in steps), steps
        assert r.service.closing_step == 0.005
        r.call(r.service.shut_connections, 0.01)
        assert r.service.closing_step == pytest.approx(0.001)

    def test_at_once_where_there_is_no_time(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo())
        r.begin()
        r.call(r.service.shut_connections, 0.0)
        r.turn()
        assert r.closed_with == 1012

    def test_at_once_though_there_seemed_to_be_time(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.begin()
        for _ in range(29):
            r.transport, r.connection = r.connect()
            r.begin()

        def told_twice() -> None:
            r.service.shut_connections(60.0)
            r.service.shut_connections(0.0)

        r.call(told_twice)
        for transport in r.transports:
            r.transport = transport
            assert r.closed_with == 1012

    def test_while_connecting(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin()
        r.service.draining = True
        r.call(r.service.shut_connections, 0.0)
        assert r.transport.written == b""
        app.do(r, ACCEPT)
        assert r.head.status == r.opened
        wait_until(r, lambda: r.closed_with is not None)
        assert r.closed_with == 1012
        assert app.do(r) == CONNECT
        assert app.do(r) == disconnect(1012)
        app.finish(r)

    def test_a_handshake_that_comes_now(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.service.draining = True
        r.begin()
        wait_until(r, lambda: r.closed_with is not None)
        assert app.messages[-1] == disconnect(1012)

    def test_who_has_closed_meanwhile_is_left_alone(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        loop = r.service.loop
        timers = r.service.loop = Timers(loop)
        r.call(r.protocol.shutdown)
        r.service.loop = loop
        app.do(r, {"type": "websocket.close", "code": 4000})
        (due,) = timers.callbacks
        r.call(due)
        assert r.closed_with == 4000
        assert app.do(r) == disconnect(4000)
        app.finish(r)

    def test_an_app_that_is_cancelled(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        (task,) = r.service.tasks
        task.cancel()
        r.turn()
        assert r.closed_with == 1012
        assert not r.service.tasks

    def test_what_an_app_says_last(self, any_ws_rig: MakeAny) -> None:
        """Within the server's own task the app can't run at once."""
        app = Echo()
        r = any_ws_rig(app)
        r.begin()

        async def stop() -> None:
            r.protocol._close_for_restart()

        if not hasattr(r.protocol, "_close_for_restart"):
            pytest.skip("compiled")
        r.loop.run_until_complete(stop())
        r.turn()
        assert app.messages[-1] == disconnect(1012)
