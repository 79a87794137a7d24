"""What is particular to a WebSocket on a stream (RFC 8441); the rest is in `test_websocket_*`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.net.h2_rig import Client, Http2Rig, request
from tests.net.rig import answer
from tests.net.ws_apps import ACCEPT, CONNECT, DENY, Driven, Echo, accepted, body, disconnect
from tests.net.ws_rig import CLOSE, PONG, TEXT, CarriedRig, close, connect, text
from tests.wire.ws_peer import sent
from tricorn.asgi.failure import ClientDisconnected
from tricorn.wire.h2 import Http2Limits

Make = Callable[..., CarriedRig]
SEND = {"type": "websocket.send", "bytes": b"m" * 1000}


class TestOpening:
    def test_is_offered(self, carried_rig: Make) -> None:
        assert carried_rig(Echo()).client.engine.remote_settings[8] == 1

    def test_is_not_where_websockets_are_off(self, h2_rig: Callable[..., Http2Rig]) -> None:
        r = h2_rig(Echo())
        assert not r.client.engine.remote_settings.get(8)
        reply = r.ask(connect(), ended=False)
        assert (reply.status, reply.reset) == (0, 1)

    def test_the_answer(self, carried_rig: Make) -> None:
        fields = [(b"X-A", b"1"), (b"Content-Length", b"5"), (b"Connection", b"x")]
        r = carried_rig(Echo({**ACCEPT, "subprotocol": "b", "headers": fields}))
        r.begin(b"Sec-WebSocket-Protocol: a, b")
        assert r.head.status == 200
        assert r.head.fields == {
            b"sec-websocket-protocol": b"b",
            b"x-a": b"1",
            b"server": b"tricorn",
        }
        assert r.open

    def test_the_fields_of_the_scope(self, carried_rig: Make) -> None:
        app = Echo()
        carried_rig(app).begin(b"X-A: 1", b"Cookie: a=1", b"Cookie: b=2")
        assert app.scopes[0]["headers"] == [
            (b"host", b"a"),
            (b"sec-websocket-version", b"13"),
            (b"x-a", b"1"),
            (b"cookie", b"a=1; b=2"),
            (b"connection", b"upgrade"),
            (b"upgrade", b"websocket"),
        ]

    def test_beside_requests(self, carried_rig: Make) -> None:
        echo = Echo()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "websocket":
                await echo(scope, receive, send)
            else:
                await answer(send, b"a request")

        r = carried_rig(app)
        r.begin()
        for number in range(3):
            assert r.h2.ask(request()).body == b"a request"
            r.receive(text(str(number)))
        assert r.frames == [(TEXT, b"0"), (TEXT, b"1"), (TEXT, b"2")]

    def test_is_one_more_request_and_no_connection(self, carried_rig: Make) -> None:
        r = carried_rig(Echo())
        for _ in range(3):
            r.begin()
        assert r.service.open_connections() == 1
        assert len(r.service.tasks) == 3
        assert r.service.total_requests == 3

    def test_when_there_is_too_much_to_do(
        self, carried_rig: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = Echo()
        r = carried_rig(app, concurrency=2)
        for _ in range(2):
            r.begin()
            assert r.head.status == 200
        r.begin()
        assert (r.head.status, r.head.body) == (503, b"Service Unavailable")
        assert r.transport.ended
        assert len(app.scopes) == 2
        assert "Exceeded concurrency limit." in caplog.text


class TestRefusing:
    @pytest.mark.parametrize(
        ("fields", "status", "reason"),
        [
            (connect(protocol=b"connect-udp"), 501, b"websocket"),
            (connect(version=b"8"), 400, b"13"),
            (connect()[:-1], 400, b"13"),
            (connect(b"content-length: 1"), 400, b"content"),
            (connect(b"sec-websocket-protocol: a b"), 400, b"Sec-WebSocket-Protocol"),
            (connect(b"sec-websocket-extensions: a;"), 400, b"Sec-WebSocket-Extensions"),
            ([(b":method", b"CONNECT"), (b":authority", b"a")], 501, b"CONNECT"),
        ],
    )
    def test_what_is_wrong_is_said(
        self, carried_rig: Make, fields: Any, status: int, reason: bytes
    ) -> None:
        app = Echo()
        r = carried_rig(app)
        r.ask(fields)
        assert r.head.status == status
        assert reason in r.head.body
        assert r.transport.ended
        assert not app.scopes
        assert r.h2.open

    def test_another_version_is_told_ours(self, carried_rig: Make) -> None:
        r = carried_rig(Echo())
        r.ask(connect(version=b"8"))
        assert r.head.fields[b"sec-websocket-version"] == b"13"

    def test_one_that_has_ended_its_side(self, carried_rig: Make) -> None:
        r = carried_rig(Echo())
        r.ask(connect(), ended=True)
        assert r.head.status == 400

    @pytest.mark.parametrize("missing", [b":scheme", b":path", b":authority"])
    def test_without_its_pseudo_fields(self, carried_rig: Make, missing: bytes) -> None:
        """RFC 8441 §4: malformed."""
        r = carried_rig(Echo())
        r.ask([pair for pair in connect() if pair[0] != missing])
        assert r.reply.reset == 1
        assert r.h2.open

    def test_a_protocol_without_connect(self, carried_rig: Make) -> None:
        r = carried_rig(Echo())
        r.ask([(b":method", b"GET"), *connect()[1:]])
        assert r.reply.reset == 1


class TestDenying:
    def test_close_before_accept(self, carried_rig: Make) -> None:
        app = Driven()
        r = carried_rig(app)
        r.begin()
        assert app.do(r, {"type": "websocket.close", "code": 4000}) is None
        assert (r.head.status, r.head.body) == (403, b"")
        assert r.transport.ended
        assert app.do(r) == CONNECT
        assert app.do(r) == disconnect(1006)
        app.finish(r)
        assert r.is_over()

    def test_streamed(self, carried_rig: Make) -> None:
        app = Driven()
        r = carried_rig(app)
        r.begin()
        app.do(r, DENY)
        app.do(r, body(b"not", True))
        assert (r.head.status, r.head.body, r.transport.ended) == (403, b"not", False)
        r.later(100)
        app.do(r, body(b" here"))
        assert (r.head.body, r.transport.ended) == (b"not here", True)
        app.finish(r)

    @pytest.mark.parametrize("status", [200, 204, 299])
    def test_not_by_a_status_that_accepts(self, carried_rig: Make, status: int) -> None:
        app = Driven()
        r = carried_rig(app)
        r.begin()
        app.do(r, {**DENY, "status": status})
        error = app.do(r, body(b"x"))
        assert isinstance(error, RuntimeError)
        assert str(status) in str(error)
        app.finish(r)
        assert r.head.status == 500

    def test_a_client_that_does_not_end_its_side(self, carried_rig: Make) -> None:
        app = Driven()
        r = carried_rig(app, limits={"linger": 5.0})
        r.begin()
        app.do(r, {"type": "websocket.close"})
        app.finish(r)
        r.later(4)
        assert r.open
        r.later(2)
        assert r.reply.reset is not None
        assert r.is_over()


class TestEnds:
    def test_both_sides_of_the_stream(self, carried_rig: Make) -> None:
        app = Echo()
        r = carried_rig(app)
        r.begin()
        r.receive(close(4001))
        assert r.closed_with == 4001
        assert r.transport.ended
        assert r.reply.reset is None
        assert r.is_over()
        assert r.h2.open

    def test_the_client_resets(self, carried_rig: Make) -> None:
        app = Driven()
        r = accepted(carried_rig(app), app)
        r.receive(text("a"))
        r.client.engine.reset_stream(r.stream_id, 8)
        r.turn()
        assert app.do(r)["text"] == "a"
        assert app.do(r) == disconnect(1006)
        assert isinstance(app.do(r, SEND), ClientDisconnected)
        app.finish(r)
        assert r.is_over()

    def test_the_connection_is_lost(self, carried_rig: Make) -> None:
        app = Echo()
        r = carried_rig(app)
        r.begin()
        r.begin()
        r.h2.call(r.h2.transport.lose, ConnectionResetError())
        r.h2.turn()
        assert [m for m in app.messages if m != CONNECT] == [disconnect(1006)] * 2
        assert not r.service.connections
        assert not r.service.carried
        assert not r.service.tasks

    def test_a_client_that_stays_behind_both_closes(self, carried_rig: Make) -> None:
        r = carried_rig(Echo(), limits={"linger": 5.0})
        r.begin()
        r.receive(close(1000))
        r.later(4)
        assert r.open
        r.later(2)
        assert r.reply.reset == 0
        assert r.is_over()

    def test_trailers(self, carried_rig: Make) -> None:
        """RFC 9113 §8.5: nothing but DATA on a tunnel."""
        app = Echo()
        r = carried_rig(app)
        r.begin()
        r.client.engine.send_trailers(r.stream_id, [(b"a", b"b")])
        r.turn()
        assert r.reply.reset == 1
        assert app.messages[-1] == disconnect(1006)
        assert r.is_over()

    def test_the_clients_end_behind_what_the_app_has_yet_to_take(self, carried_rig: Make) -> None:
        app = Driven()
        r = accepted(carried_rig(app, ws={"queue": 2}), app)
        r.receive(text("0") + text("1") + text("2"))
        r.receive(text("3"))
        assert not r.transport.reading
        assert r.end_of_client()
        assert [app.do(r)["text"] for _ in range(4)] == ["0", "1", "2", "3"]
        assert app.do(r) == disconnect(1006)
        assert r.transport.ended
        app.finish(r)
        assert r.is_over()

    def test_apps_that_stay_count(self, carried_rig: Make) -> None:
        """Opened, reset, and opened again: how many may run has a bound."""
        gate = asyncio.Event()
        running: list[int] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            running.append(1)
            await gate.wait()
            running.pop()

        r = carried_rig(app, http2_limits=Http2Limits(streams=3))
        for _ in range(8):
            r.begin()
            r.client.engine.reset_stream(r.stream_id, 8)
            r.turn()
        assert len(running) == 6
        r.begin()
        assert r.reply.reset == 7  # REFUSED_STREAM
        r.call(gate.set)
        assert running == []
        r.begin()
        assert r.head.status == 200


class TestStopping:
    def test_says_so_and_ends(self, carried_rig: Make) -> None:
        app = Echo()
        r = carried_rig(app)
        r.begin()
        r.service.draining = True
        r.call(r.service.shut_connections, 0.0)
        r.turn()
        r.turn()
        assert r.client.goaways[0] == (2**31 - 1, 0)
        assert r.closed_with == 1012
        assert app.messages[-1] == disconnect(1012)
        r.receive(close(1012))
        r.client.engine.end_stream(r.stream_id)
        r.turn()
        assert r.client.over
        r.later(6)
        assert not r.service.connections


class TestFlow:
    def test_a_client_whose_window_is_shut(self, carried_rig: Make) -> None:
        app = Driven()
        client = Client(auto=False)
        r = accepted(carried_rig(app, client=client), app)
        sent_all = 0
        while not hasattr(app, "waiting"):
            assert app.do(r, SEND) is None
            sent_all += 1
            assert sent_all < 1000
        # 64 KiB in its window, and as much here.
        assert 125 < sent_all < 145
        assert len(r.reply.body) == 65535
        waiting = app.waiting
        for _ in range(100):
            engine = client.engine
            if waiting.done():
                break
            engine.acknowledge_received_data(16384, r.stream_id)
            r.turn()
        assert waiting.done()
        app.finish(r)

    def test_one_that_never_opens_it(self, carried_rig: Make) -> None:
        app = Driven()
        client = Client(auto=False, settings={4: 0})
        r = accepted(carried_rig(app, client=client, limits={"write": 10.0}), app)
        assert app.do(r, {**SEND, "bytes": b"x" * 70_000}) is None
        waiting = app.waiting
        r.later(12)
        assert r.reply.reset == 8
        assert waiting.done()
        assert app.do(r) == disconnect(1006)
        app.finish(r)
        assert r.is_over()
        assert r.h2.open

    def test_one_that_never_opens_it_and_pings(self, carried_rig: Make) -> None:
        app = Driven()
        client = Client(auto=False, settings={4: 0})
        r = accepted(carried_rig(app, client=client), app)
        assert app.do(r, {**SEND, "bytes": b"x" * 70_000}) is None
        before = r.h2.connection.wire.unsent(r.stream_id)
        for number in range(100):
            r.receive(sent(9, b"%d" % number))
        assert r.h2.connection.wire.unsent(r.stream_id) == before
        client.engine.update_settings({4: 1 << 20})
        client.engine.set_local_window_size(1 << 20)
        r.turn()
        assert [opcode for opcode, _ in r.frames] == [2, PONG]
        assert r.frames[-1] == (PONG, b"99")
        app.finish(r)

    def test_an_app_that_does_not_receive_shuts_the_window(self, carried_rig: Make) -> None:
        app = Driven()
        r = accepted(carried_rig(app), app)
        message = sent(2, b"x" * 1000)
        r.receive(message * 1000)
        assert r.client.engine.queued_body_size(r.stream_id) > 700_000
        assert len(r.stream.tunnel.unread) <= 131072
        for _ in range(1000):
            assert app.do(r)["bytes"] == b"x" * 1000
        assert r.client.engine.queued_body_size(r.stream_id) == 0
        assert app.do(r) is None
        app.waiting.cancel()
        app.finish(r)

    def test_frames_of_one_byte(self, carried_rig: Make) -> None:
        app = Driven()
        r = accepted(carried_rig(app, ws={"queue": 1}), app)
        r.receive(text("a") + text("b"))
        assert not r.transport.reading
        for byte in text("slow") * 20:
            r.client.engine.send_data(r.stream_id, bytes((byte,)))
        r.turn()
        got = [app.do(r)["text"] for _ in range(22)]
        assert got == ["a", "b", *["slow"] * 20]
        app.finish(r)

    def test_a_connection_that_does_not_read(self, carried_rig: Make) -> None:
        app = Driven()
        r = accepted(carried_rig(app, limits={"write": 10.0}), app)
        r.h2.pause()
        assert app.do(r, {**SEND, "bytes": b"x" * 70_000}) is None
        waiting = app.waiting
        assert not waiting.done()
        r.h2.resume()
        r.turn()
        assert waiting.done()
        assert len(r.frames) == 1
        app.finish(r)


def test_the_close_frame_comes_before_the_end(carried_rig: Make) -> None:
    app = Driven()
    r = accepted(carried_rig(app, client=Client(auto=False, settings={4: 10})), app)
    app.do(r, {"type": "websocket.send", "text": "a long text"})
    r.receive(close(1000))
    assert not r.transport.ended
    r.client.engine.update_settings({4: 1000})
    r.turn()
    assert [opcode for opcode, _ in r.frames] == [TEXT, CLOSE]
    assert r.transport.ended
    app.finish(r)
