"""The scope of an HTTP request (ASGI HTTP 2.5), as an app sees it over a real connection."""

import copy
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serve.rig import address, in_thread, make
from tests.support.raw import RawClient, Response

Ask = Callable[..., Any]


class Seen:
    """An app that keeps the scopes it is called with."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.change: Callable[[Any], None] = lambda scope: None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            scope["state"]["shared"] = ["list"]
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        self.scopes.append(copy.copy(scope))
        self.change(scope)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def ask(seen: Seen) -> Iterator[Ask]:
    """Sends a request head to a server with the options given; the scope it makes."""
    servers: dict[str, Any] = {}
    stack: list[Any] = []

    def ask(head: str = "GET / HTTP/1.1\r\nHost: a", **options: Any) -> Any:
        key = json.dumps(options)
        if key not in servers:
            servers[key] = make(seen, **options)
            context = in_thread(servers[key])
            context.__enter__()
            stack.append(context)
        with RawClient(address(servers[key])) as client:
            client.send(head.encode("latin-1") + b"\r\n\r\n")
            response: Response = client.read_response(head.split()[0])
            assert response.status == 200, response
            scope = seen.scopes[-1]
            scope["test.client"] = client.socket.getsockname()
            scope["test.server"] = address(servers[key])
        return scope

    yield ask
    for context in reversed(stack):
        context.__exit__(None, None, None)


def target(text: str) -> str:
    return f"GET {text} HTTP/1.1\r\nHost: a"


def test_all_of_it(ask: Ask) -> None:
    scope = ask("GET /a%20b/%C3%A9?x=%20&y HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a:  2 ")
    client, server = scope.pop("test.client"), scope.pop("test.server")
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "server": server,
        "client": client,
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/a b/é",
        "raw_path": b"/a%20b/%C3%A9",
        "query_string": b"x=%20&y",
        "headers": [(b"host", b"a"), (b"x-a", b"1"), (b"x-a", b"2")],
        "state": {"shared": ["list"]},
        "extensions": {
            "http.response.early_hint": {},
            "http.response.pathsend": {},
            "http.response.zerocopysend": {},
        },
    }
    types = {name: type(value) for name, value in scope.items()}
    assert types["client"] is types["server"] is tuple
    assert types["raw_path"] is types["query_string"] is bytes
    assert types["headers"] is list
    assert {type(pair) for pair in scope["headers"]} == {tuple}


@pytest.mark.parametrize(
    ("text", "path", "raw_path", "query"),
    [
        ("/", "/", b"/", b""),
        ("/?", "/", b"/", b""),
        ("/?a?b", "/", b"/", b"a?b"),
        ("/%2Fa%2fb", "//a/b", b"/%2Fa%2fb", b""),
        ("/%25", "/%", b"/%25", b""),
        ("//a/../b", "//a/../b", b"//a/../b", b""),
        ("http://a/x%20y?q", "/x y", b"/x%20y", b"q"),
        ("http://a", "/", b"/", b""),
    ],
)
def test_targets(ask: Ask, text: str, path: str, raw_path: bytes, query: bytes) -> None:
    scope = ask(target(text))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


def test_a_path_that_is_no_utf8(ask: Ask) -> None:
    scope = ask(target("/%ff%C3%A9"))
    assert scope["path"] == "/\N{REPLACEMENT CHARACTER}é"
    assert scope["raw_path"] == b"/%ff%C3%A9"


def test_the_asterisk(ask: Ask) -> None:
    scope = ask("OPTIONS * HTTP/1.1\r\nHost: a")
    assert (scope["method"], scope["path"], scope["raw_path"]) == ("OPTIONS", "*", b"*")


def test_methods_keep_their_case(ask: Ask) -> None:
    assert ask("Patch / HTTP/1.1\r\nHost: a")["method"] == "Patch"


def test_http_1_0(ask: Ask) -> None:
    scope = ask("GET / HTTP/1.0\r\nTE: trailers")
    assert scope["http_version"] == "1.0"
    # It has neither interim responses nor trailers.
    assert set(scope["extensions"]) == {"http.response.pathsend", "http.response.zerocopysend"}


def test_trailers_are_offered_to_who_asks(ask: Ask) -> None:
    assert "http.response.trailers" in ask(target("/") + "\r\nTE: trailers")["extensions"]
    assert "http.response.trailers" not in ask(target("/") + "\r\nTE: gzip")["extensions"]
    assert "http.response.trailers" not in ask(target("/"))["extensions"]


def test_the_root_path(ask: Ask) -> None:
    scope = ask(target("/a%20b"), root_path="/api")
    assert scope["root_path"] == "/api"
    assert scope["path"] == "/api/a b"
    assert scope["raw_path"] == b"/api/a%20b"


@pytest.mark.parametrize(("interface", "version"), [("asgi3", "3.0"), ("auto", "3.0")])
def test_the_asgi_version(ask: Ask, interface: str, version: str) -> None:
    assert ask(interface=interface)["asgi"] == {"version": version, "spec_version": "2.5"}


def test_the_asgi_version_of_asgi2() -> None:
    scopes = []

    def app(scope: Any) -> Any:
        async def call(receive: Any, send: Any) -> None:
            scopes.append(scope)
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

        return call

    server = make(app, interface="asgi2", lifespan="off")
    with in_thread(server), RawClient(address(server)) as client:
        assert client.get("/").status == 200
    assert scopes[0]["asgi"] == {"version": "2.0", "spec_version": "2.5"}


def test_each_request_has_a_state_of_its_own(ask: Ask, seen: Seen) -> None:
    """A shallow copy: what the lifespan made is shared, the dict isn't."""
    seen.change = lambda scope: scope["state"].update(own=1)
    first = ask()["state"]
    second = ask()["state"]
    assert first == {"shared": ["list"], "own": 1}  # what the app did to its own
    assert first is not second
    assert first["shared"] is second["shared"]
    seen.change = lambda scope: None
    assert ask()["state"] == {"shared": ["list"]}


def test_an_app_may_change_its_scope(ask: Ask, seen: Seen) -> None:
    """Middleware does. The next request, on the same connection too, sees none of it."""

    def spoil(scope: Any) -> None:
        scope["headers"].append((b"x", b"y"))
        scope["extensions"]["x"] = {}
        scope.clear()

    server = make(seen)
    with in_thread(server), RawClient(address(server)) as client:
        client.get("/a")
        seen.change = spoil
        client.get("/a")
        seen.change = lambda scope: None
        client.get("/a")
    before, _, after = seen.scopes
    assert before == after


def test_ipv6(seen: Seen) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6")
    server = make(seen, host="::1")
    with in_thread(server), RawClient(address(server)) as client:
        client.get("/")
        mine, its = client.socket.getsockname(), client.socket.getpeername()
    (scope,) = seen.scopes
    assert scope["client"] == mine[:2]
    assert scope["server"] == its[:2]


def test_a_unix_socket(seen: Seen, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    server = make(seen, uds=path)
    with in_thread(server), RawClient(path) as client:
        client.get("/")
    (scope,) = seen.scopes
    assert scope["client"] is None
    assert scope["server"] == (path, None)
