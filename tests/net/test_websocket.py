"""One WebSocket connection on a transport made of lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.net.ws_rig import ACCEPT, CLOSE, TEXT, WebSocketRig, close, handshake, text

MakeRig = Callable[..., WebSocketRig]


class Echo:
    """Sends back what comes, and notes every message."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.messages: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        while True:
            message = await receive()
            self.messages.append(message)
            if message["type"] == "websocket.connect":
                await send({"type": "websocket.accept"})
            elif message["type"] == "websocket.disconnect":
                return
            else:
                await send({**message, "type": "websocket.send"})


class TestHandshake:
    def test_is_accepted(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.begin()
        assert r.head.status == 101
        assert r.head.fields[b"sec-websocket-accept"] == ACCEPT
        assert r.head.fields[b"upgrade"] == b"websocket"
        assert r.head.fields[b"connection"] == b"Upgrade"
        assert r.frames == []

    def test_of_http_1_0_is_answered_in_1_1(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.receive(handshake(version=b"1.0"))
        assert r.head.status == 101
        r.receive(text("hi"))
        assert r.frames == [(TEXT, b"hi")]

    def test_of_another_version_gets_426_with_ours(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.receive(handshake().replace(b"Version: 13", b"Version: 8"))
        assert r.head.status == 426
        assert r.head.fields[b"sec-websocket-version"] == b"13"
        assert r.head.fields[b"connection"] == b"close, upgrade"

    def test_what_came_with_it_is_kept(self, ws_rig: MakeRig) -> None:
        r = ws_rig(Echo())
        r.begin(behind=text("one") + text("two"))
        assert r.frames == [(TEXT, b"one"), (TEXT, b"two")]


class TestClose:
    def test_of_the_client_is_answered(self, ws_rig: MakeRig) -> None:
        app = Echo()
        r = ws_rig(app)
        r.begin()
        r.receive(close(4001, "so"))
        assert r.frames == [(CLOSE, (4001).to_bytes(2, "big"))]
        assert app.messages[-1] == {"type": "websocket.disconnect", "code": 4001, "reason": "so"}
        assert r.transport.closed
        assert not r.service.connections
        assert not r.service.tasks
