"""What gunicorn's log and hooks are told of a request."""

import asyncio

import pytest

pytest.importorskip("gunicorn")

from tricorn.asgi.failure import ClientDisconnected
from tricorn.compat.gunicorn_requests import WatchedApp

HTTP = {
    "type": "http",
    "method": "GET",
    "scheme": "http",
    "http_version": "1.1",
    "root_path": "/api",
    "path": "/api/a b",
    "raw_path": b"/api/a%20b",
    "query_string": b"q=1",
    "headers": [(b"host", b"h"), (b"x-a", b"1"), (b"x-a", b"2")],
    "client": ("192.0.2.1", 1234),
    "server": ("192.0.2.2", 80),
}
WEBSOCKET = {key: value for key, value in HTTP.items() if key != "method"} | {"type": "websocket"}


def start(status, kind="http.response.start"):
    return {"type": kind, "status": status, "headers": [(b"x-b", b"2")]}


def body(content, more=False, kind="http.response.body"):
    return {"type": kind, "body": content, "more_body": more}


def told(app, scope=HTTP, leaves=False):
    """What the access log is told of a call of the app: (status, bytes, request, environ)."""
    lines = []

    def access(response, request, environ, took):
        assert took.total_seconds() >= 0
        lines.append((response.status, response.sent, request, environ))

    async def receive():
        kind = scope["type"]
        return {"type": f"{kind}.disconnect" if leaves else f"{kind}.request"}

    async def send(message):
        if leaves:
            raise ClientDisconnected("gone")

    async def call():
        try:
            await WatchedApp(app, None, access, None, None)(dict(scope), receive, send)
        except (ValueError, ClientDisconnected):
            pass

    asyncio.run(call())
    return lines


def sends(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


def test_a_response_in_pieces():
    ((status, sent, request, environ),) = told(
        sends(start(200), body(b"abc", more=True), body(b"de"))
    )
    assert (status, sent) == ("200 OK", 5)
    assert (request.uri, request.path, request.query) == ("/a%20b?q=1", "/api/a b", "q=1")
    assert environ["RAW_URI"] == "/a%20b?q=1" and environ["REMOTE_ADDR"] == "192.0.2.1"
    assert environ["HTTP_X_A"] == "1,2" and environ["SERVER_PROTOCOL"] == "HTTP/1.1"


def test_files(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(100))
    with path.open("rb") as file:
        zero_copy = {"type": "http.response.zerocopysend", "file": file, "offset": 40}
        cases = [
            ({"type": "http.response.pathsend", "path": str(path)}, 100),
            (zero_copy, 60),
            (zero_copy | {"count": 7}, 7),
        ]
        for message, size in cases:
            ((_, sent, _, _),) = told(sends(start(200), message))
            assert sent == size


async def fails(scope, receive, send):
    await send(start(200))  # held back by the server, which then answers 500
    raise ValueError


async def breaks_off(scope, receive, send):
    await send(start(200))
    await send(body(b"abc", more=True))
    raise ValueError


async def leaves_silently(scope, receive, send):
    await receive()


async def answers(scope, receive, send):
    await send(start(200))
    await send(body(b"abc"))


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (fails, ("500 Internal Server Error", 0)),
        (breaks_off, ("200 OK", 3)),
        (leaves_silently, ("500 Internal Server Error", 0)),
        (sends(start(299), body(b"")), ("299 ", 0)),
    ],
)
def test_ends(app, expected):
    assert [line[:2] for line in told(app)] == [expected]


@pytest.mark.parametrize("app", [leaves_silently, answers])
def test_nothing_is_said_of_clients_that_left(app):
    assert told(app, leaves=True) == []


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"type": "websocket.accept"}, {"type": "websocket.close"}], "101 Switching Protocols"),
        ([{"type": "websocket.close"}], "403 Forbidden"),
        (
            [
                start(401, "websocket.http.response.start"),
                body(b"no", kind="websocket.http.response.body"),
            ],
            "401 Unauthorized",
        ),
    ],
)
def test_handshakes(messages, expected):
    ((status, _, request, _),) = told(sends(*messages), WEBSOCKET)
    assert status == expected and request.method == "GET"
