"""Requests and responses over HTTP/2, and what is refused."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.net.h2_rig import Http2Rig, request
from tests.net.rig import Held, answer, echo, hello
from tricorn.wire.h1 import HeadLimits

Make = Callable[..., Http2Rig]


class Keeper:
    """Keeps the scope and answers."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        await answer(send, b"kept")


class TestRequests:
    def test_get(self, h2_rig: Make) -> None:
        reply = h2_rig(hello).ask()
        assert (reply.status, reply.body, reply.ended) == (200, b"hello", True)
        assert reply.fields == {b"content-length": b"5", b"server": b"tricorn"}
        assert reply.reset is None

    def test_scope(self, h2_rig: Make) -> None:
        keeper = Keeper()
        rig = h2_rig(keeper, root_path="/api")
        rig.ask("GET", "/a%20b/%C3%A4?q=1?2", (b"x", b"y"), (b"te", b"trailers"))
        assert keeper.scope == {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.5"},
            "http_version": "2",
            "server": ("192.0.2.9", 80),
            "client": ("192.0.2.1", 4000),
            "scheme": "http",
            "method": "GET",
            "root_path": "/api",
            "path": "/api/a b/ä",
            "raw_path": b"/api/a%20b/%C3%A4",
            "query_string": b"q=1?2",
            "headers": [(b"host", b"a"), (b"x", b"y"), (b"te", b"trailers")],
            "state": {},
            "extensions": {
                "http.response.early_hint": {},
                "http.response.pathsend": {},
                "http.response.zerocopysend": {},
                "http.response.trailers": {},
            },
        }

    def test_cookies_are_one_field(self, h2_rig: Make) -> None:
        keeper = Keeper()
        h2_rig(keeper).ask("GET", "/", (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"))
        assert (b"cookie", b"a=1; b=2") in keeper.scope["headers"]
        assert [name for name, _ in keeper.scope["headers"]] == [b"host", b"x", b"cookie"]
        assert {type(pair) for pair in keeper.scope["headers"]} == {tuple}

    def test_host_stands_in_for_the_authority(self, h2_rig: Make) -> None:
        keeper = Keeper()
        rig = h2_rig(keeper)
        fields = [pair for pair in request() if pair[0] != b":authority"]
        rig.ask([*fields, (b"host", b"b")])
        assert keeper.scope["headers"] == [(b"host", b"b")]
        rig.ask([*request(), (b"host", b"A")])
        assert keeper.scope["headers"] == [(b"host", b"a")]

    def test_each_request_has_a_scope_of_its_own(self, h2_rig: Make) -> None:
        scopes = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scopes.append(scope)
            await answer(send, b"")

        rig = h2_rig(app)
        rig.ask()
        rig.ask()
        assert scopes[0] == scopes[1]
        for name in ("headers", "state", "extensions"):
            assert scopes[0][name] is not scopes[1][name]

    @pytest.mark.parametrize("size", [0, 1, 16384, 16385, 1_000_000])
    def test_content_both_ways(self, h2_rig: Make, size: int) -> None:
        body = bytes(index * 7 % 251 for index in range(size))
        rig = h2_rig(echo)
        reply = rig.ask("POST", "/", body=body)
        assert (reply.status, reply.body, reply.ended) == (200, body, True)
        assert rig.service.total_requests == 1

    def test_many_at_a_time(self, h2_rig: Make) -> None:
        held = Held()
        rig = h2_rig(held)
        streams = [rig.begin() for _ in range(100)]
        rig.exchange()
        assert len(held.gates) == 100
        assert len(rig.service.tasks) == 100
        held.release(rig)
        rig.exchange()
        assert all(rig.client.replies[stream].body == b"hello" for stream in streams)
        assert not rig.service.tasks

    def test_expectation(self, h2_rig: Make) -> None:
        reply = h2_rig(echo).ask("POST", "/", (b"expect", b"100-continue"), body=b"x", ended=False)
        assert reply.interim == []  # the content is there
        rig = h2_rig(echo)
        stream = rig.begin("POST", "/", (b"expect", b"100-continue"), ended=False)
        rig.exchange()
        assert rig.client.replies[stream].interim == [100]
        rig.client.engine.send_data(stream, b"x", end_stream=True)
        rig.exchange()
        assert rig.client.replies[stream].body == b"x"

    def test_head(self, h2_rig: Make) -> None:
        reply = h2_rig(hello).ask("HEAD")
        assert (reply.fields[b"content-length"], reply.body, reply.ended) == (b"5", b"", True)

    def test_every_byte_alone(self, h2_rig: Make) -> None:
        rig = h2_rig(echo)
        stream = rig.begin("POST", "/", body=b"abc")
        data = rig.client.engine.data_to_send()
        for index in range(len(data)):
            rig.receive(data[index : index + 1])
        rig.exchange()
        assert rig.client.replies[stream].body == b"abc"


class TestResponses:
    def test_trailers_for_those_who_take_them(self, h2_rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "trailers": True})
            await send({"type": "http.response.body", "body": b"x"})
            await send({"type": "http.response.trailers", "headers": [(b"Grpc-Status", b"0")]})

        rig = h2_rig(app)
        reply = rig.ask("GET", "/", (b"te", b"trailers"))
        assert (reply.body, reply.trailers, reply.ended) == (b"x", {b"grpc-status": b"0"}, True)
        reply = rig.ask()
        assert (reply.body, reply.trailers, reply.ended) == (b"x", {}, True)

    def test_early_hints(self, h2_rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.early_hint", "links": [b"</a>"]})
            await answer(send, b"x")

        reply = h2_rig(app).ask()
        assert (reply.interim, reply.status, reply.body) == ([103], 200, b"x")

    def test_fields_about_the_connection_stay_here(self, h2_rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            names = [b"Connection", b"Keep-Alive", b"Proxy-Connection", b"Upgrade"]
            fields = [(name, b"close") for name in [*names, b"Transfer-Encoding"]]
            await answer(send, b"", fields=[*fields, (b"X-A", b" b\t"), (b"Server", b"mine")])

        reply = h2_rig(app).ask()
        assert reply.fields == {b"x-a": b"b", b"server": b"mine", b"content-length": b"0"}

    @pytest.mark.parametrize("field", [(b"a b", b"c"), (b"a", b"b\nc"), (b"", b"x")])
    def test_a_bad_field_is_the_apps_error(self, h2_rig: Make, field: Any) -> None:
        reply = h2_rig(lambda *args: answer(args[2], b"", fields=[field])).ask()
        assert (reply.status, reply.body) == (500, b"Internal Server Error")

    @pytest.mark.parametrize(("length", "bodies"), [(3, [b"ab"]), (1, [b"a", b"b"])])
    def test_a_length_that_is_not_kept_resets(
        self, h2_rig: Make, length: int, bodies: list[bytes]
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            fields = [(b"content-length", b"%d" % length)]
            await send({"type": "http.response.start", "status": 200, "headers": fields})
            for body in bodies:
                await send({"type": "http.response.body", "body": body, "more_body": True})
            await send({"type": "http.response.body"})

        reply = h2_rig(app).ask()
        assert not reply.ended
        assert reply.reset == 2

    def test_an_app_that_fails_within_its_response_resets(self, h2_rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
            raise RuntimeError("oh")

        rig = h2_rig(app)
        reply = rig.ask()
        assert not reply.ended
        assert reply.reset == 2
        assert rig.open

    def test_an_answer_before_the_content(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        stream = rig.begin("POST", "/", body=b"x", ended=False)
        rig.exchange()
        reply = rig.client.replies[stream]
        assert (reply.body, reply.ended, reply.reset) == (b"hello", True, None)
        rig.client.engine.send_data(stream, bytes(300_000))
        rig.exchange()
        assert not rig.client.engine.queued_body_size()
        rig.later(6)
        rig.exchange()
        assert reply.reset == 0
        assert rig.ask().body == b"hello"

    def test_an_answer_before_more_content_than_is_read(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        stream = rig.begin("POST", "/", body=bytes(20_000_000), ended=False)
        rig.exchange()
        reply = rig.client.replies[stream]
        assert (reply.body, reply.ended, reply.reset) == (b"hello", True, None)
        assert 8_000_000 < 20_000_000 - rig.client.engine.queued_body_size() < 9_000_000
        rig.later(1)
        rig.exchange()
        assert reply.reset == 0
        other = rig.begin("POST", "/", body=bytes(1000), ended=True)
        rig.exchange()
        assert rig.client.replies[other].body == b"hello"

    def test_an_app_that_fails_within_a_frame_of_content(self, h2_rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            raise LookupError("of the app's")

        rig = h2_rig(app)
        stream = rig.begin("POST", "/", body=bytes(1000), ended=False)
        sent = rig.client.engine.data_to_send()
        rig.receive(sent[:-500])
        rig.exchange()
        assert rig.client.replies[stream].reset == 2
        rig.receive(sent[-500:])
        assert rig.ask().status == 200


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            (request("GET", "/a#b"), 400),
            (request("GET", "a"), 400),
            (request("GET", "*"), 400),
            ([*request(), (b"host", b"a"), (b"host", b"a")], 400),
            ([*request()[:2], *request()[3:]], 400),
            ([*request()[:2], (b":authority", b"u@a"), *request()[3:]], 400),
            (request("GET", "/\xe4"), 400),
            (request("CONNECT")[:1] + request()[2:3], 501),
            ([*request(), (b"host", b"b")], 400),
            ([*request()[:2], (b":authority", b"a:99999"), *request()[3:]], 400),
            ([request()[0], (b":scheme", b"ftp"), *request()[2:]], 400),
            (request("GET", "/" + "a" * 8190), 414),
            (request("GET", "/", *[(b"a", b"b")] * 101), 431),
            (request("GET", "/", (b"a", b"b" * 33000), (b"c", b"d" * 33000)), 431),
            (request("POST", "/", (b"content-length", b"101")), 413),
        ],
    )
    def test_with_a_status(self, h2_rig: Make, fields: Any, status: int) -> None:
        called: list[Any] = []
        rig = h2_rig(lambda *args: called.append(args), body_limit=100)
        reply = rig.ask(fields, ended=status not in (413,))
        assert reply.status == status
        assert not called
        assert rig.open

    @pytest.mark.parametrize(
        "fields",
        [
            request("GET", ""),
            request("GE T"),
            request("GET", "/", (b"a", b" b")),
            request("GET", "/", (b"a", b"b\0")),
            request("GET", "/", (b"a b", b"c")),
            request("GET", "/", (b"connection", b"close")),
            request("GET", "/", (b"transfer-encoding", b"chunked")),
            request("GET", "/", (b"te", b"gzip")),
            request("GET", "/", (b"content-length", b"1")),
            request("GET", "/", (b"content-length", b"+0")),
            request("GET", "/", (b":path", b"/")),
            request("GET", "/", (b":status", b"200")),
            [(b"a", b"b"), *request()],
            [*request()[:2], (b":authority", b""), *request()[3:]],
            *[request()[:place] + request()[place + 1 :] for place in (0, 1, 3)],
        ],
    )
    def test_what_is_malformed_resets_its_stream(
        self, h2_rig: Make, fields: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        called: list[Any] = []
        rig = h2_rig(lambda *args: called.append(args))
        reply = rig.ask(fields)
        assert (reply.status, reply.reset) == (0, 1)
        assert not called
        assert rig.open
        (line,) = caplog.messages
        assert re.fullmatch(r"Invalid HTTP request from [\d.:]+: \w.+ \(stream reset\)", line)

    def test_too_much_content(self, h2_rig: Make) -> None:
        rig = h2_rig(echo, body_limit=100)
        reply = rig.ask("POST", "/", body=bytes(101))
        assert reply.status == 413
        assert rig.ask("POST", "/", body=bytes(100)).status == 200

    def test_a_field_list_beyond_any_bound_ends_the_connection(self, h2_rig: Make) -> None:
        rig = h2_rig(hello, heads=HeadLimits(100, 1000, 10))
        fields = [(b"x%d" % index, b"y" * 1000) for index in range(60)]
        rig.begin("GET", "/", *fields)
        rig.exchange()
        assert rig.client.goaways[-1][1] == 11
        assert rig.transport.ended

    def test_content_that_is_not_as_long_as_was_said(
        self, h2_rig: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        rig = h2_rig(echo)
        fields = request("POST", "/", (b"content-length", b"3"))
        reply = rig.ask(fields, body=b"ab")
        assert reply.reset == 1
        assert "content isn't as long as Content-Length says" in caplog.text

    def test_what_ends_the_connection_is_said(
        self, h2_rig: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        rig = h2_rig(hello)
        rig.receive(b"\0\0\x07\x06\0\0\0\0\0" + bytes(7))
        assert "frame of 7 bytes, not 8 (error code 6)" in caplog.text
        assert b"frame of 7 bytes, not 8" in rig.transport.written

    def test_what_is_no_http2(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        rig.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert rig.transport.ended or rig.transport.is_closing()
