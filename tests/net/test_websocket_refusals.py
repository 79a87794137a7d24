"""Handshakes that aren't answered with a WebSocket: by the server, or by the app."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.net.rig import hello
from tests.net.ws_apps import CONNECT, DENY, Driven, Echo, body, disconnect
from tests.net.ws_rig import (
    MakeAny,
    MakeRig,
    handshake,
    text,
)
from tricorn.asgi.failure import ClientDisconnected


class TestRefusing:
    @pytest.mark.parametrize(
        ("request_", "status", "reason"),
        [
            (handshake().replace(b"GET", b"POST"), 400, b"GET"),
            (handshake(b"Content-Length: 1") + b"x", 400, b"content"),
            (handshake().replace(b"Sec-WebSocket-Key", b"X-Key"), 400, b"Sec-WebSocket-Key"),
            (handshake(b"Sec-WebSocket-Protocol: a b"), 400, b"Sec-WebSocket-Protocol"),
            (handshake().replace(b"Version: 13", b"Version: 8"), 426, b"version"),
        ],
    )
    def test_what_is_wrong_is_said(
        self, ws_rig: MakeRig, request_: bytes, status: int, reason: bytes
    ) -> None:
        app = Echo()
        r = ws_rig(app)
        r.receive(request_)
        assert r.head.status == status
        assert reason in r.head.body
        assert r.transport.ended
        assert not app.scopes

    def test_another_version_is_told_ours(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.receive(handshake().replace(b"Version: 13", b"Version: 8"))
        assert r.head.fields[b"sec-websocket-version"] == b"13"
        assert r.head.fields[b"connection"] == b"close, upgrade"

    def test_a_client_that_has_ended_its_side_within_the_pipeline(self, ws_rig: MakeRig) -> None:
        gate = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert scope["type"] == "http"
            await gate.wait()
            await hello(scope, receive, send)

        r = ws_rig(app)
        r.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + handshake())
        assert r.end_of_client()
        r.call(gate.set)
        r.turn()
        assert b"HTTP/1.1 400 " in r.transport.written
        assert b"101" not in r.transport.written

    def test_where_websockets_are_off_it_is_a_request(self, ws_rig: MakeRig) -> None:
        seen: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["type"])
            await hello(scope, receive, send)

        r = ws_rig(app, websockets=None)
        r.begin()
        assert seen == ["http"]
        assert r.answers()[0].status == 200
        assert r.open

    def test_when_there_is_too_much_to_do(
        self, ws_rig: MakeRig, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = Echo()
        r = ws_rig(app, concurrency=1)
        r.begin()
        assert r.head.status == 101
        first = r.transport
        r.transport, r.connection = r.connect()
        r.begin()
        assert r.head.status == 503
        assert r.head.body == b"Service Unavailable"
        assert r.transport.ended
        assert len(app.scopes) == 1
        assert "Exceeded concurrency limit." in caplog.text
        first.protocol.data_received(text("still here"))
        assert app.received == ["still here"]


class TestDenying:
    def test_close_before_accept(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = ws_rig(app)
        r.begin()
        assert app.do(r, {"type": "websocket.close", "code": 4000}) is None
        assert r.head.status == 403
        assert r.head.body == b""
        assert r.head.fields[b"content-length"] == b"0"
        assert r.head.fields[b"connection"] == b"close"
        assert r.transport.ended
        assert app.do(r) == CONNECT
        assert app.do(r) == disconnect(1006)
        app.finish(r)

    def test_a_response_of_the_apps(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin(behind=text("too early"))
        fields = [(b"content-length", b"6"), (b"x-a", b"1")]
        app.do(r, {**DENY, "status": 401, "headers": fields})
        assert r.transport.written == b""
        app.do(r, body(b"not", True))
        app.do(r, body(b"yet"))
        assert isinstance(app.do(r, body(b"more")), RuntimeError)
        assert (r.head.status, r.head.body) == (401, b"notyet")
        assert r.head.fields[b"x-a"] == b"1"
        app.finish(r)

    @pytest.mark.parametrize("size", [1024, 20_000, 100_000])
    @pytest.mark.parametrize("pieces", [1, 2])
    def test_a_long_response(self, any_ws_rig: MakeAny, size: int, pieces: int) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin()
        content = b"n" * size
        app.do(r, DENY)
        for index in range(pieces):
            app.do(r, body(content, index < pieces - 1))
        assert (r.head.status, r.head.body) == (403, content * pieces)
        assert r.transport.ended
        app.finish(r)

    def test_streamed(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = ws_rig(app)
        r.begin()
        app.do(r, DENY)
        app.do(r, body(b"not", True))
        assert r.transport.written.endswith(b"3\r\nnot\r\n")
        assert not r.transport.ended
        # It may take its time: nothing is overdue.
        r.later(100)
        app.do(r, body(b" here"))
        assert (r.head.status, r.head.body) == (403, b"not here")
        assert r.transport.ended
        app.finish(r)

    def test_streamed_to_a_client_of_http_1_0(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = ws_rig(app)
        r.receive(handshake(version=b"1.0"))
        app.do(r, DENY)
        app.do(r, body(b"not", True))
        app.do(r, body(b" here"))
        assert b"chunked" not in r.transport.written
        assert r.transport.written.endswith(b"\r\n\r\nnot here")
        app.finish(r)

    def test_to_a_client_that_reads_slowly(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = ws_rig(app)
        r.begin()
        app.do(r, DENY)
        r.pause()
        assert app.do(r, body(b"x" * 1000, True)) is None
        waiting = app.waiting
        r.later(50)
        r.resume()
        assert waiting.done()
        r.later(100)
        assert app.do(r, body(b"y")) is None
        assert r.head.body == b"x" * 1000 + b"y"
        app.finish(r)

    def test_to_a_client_that_reads_nothing(self, ws_rig: MakeRig) -> None:
        app = Driven()
        r = ws_rig(app, limits={"write": 10.0})
        r.begin()
        app.do(r, DENY)
        r.pause()
        app.do(r, body(b"x" * 1000, True))
        waiting = app.waiting
        r.later(11)
        assert r.transport.aborted
        assert waiting.done()
        assert isinstance(app.do(r, body(b"y")), ClientDisconnected)
        app.finish(r)

    def test_longer_than_it_said(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin()
        app.do(r, {**DENY, "headers": [(b"content-length", b"3")]})
        app.do(r, body(b"ab", True))
        error = app.do(r, body(b"cd"))
        assert isinstance(error, RuntimeError)
        assert "Content-Length" in str(error)
        assert r.transport.aborted
        app.finish(r)

    def test_what_the_client_sends_meanwhile_is_dropped(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin()
        app.do(r, DENY)
        app.do(r, body(b"not", True))
        r.receive(*[b"x" * 60000] * 3)
        assert r.transport.reading
        assert len(r.protocol.waiting) == 0
        app.do(r, body(b""))
        r.receive(b"x" * 60000)
        app.finish(r)

    @pytest.mark.parametrize("raises", [False, True])
    def test_an_app_that_ends_without_an_answer(
        self, any_ws_rig: MakeAny, caplog: pytest.LogCaptureFixture, raises: bool
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if raises:
                raise LookupError("of the app's")

        r = any_ws_rig(app)
        r.begin()
        assert (r.head.status, r.head.body) == (500, b"Internal Server Error")
        assert r.transport.ended
        assert len(caplog.records) == 1
