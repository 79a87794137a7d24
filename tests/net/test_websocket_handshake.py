"""How a request becomes a WebSocket, or doesn't."""

from __future__ import annotations

import contextvars
from typing import Any

import pytest

from tests.net.rig import hello
from tests.net.ws_apps import ACCEPT, CONNECT, Driven, Echo, disconnect
from tests.net.ws_rig import (
    ACCEPT as ACCEPT_VALUE,
)
from tests.net.ws_rig import (
    CLOSE,
    TEXT,
    MakeAny,
    MakeRig,
    close,
    handshake,
    read_frame,
    text,
)
from tricorn.asgi.failure import ClientDisconnected
from tricorn.asgi.task import TaskStarter
from tricorn.edge.forwarded import Forwarding
from tricorn.edge.trust import TrustedPeers


class TestAccepting:
    def test_the_answer(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.begin()
        assert r.head.status == 101
        assert r.head.fields[b"sec-websocket-accept"] == ACCEPT_VALUE
        assert r.head.fields[b"upgrade"] == b"websocket"
        assert r.head.fields[b"connection"] == b"Upgrade"
        assert r.head.fields[b"server"] == b"tricorn"
        assert b"sec-websocket-protocol" not in r.head.fields
        assert b"content-length" not in r.head.fields
        assert r.frames == []

    def test_of_http_1_0_is_answered_in_1_1(self, ws_rig: MakeRig) -> None:
        """Which is what the app is told, too: to ASGI there is no WebSocket of 1.0."""
        app = Echo()
        r = ws_rig(app)
        r.receive(handshake(version=b"1.0"))
        assert r.transport.written.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert app.scopes[0]["http_version"] == "1.1"
        r.receive(text("hi"))
        assert r.frames == [(TEXT, b"hi")]

    def test_subprotocol_and_fields_of_the_app(self, any_ws_rig: MakeAny) -> None:
        fields = [(b"X-A", b"1"), (b"Server", b"mine"), (b"Content-Length", b"5")]
        app = Echo({**ACCEPT, "subprotocol": "b", "headers": fields})
        r = any_ws_rig(app)
        r.begin(b"Sec-WebSocket-Protocol: a, b")
        assert app.scopes[0]["subprotocols"] == ["a", "b"]
        assert r.head.fields[b"sec-websocket-protocol"] == b"b"
        assert r.head.fields[b"x-a"] == b"1"
        assert r.head.fields[b"server"] == b"mine"  # once: `head` sees to that
        assert b"content-length" not in r.head.fields

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            (b"Sec-WebSocket-Accept", "sec-websocket-accept"),
            (b"sec-websocket-extensions", "sec-websocket-extensions"),
            (b"sec-websocket-protocol", "use 'subprotocol'"),
            (b"Upgrade", "upgrade"),
            (b"bad name", "bad name"),
        ],
    )
    def test_fields_that_are_not_the_apps(
        self, any_ws_rig: MakeAny, name: bytes, hint: str
    ) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin()
        error = app.do(r, {**ACCEPT, "headers": [(name, b"x")]})
        assert isinstance(error, RuntimeError)
        assert hint in str(error)
        # Nothing was sent, so the app may do better.
        assert app.do(r, ACCEPT) is None
        assert r.head.status == r.opened

    def test_deflate_is_agreed_to(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo())
        r.begin(b"Sec-WebSocket-Extensions: permessage-deflate")
        assert r.head.fields[b"sec-websocket-extensions"].startswith(b"permessage-deflate")

    def test_deflate_can_be_off(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo(), ws={"deflate": False})
        r.begin(b"Sec-WebSocket-Extensions: permessage-deflate")
        assert r.head.status == r.opened
        assert b"sec-websocket-extensions" not in r.head.fields

    def test_what_came_with_it_is_kept(self, any_ws_rig: MakeAny) -> None:
        r = any_ws_rig(Echo())
        r.begin(behind=text("one") + text("two") + text("three")[:4])
        r.receive(text("three")[4:])
        assert r.frames == [(TEXT, b"one"), (TEXT, b"two"), (TEXT, b"three")]

    def test_what_comes_before_the_app_accepts_is_kept(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin(behind=text("one"))
        r.receive(text("two")[:3], text("two")[3:] + close(1000))
        assert app.do(r) == CONNECT
        assert app.do(r, ACCEPT) is None
        got = [app.do(r) for _ in range(3)]
        assert [message.get("text") for message in got] == ["one", "two", None]
        assert got[2] == disconnect(1000)
        app.finish(r)

    def test_before_it_accepts_so_much_is_held_and_no_more(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin()
        r.receive(*(text("x" * 1000) for _ in range(70)))
        assert not r.transport.reading
        app.do(r, ACCEPT)
        # More than the queue holds: reading goes on when the app receives.
        assert not r.transport.reading
        app.do(r)
        got = [app.do(r) for _ in range(70)]
        assert all(message["text"] == "x" * 1000 for message in got)
        assert app.do(r) is None
        assert r.transport.reading
        app.waiting.cancel()
        app.finish(r)

    def test_behind_requests_in_the_same_piece(self, ws_rig: MakeRig) -> None:
        apps = {"http": hello, "websocket": Echo()}

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await apps[scope["type"]](scope, receive, send)

        r = ws_rig(app)
        get = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        r.receive(get + get + handshake() + text("hi"))
        first, _, rest = r.transport.written.partition(b"HTTP/1.1 101")
        assert first.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert first.endswith(b"hello")
        assert read_frame(rest.partition(b"\r\n\r\n")[2]) == (TEXT, b"hi", b"")


class TestScope:
    def test_all_of_it(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        r = any_ws_rig(app, state={"a": 1})
        r.begin(b"X-A: 1", target=b"/caf%C3%A9?q=1")
        scope = app.scopes[0]
        headers = scope.pop("headers")
        assert (b"x-a", b"1") in headers
        assert (b"upgrade", b"websocket") in headers
        assert scope == {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": r.version,
            "scheme": "ws",
            "server": ("192.0.2.9", 80),
            "client": ("192.0.2.1", 4000),
            "root_path": "",
            "path": "/café",
            "raw_path": b"/caf%C3%A9",
            "query_string": b"q=1",
            "subprotocols": [],
            "state": {"a": 1},
            "extensions": {"websocket.http.response": {}},
        }
        assert scope["state"] is not r.service.state

    def test_root_path(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        any_ws_rig(app, root_path="/api").begin()
        scope = app.scopes[0]
        assert (scope["root_path"], scope["path"]) == ("/api", "/api/")
        assert scope["raw_path"] == b"/api/"

    @pytest.mark.parametrize("proto", ["https", "wss"])
    def test_behind_a_proxy_that_ends_tls(self, any_ws_rig: MakeAny, proto: str) -> None:
        app = Echo()
        forwarding = Forwarding(TrustedPeers("*"))
        r = any_ws_rig(app, forwarder=forwarding)
        r.begin(b"X-Forwarded-Proto: " + proto.encode(), b"X-Forwarded-For: 203.0.113.9")
        assert app.scopes[0]["scheme"] == "wss"
        assert app.scopes[0]["client"][0] == "203.0.113.9"

    def test_over_tls(self, any_ws_rig: MakeAny) -> None:
        app = Echo()
        any_ws_rig(app, extra={"sslcontext": object()}).begin()
        assert app.scopes[0]["scheme"] == "wss"


class TestTime:
    def test_an_app_that_does_not_answer(
        self, any_ws_rig: MakeAny, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = Driven()
        r = any_ws_rig(app, ws={"handshake": 10.0})
        r.begin()
        r.later(9.5)
        assert r.transport.written == b""
        r.later(1)
        assert r.head.status == 503
        assert b"in time" in r.head.body
        assert r.transport.ended
        assert "within 10 s" in caplog.text
        assert app.do(r) == CONNECT
        assert app.do(r) == disconnect(1006)
        assert isinstance(app.do(r, ACCEPT), ClientDisconnected)
        app.finish(r)

    def test_without_a_limit(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app, ws={"handshake": float("inf")})
        r.begin()
        r.later(1000, 50)
        app.do(r, ACCEPT)
        assert r.head.status == r.opened
        app.finish(r)

    def test_a_denied_client_that_stays(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app, limits={"linger": 5.0})
        r.begin()
        app.do(r, {"type": "websocket.close"})
        r.later(4)
        assert r.open
        r.later(2)
        assert r.transport.aborted
        app.finish(r)

    def test_a_client_that_leaves_before_it_is_answered(self, any_ws_rig: MakeAny) -> None:
        app = Driven()
        r = any_ws_rig(app)
        r.begin()
        assert not r.end_of_client()
        assert app.do(r) == CONNECT
        assert app.do(r) == disconnect(1006)
        assert isinstance(app.do(r, ACCEPT), ClientDisconnected)
        assert r.is_over()
        app.finish(r)


def test_the_first_frame_may_be_a_close(any_ws_rig: MakeAny) -> None:
    app = Echo()
    r = any_ws_rig(app)
    r.begin(behind=close(1001))
    assert r.frames == [(CLOSE, (1001).to_bytes(2, "big"))]
    assert app.messages == [CONNECT, disconnect(1001)]


@pytest.mark.parametrize("fresh", [False, True])
def test_context_variables(any_ws_rig: MakeAny, fresh: bool) -> None:
    variable = contextvars.ContextVar("variable", default="nothing")
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(variable.get())
        variable.set("the app's")
        await send(ACCEPT)
        while (await receive())["type"] != "websocket.disconnect":
            seen.append(variable.get())

    r = any_ws_rig(app)
    r.service.starter.close()
    r.service.starter = TaskStarter(r.loop, fresh)
    token = variable.set("the server's")
    try:
        r.begin()
        r.receive(text("a"))
    finally:
        variable.reset(token)
    assert seen == ["nothing" if fresh else "the server's", "the app's", "the app's"]
