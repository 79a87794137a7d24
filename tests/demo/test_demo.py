import asyncio
from typing import Any

import pytest

from tests.demo.caller import Call, Response, call, http_scope, request
from tricorn.demo import Demo
from tricorn.demo.asgi import Message


def test_a_websocket_is_refused_before_it_is_accepted() -> None:
    async def run() -> Response:
        running = Call(Demo(), {"type": "websocket", "path": "/", "headers": []})
        running.put({"type": "websocket.connect"})
        return await running.end()

    assert [message["type"] for message in asyncio.run(run()).messages] == ["websocket.close"]


def test_an_unknown_scope_is_an_error() -> None:
    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError

    with pytest.raises(ValueError, match="gopher"):
        asyncio.run(Demo()({"type": "gopher"}, receive, send))


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/facts"), ("POST", "/echo"), ("GET", "/nowhere"), ("PUT", "/upload")],
)
def test_every_response_has_the_strict_policy(method: str, path: str) -> None:
    fields = call(Demo(), http_scope(method, path)).fields
    policy = dict(part.split(" ", 1) for part in fields["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in fields["content-security-policy"]
    assert fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/echo", "/upload", "/inspect"])
def test_a_client_that_leaves_midway_ends_the_request_quietly(path: str) -> None:
    async def run() -> Response:
        running = Call(Demo(), http_scope("POST", path))
        running.put(request(b"first", b"second")[0], {"type": "http.disconnect"})
        return await running.end()

    messages = asyncio.run(run()).messages
    assert not messages or Response(messages).complete is False


@pytest.mark.parametrize("path", ["/", "/echo", "/facts", "/clock", "/nowhere"])
def test_a_send_that_fails_because_the_client_left_is_no_error(path: str) -> None:
    async def receive() -> Message:
        return request(b"content")[0]

    async def send(message: Message) -> None:
        raise ConnectionResetError("the client has left")

    scope: dict[str, Any] = http_scope("POST" if path == "/echo" else "GET", path)
    asyncio.run(asyncio.wait_for(Demo()(scope, receive, send), 30))
