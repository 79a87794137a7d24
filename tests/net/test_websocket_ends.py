"""How a WebSocket ends: who closes first, who doesn't answer, who stops."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest

from tests.net.ws_apps import ACCEPT, CONNECT, Driven, Echo, accepted, disconnect
from tests.net.ws_rig import CLOSE, PING, MakeAny, MakeRig, close, text
from tests.wire.ws_peer import sent
from tricorn.asgi.failure import ClientDisconnected


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
