"""How a WebSocket ends: who closes first, who doesn't answer, who stops."""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tests.net.ws_apps import ACCEPT, CONNECT, Driven, Echo, accepted, disconnect
from tests.net.ws_rig import CLOSE, PING, CarriedRig, WebSocketRig, close, text
from tests.wire.ws_peer import sent
from tricorn.asgi.failure import ClientDisconnected

MakeRig = Callable[..., WebSocketRig]
MakeAny = Callable[..., WebSocketRig | CarriedRig]
NEVER = float("inf")


class TestClientCloses:
    @pytest.mark.parametrize(
        ("data", "code", "reason"),
        [
            (close(1000), 1000, ""),
            (close(4001, "so é"), 4001, "so é"),
            (sent(CLOSE), 1005, ""),
        ],
    )
    def test_is_answered_and_told(
        self, any_ws_rig: MakeAny, data: bytes, code: int, reason: str
    ) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        r.receive(text("last") + data + text("behind it"))
        assert r.closed_with == code
        assert len(r.frames[-1][1]) == (0 if code == 1005 else 2)
        assert app.received == ["last"]
        assert app.messages[-1] == disconnect(code, reason)
        assert r.transport.closed
        assert r.is_over()
        assert not r.service.tasks

    def test_while_much_waits_to_be_sent(self, ws_rig: MakeRig) -> None:
        app = Echo()
        r = ws_rig(app, limits={"write": 10.0})
        r.begin()
        r.pause()
        r.receive(close(1000))
        assert r.transport.closed
        assert not r.transport.lost
        r.later(11)
        assert r.transport.aborted

    def test_sending_to_it_raises(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        r.receive(close(1000))
        for _ in range(2):
            assert isinstance(
                app.do(r, {"type": "websocket.send", "text": "a"}), ClientDisconnected
            )
        assert app.do(r, {"type": "websocket.close"}) is None
        assert isinstance(app.do(r, {"type": "websocket.send", "text": "a"}), RuntimeError)
        app.finish(r)

    def test_an_app_that_closes_in_answer(self, any_ws_rig: MakeAny) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            await send({"type": "websocket.close", "code": 1000})

        r = any_ws_rig(app)
        r.begin()
        r.receive(close(4001))
        assert r.frames == [(CLOSE, (4001).to_bytes(2, "big"))]


class TestAppCloses:
    def test_and_the_client_answers(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        app.do(r, {"type": "websocket.close", "code": 4001, "reason": "so"})
        assert r.frames == [(CLOSE, b"\x0f\xa1so")]
        assert r.open
        r.receive(text("on its way") + close(4001))
        assert r.transport.closed
        assert app.do(r) == disconnect(4001, "so")
        assert isinstance(app.do(r, {"type": "websocket.send", "text": "a"}), RuntimeError)
        app.finish(r)
        assert r.is_over()

    def test_and_the_client_does_not(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app, ws={"close": 10.0}), app)
        app.do(r, {"type": "websocket.close"})
        r.later(9)
        assert r.open
        r.later(2)
        assert r.transport.aborted
        assert r.is_over()
        assert app.do(r) == disconnect(1000)
        app.finish(r)

    def test_and_the_client_only_hangs_up(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        app.do(r, {"type": "websocket.close"})
        assert not r.end_of_client()
        assert r.is_over()
        assert app.do(r) == disconnect(1000)
        app.finish(r)

    def test_and_pings_are_no_longer_answered(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        app.do(r, {"type": "websocket.close"})
        r.receive(sent(PING, b"x"))
        assert r.frames == [(CLOSE, b"\x03\xe8")]
        app.finish(r)

    def test_behind_what_a_slow_client_has_yet_to_read(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = accepted(ws_rig(app, ws={"close": 10.0}, limits={"write": 60.0}), app)
        r.pause()
        app.do(r, {"type": "websocket.send", "text": "much"})
        app.do(r, {"type": "websocket.close"})
        r.later(30)
        # It may take the time that writing may take.
        assert r.open
        r.resume()
        r.later(9)
        assert r.open
        r.receive(close(1000))
        assert r.transport.closed
        app.finish(r)

    @pytest.mark.parametrize("code", [999, 1004, 1005, 1006, 1015, 2999, 5000, -1, 1 << 40])
    def test_with_a_code_that_must_not_be_sent(self, any_ws_rig: MakeAny, code: int) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        if code == 1005:
            app.do(r, {"type": "websocket.close", "code": code})
            assert r.frames == [(CLOSE, b"")]
        else:
            error = app.do(r, {"type": "websocket.close", "code": code})
            assert isinstance(error, RuntimeError)
            assert str(code) in str(error)
            assert app.do(r, {"type": "websocket.close", "code": 1000}) is None
            assert r.closed_with == 1000
        app.finish(r)

    def test_with_a_long_reason(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = accepted(any_ws_rig(app), app)
        app.do(r, {"type": "websocket.close", "reason": "é" * 100})
        assert r.frames == [(CLOSE, b"\x03\xe8" + "é".encode() * 61)]
        app.finish(r)

    def test_from_within_its_answer_to_a_message(self, any_ws_rig: MakeAny) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            await receive()
            await send({"type": "websocket.close"})

        r = any_ws_rig(app)
        r.begin()
        r.receive(text("a") + text("b") + close(1000))
        assert r.frames == [(CLOSE, b"\x03\xe8")]
        assert r.transport.closed
        assert not r.service.tasks

    @pytest.mark.parametrize("raises", [False, True])
    def test_by_returning_or_raising(
        self, any_ws_rig: MakeAny, caplog: pytest.LogCaptureFixture, raises: bool
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            await receive()
            if raises:
                raise LookupError("of the app's")

        r = any_ws_rig(app)
        r.begin()
        r.receive(text("a"))
        assert r.closed_with == (1011 if raises else 1000)
        assert ("of the app's" in caplog.text) is raises
        r.receive(close(1000))
        assert r.is_over()

    def test_at_once(self, ws_rig: MakeRig) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await send({"type": "websocket.send", "text": "hi"})

        r = ws_rig(app)
        r.begin(behind=close(1000))
        assert r.head.status == 101
        # The close was there before the app's first message.
        assert r.frames == [(CLOSE, b"\x03\xe8")]


class TestLoss:
    @pytest.mark.parametrize("how", ["end", "reset"])
    def test_is_1006(self, any_ws_rig: MakeAny, how: str) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        if how == "end":
            assert not r.end_of_client()
        else:
            r.call(r.transport.lose, ConnectionResetError())
        assert app.messages == [CONNECT, disconnect(1006)]
        assert r.is_over()
        assert not r.service.tasks

    def test_who_waits_to_send_is_woken(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = accepted(ws_rig(app), app)
        r.pause()
        app.do(r, {"type": "websocket.send", "text": "a"})
        r.call(r.transport.abort)
        assert app.waiting.done()
        assert isinstance(app.do(r, {"type": "websocket.send", "text": "a"}), ClientDisconnected)
        assert app.do(r) == disconnect(1006)
        app.finish(r)

    def test_within_a_message(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app)
        r.begin()
        r.receive(text("half")[:-1])
        r.end_of_client()
        assert app.messages == [CONNECT, disconnect(1006)]


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


class TestLog:
    class Sink:
        enabled = True

        def __init__(self) -> None:
            self.lines: list[Any] = []

        def websocket_accepted(self, *facts: Any) -> None:
            self.lines.append(("accepted", *facts))

        def websocket_denied(self, *facts: Any) -> None:
            self.lines.append(("denied", *facts))

        def websocket_closed(self, *facts: Any) -> None:
            self.lines.append(("closed", *facts))

    def test_one_line_at_accept_and_one_at_close(self, any_ws_rig: MakeAny) -> None:
        sink = self.Sink()
        r = any_ws_rig(Echo(), access=sink)
        r.begin(target=b"/chat?a=1")
        client = ("192.0.2.1", 4000)
        assert sink.lines == [("accepted", client, b"/chat?a=1")]
        r.receive(text("a"), text("b"), sent(PING), close(1001))
        assert r.is_over()
        line = sink.lines[1]
        assert line[:4] == ("closed", client, b"/chat?a=1", 1001)
        assert 0 < line[4] < 60
        assert line[5] == (2, 2)
        assert len(sink.lines) == 2

    def test_of_a_denial(self, any_ws_rig: MakeAny) -> None:
        sink = self.Sink()
        app = Driven()
        r = any_ws_rig(app, access=sink)
        r.begin()
        app.do(r, {"type": "websocket.close"})
        assert sink.lines == [("denied", ("192.0.2.1", 4000), b"/", 403)]
        r.end_of_client()
        assert len(sink.lines) == 1
        app.finish(r)

    @pytest.mark.parametrize(
        ("data", "code"), [(b"", 1006), (b"\x81\x02hi", 1002), (sent(CLOSE), 1005)]
    )
    def test_the_code(self, any_ws_rig: MakeAny, data: bytes, code: int) -> None:
        sink = self.Sink()
        r = any_ws_rig(Echo(), access=sink)
        r.begin()
        r.receive(data)
        r.end_of_client()
        assert sink.lines[-1][3] == code

    def test_both_count_as_one_request(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo())
        r.begin()
        r.receive(close(1000))
        assert r.service.total_requests == 1


@pytest.mark.parametrize("end", ["client", "app", "loss", "violation", "denied", "refused"])
def test_nothing_is_left_for_the_garbage_collector(
    any_ws_rig: MakeAny, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    # What pytest catches of it holds the app's error.
    monkeypatch.setattr(logging.getLogger("tricorn.error"), "disabled", True)

    class Held:
        """What the app's frame holds."""

    found: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        held = Held()
        found.append(weakref.ref(held))
        if end == "denied":
            await send({"type": "websocket.close"})
            return
        if end == "refused":
            raise LookupError
        await send(ACCEPT)
        while (await receive())["type"] != "websocket.disconnect":
            if end == "app":
                return
            await send({"type": "websocket.send", "text": "a"})

    r = any_ws_rig(app)
    gc.collect()
    gc.disable()
    try:
        r.begin(b"Sec-WebSocket-Extensions: permessage-deflate")
        transport = r.transport
        if end != "loss":
            r.receive({"client": close(1000), "violation": b"\x81\x02hi"}.get(end, text("a")))
            r.receive(close(1000))
        r.call(transport.lose)
        r.connection = None  # type: ignore[assignment]
        transport.protocol = None
        r.turn()
        assert found[0]() is None
        assert count_ours() == {}
    finally:
        gc.enable()


def count_ours() -> dict[str, int]:
    """The objects of one WebSocket that the collector knows of, by class."""
    names = ("WebSocketConnection", "Session", "Http1Connection", "Http1Opening", "Handover")
    counts: dict[str, int] = {}
    for thing in gc.get_objects():
        name = type(thing).__name__
        if name in names:
            counts[name] = counts.get(name, 0) + 1
    return counts


def wait_until(rig: WebSocketRig, condition: Callable[[], object]) -> None:
    """Let the loop's timers run until it is so."""
    deadline = rig.loop.time() + 30
    while not condition():
        assert rig.loop.time() < deadline
        rig.loop.run_until_complete(asyncio.sleep(0.002))
