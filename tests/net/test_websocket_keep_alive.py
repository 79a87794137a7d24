"""Pings, and clients that don't answer."""

from __future__ import annotations

import logging

import pytest

from tests.net.ws_apps import Driven, Echo, accepted, disconnect
from tests.net.ws_rig import PING, MakeAny, text
from tests.wire.ws_peer import sent

NEVER = float("inf")


class TestKeepAlive:
    OPTIONS = {"ping_interval": 20.0, "ping_timeout": 20.0}  # noqa: RUF012 - never written to

    def test_pings_an_idle_client(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo(), ws=self.OPTIONS)
        r.begin()
        r.later(19)
        assert r.frames == []
        r.later(1.5)
        assert r.frames == [(PING, b"")]
        r.receive(sent(10))
        r.later(19)
        assert r.frames == [(PING, b"")]
        r.later(2)
        assert r.frames == [(PING, b"")] * 2

    def test_no_answer_is_1011(self, any_ws_rig: MakeAny, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        app = Echo()
        r = any_ws_rig(app, ws=self.OPTIONS)
        r.begin()
        r.later(39)
        assert r.closed_with is None
        r.later(2)
        assert r.closed_with == 1011
        assert app.messages[-1] == disconnect(1011, "keepalive ping timeout")
        assert "keepalive ping timeout" in caplog.text
        # A half-open peer answers that neither.
        r.later(11)
        assert r.transport.aborted
        assert r.is_over()

    def test_any_byte_is_an_answer(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo(), ws=self.OPTIONS)
        r.begin()
        r.later(25)
        r.receive(sent(2, b"x" * 1000)[:500])
        r.later(14)
        assert r.closed_with is None
        assert r.frames == [(PING, b"")]

    def test_a_busy_app_is_not_the_clients_fault(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app, ws={**self.OPTIONS, "queue": 2}), app)
        r.receive(*(text("x") for _ in range(4)))
        assert not r.transport.reading
        r.later(100)
        assert r.closed_with is None
        assert len(r.frames) == 1
        for _ in range(4):
            app.do(r)
        assert r.transport.reading
        r.later(1)
        app.finish(r)

    def test_without_a_timeout(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo(), ws={"ping_interval": 20.0, "ping_timeout": NEVER})
        r.begin()
        r.later(500, 1)
        assert r.frames == [(PING, b"")]

    def test_off(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo(), ws={"ping_interval": NEVER})
        r.begin()
        r.later(500, 5)
        assert r.frames == []
        assert r.open

    @pytest.mark.parametrize("ping_interval", [20.0, 3600.0, NEVER])
    def test_an_idle_connection_gives_its_compressor_back(
        self, any_ws_rig: MakeAny, ping_interval: float
    ) -> None:
        app = Driven()
        r = accepted(
            any_ws_rig(app, ws={"ping_interval": ping_interval, "ping_timeout": NEVER}),
            app,
            b"Sec-WebSocket-Extensions: permessage-deflate",
        )
        app.do(r, {"type": "websocket.send", "text": "x" * 100})
        assert not r.protocol.deflater.is_fresh
        r.later(21)
        assert not r.protocol.deflater.is_fresh  # it sent something
        r.receive(sent(10))
        r.later(21)
        assert r.protocol.deflater.is_fresh
        app.do(r, {"type": "websocket.send", "text": "x" * 100})
        assert not r.protocol.deflater.is_fresh
        app.finish(r)
