"""The health path: who is answered what, and what it isn't counted by."""

from __future__ import annotations

from typing import Any

import pytest

from tests.net.h2_rig import request
from tests.net.rig import GET, Held, hello
from tricorn.net.service import WebSocketOptions

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
READY = (200, b"ready\n")
DRAINING = (503, b"draining\n")
PATH = {"health_path": "/healthz"}


class Log:
    """An access log that keeps the paths."""

    enabled = True

    def __init__(self) -> None:
        self.targets: list[bytes] = []

    def request(self, client: Any, method: str, target: bytes, version: str, status: int) -> None:
        self.targets.append(target)


def given(made: Any) -> list[tuple[int, bytes]]:
    return [(got.status, got.body) for got in made.answers()]


class TestHttp1:
    def test_ready(self, rig: Any) -> None:
        made = rig(hello, **PATH)
        made.receive(HEALTHZ + GET)
        first, second = made.answers()
        assert (first.status, first.body) == READY
        assert first.fields[b"cache-control"] == b"no-store"
        assert first.fields[b"content-type"] == b"text/plain; charset=utf-8"
        assert second.body == b"hello"

    @pytest.mark.parametrize("name", ["leaving", "draining"])
    def test_draining(self, rig: Any, name: str) -> None:
        made = rig(hello, **PATH)
        setattr(made.service, name, True)
        made.receive(HEALTHZ)
        assert given(made) == [DRAINING]
        assert not made.open

    def test_kept_connections_go_elsewhere_while_it_says_so(self, rig: Any) -> None:
        held = Held()
        made = rig(held, **PATH)
        made.receive(GET)
        made.service.leaving = True
        held.gates[0].set()
        made.turn()
        (running,) = made.answers()
        assert (running.body, running.fields[b"connection"]) == (b"hello", b"close")
        _, other = made.connect()
        made.call(other.data_received, GET)
        held.gates[1].set()
        made.turn()
        assert b"connection: close" in made.transports[1].written

    def test_head(self, rig: Any) -> None:
        made = rig(hello, **PATH)
        made.receive(HEALTHZ.replace(b"GET", b"HEAD") + GET)
        first, second = made.answers("HEAD")
        assert (first.status, first.body, first.fields[b"content-length"]) == (200, b"", b"6")
        assert second.body == b"hello"

    def test_http_1_0_without_host(self, rig: Any) -> None:
        made = rig(hello, **PATH)
        made.receive(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert given(made) == [READY]
        assert not made.open

    def test_another_method_is_not_the_apps_either(self, rig: Any) -> None:
        made = rig(hello, **PATH)
        made.receive(b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + GET)
        first, second = made.answers()
        assert (first.status, first.fields[b"allow"]) == (405, b"GET, HEAD")
        assert second.body == b"hello"

    @pytest.mark.parametrize("coming", [b"", b"100-continue"])
    def test_content_that_comes_later_is_read_over(self, rig: Any, coming: bytes) -> None:
        made = rig(hello, **PATH)
        expect = b"Expect: " + coming + b"\r\n" if coming else b""
        made.receive(HEALTHZ[:-2] + expect + b"Content-Length: 3\r\n\r\n")
        made.receive(b"abc" + GET)
        # Who waits for a 100 may send its content or not: nothing can follow.
        assert given(made) == [READY] + ([] if coming else [(200, b"hello")])

    @pytest.mark.parametrize(
        ("target", "is_health"),
        [
            (b"/healthz?a=b", True),
            (b"/%68ealthz", True),
            (b"http://a/healthz", True),
            (b"/healthz/", False),
            (b"//healthz", False),
            (b"/Healthz", False),
            (b"/api/healthz", False),
        ],
    )
    def test_the_path_is_the_requests(self, rig: Any, target: bytes, is_health: bool) -> None:
        made = rig(hello, root_path="/api", **PATH)
        made.receive(HEALTHZ.replace(b"/healthz", target))
        assert given(made) == [READY if is_health else (200, b"hello")]

    def test_an_upgrade_of_it_is_not_the_apps(self, rig: Any) -> None:
        made = rig(hello, websockets=WebSocketOptions(), **PATH)
        made.receive(HEALTHZ[:-2] + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert given(made) == [READY]

    def test_it_is_neither_counted_nor_logged_nor_refused(self, rig: Any) -> None:
        log, held = Log(), Held()
        made = rig(held, concurrency=1, access=log, **PATH)
        made.receive(GET)
        _, other = made.connect()
        made.call(other.data_received, HEALTHZ + GET)
        written = made.transports[1].written
        assert written.startswith(b"HTTP/1.1 200 ") and b"\r\n\r\nready\nHTTP/1.1 503 " in written
        held.gates[0].set()
        made.turn()
        assert (made.service.total_requests, log.targets) == (2, [b"/", b"/"])

    def test_without_it_the_app_answers(self, rig: Any) -> None:
        made = rig(hello)
        made.receive(HEALTHZ)
        assert given(made) == [(200, b"hello")]


class TestHttp2:
    def test_answers(self, h2_rig: Any) -> None:
        log = Log()
        made = h2_rig(hello, access=log, **PATH)
        reply = made.ask("GET", "/healthz?x")
        assert (reply.status, reply.body, reply.ended) == (*READY, True)
        assert reply.fields[b"cache-control"] == b"no-store"
        reply = made.ask("HEAD", "/healthz")
        assert (reply.status, reply.body, reply.ended) == (200, b"", True)
        assert made.ask("GET", "/").body == b"hello"
        made.service.leaving = True
        assert made.ask("GET", "/healthz").status == 503
        assert (made.service.total_requests, log.targets) == (1, [b"/"])

    def test_a_websocket_of_it_is_not_the_apps(self, h2_rig: Any) -> None:
        made = h2_rig(hello, websockets=WebSocketOptions(), **PATH)
        fields = [(b":protocol", b"websocket"), *request("CONNECT", "/healthz")]
        assert made.ask(fields, ended=False).status == 405

    def test_content_is_read_over(self, h2_rig: Any) -> None:
        made = h2_rig(hello, **PATH)
        reply = made.ask(request("POST", "/healthz"), body=b"a" * 100_000)
        assert (reply.status, reply.fields[b"allow"]) == (405, b"GET, HEAD")
        assert made.ask("GET", "/").body == b"hello"
        assert not made.connection.streams
