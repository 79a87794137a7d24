"""Requests in, answers out: framing, order, and what keeps a connection."""

import pytest

from tests.net.rig import GET, Held, answer, echo, hello
from tricorn.net.service import ConnectionLimits


def stream_of(*pieces, fields=()):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": list(fields)})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})

    return app


class TestTheSameAgain:
    """What a client repeats is read once; each request is still one of its own."""

    @pytest.mark.parametrize("root_path", ["", "/root"])
    @pytest.mark.parametrize(
        "request_bytes",
        [
            GET,
            b"GET http://b/x%20y?q HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
            b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
            b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ],
    )
    def test_each_has_an_equal_scope_of_its_own_and_its_content(
        self, rig, request_bytes, root_path
    ):
        seen = []

        async def app(scope, receive, send):
            message = await receive()
            seen.append((dict(scope), list(scope["headers"]), message["body"]))
            for part in (scope["headers"], scope["extensions"], scope["state"], scope):
                part.clear()
            await answer(send, b"")

        made = rig(app, root_path=root_path)
        for _ in range(5):
            made.receive(request_bytes)
        other = GET.replace(b"GET /", b"GET /other")
        made.receive(other, request_bytes, other)
        repeated = [*seen[:5], seen[6]]
        assert len(seen) == 8
        for scope, headers, body in repeated:
            assert headers == repeated[0][1]
            assert body == repeated[0][2]
            assert scope.keys() == repeated[0][0].keys()
            assert scope["path"] == repeated[0][0]["path"]
            assert scope["http_version"] == repeated[0][0]["http_version"]
        assert seen[5][0]["path"] == seen[7][0]["path"] == root_path + "/other"
        assert made.open

    def test_expecting_100_continue(self, rig):
        made = rig(echo)
        head = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        for _ in range(3):
            assert made.receive(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert made.receive(b"abc").endswith(b"\r\n\r\nabc")

    def test_a_forwarding_field_counts_each_time(self, rig):
        claims = []

        class Forwarder:
            def trusts(self, client):
                return True

            def apply(self, scope):
                scope["scheme"] = "https"

        async def app(scope, receive, send):
            claims.append(scope["scheme"])
            await answer(send, b"")

        made = rig(app, forwarder=Forwarder())
        forwarded = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-Proto: https\r\n\r\n")
        for request in (forwarded, forwarded, forwarded, GET, GET, GET, forwarded):
            made.receive(request)
        assert claims == ["https"] * 3 + ["http"] * 3 + ["https"]


class TestOneRequest:
    def test_it_is_answered_in_one_write_and_the_connection_stays(self, rig):
        made = rig(hello)
        made.receive(GET)
        (got,) = made.answers()
        assert (got.status, got.body) == (200, b"hello")
        assert b"connection" not in got.fields
        assert len(made.transport.writes) == 1
        assert made.open

    def test_byte_by_byte(self, rig):
        made = rig(echo)
        request = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
        made.receive(*[request[i : i + 1] for i in range(len(request))])
        assert [got.body for got in made.answers()] == [b"abcd"]

    def test_the_scope(self, rig):
        seen = []

        async def app(scope, receive, send):
            seen.append(scope)
            await answer(send, b"")

        made = rig(app, root_path="/api", state={"pool": 1})
        made.receive(b"PUT /a%20b?c=d HTTP/1.0\r\nX-Y: z\r\n\r\n")
        (scope,) = seen
        assert scope["type"] == "http"
        assert scope["method"] == "PUT"
        assert scope["http_version"] == "1.0"
        assert scope["scheme"] == "http"
        assert (scope["path"], scope["raw_path"]) == ("/api/a b", b"/api/a%20b")
        assert scope["query_string"] == b"c=d"
        assert scope["root_path"] == "/api"
        assert scope["headers"] == [(b"x-y", b"z")]
        assert scope["client"] == ("192.0.2.1", 4000)
        assert scope["server"] == ("192.0.2.9", 80)
        assert scope["state"] == {"pool": 1}
        assert scope["state"] is not made.service.state
        # What HTTP/1.0 can't carry isn't offered to it.
        assert set(scope["extensions"]) == {"http.response.pathsend", "http.response.zerocopysend"}

    @pytest.mark.parametrize(
        ("extra", "client", "server"),
        [
            ({"peername": "", "sockname": "/run/a"}, None, ("/run/a", None)),
            ({"peername": None, "sockname": b"\0abstract"}, None, ("\0abstract", None)),
            (
                {"peername": ("::1", 9, 0, 0), "sockname": ("::1", 80, 0, 0)},
                ("::1", 9),
                ("::1", 80),
            ),
        ],
    )
    def test_addresses(self, rig, extra, client, server):
        seen = []

        async def app(scope, receive, send):
            seen.append((scope["client"], scope["server"]))
            await answer(send, b"")

        rig(app, extra=extra).receive(GET)
        assert seen == [(client, server)]

    def test_what_an_app_does_to_its_scope_harms_nobody(self, rig):
        async def app(scope, receive, send):
            scope.clear()
            await answer(send, b"cleared")

        class Log:
            enabled = True

            def request(self, client, method, target, version, status):
                lines.append((method, target, status))

        lines = []
        made = rig(app, access=Log())
        made.receive(GET, GET)
        assert [got.body for got in made.answers()] == [b"cleared"] * 2
        assert lines == [("GET", b"/", 200)] * 2


class TestPipelining:
    def test_a_hundred_in_order(self, rig):
        async def app(scope, receive, send):
            await answer(send, scope["path"].encode())

        made = rig(app)
        made.receive(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(100)))
        assert [got.body for got in made.answers()] == [b"/%d" % n for n in range(100)]
        # Answers to requests that came together leave together.
        assert len(made.transport.writes) < 5

    def test_one_at_a_time(self, rig):
        app = Held()
        made = rig(app)
        made.receive(GET * 3)
        assert len(app.calls) == 1
        app.release(made)
        assert len(app.calls) == 2
        assert len(made.answers()) == 1
        app.release(made)
        app.release(made)
        assert len(made.answers()) == 3

    def test_one_split_anywhere(self, rig):
        for at in range(1, 2 * len(GET)):
            made = rig(hello)
            made.receive((GET * 2)[:at], (GET * 2)[at:])
            assert len(made.answers()) == 2

    def test_errors_stay_in_order(self, rig):
        async def app(scope, receive, send):
            await answer(send, scope["path"].encode(), 200 if scope["path"] == "/" else 404)

        made = rig(app)
        made.receive(
            GET + b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET /\0 HTTP/1.1\r\n\r\n" + GET
        )
        assert [got.status for got in made.answers()] == [200, 404, 400]
        assert made.transport.ended

    def test_content_that_nobody_read_is_skipped(self, rig):
        made = rig(hello)
        post = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nGET / HTT"
        made.receive(post + GET)
        assert [got.status for got in made.answers()] == [200, 200]

    def test_much_output_leaves_before_the_end_of_the_batch(self, rig):
        """Answers of one batch are bounded in memory by more than the requests' size."""
        big = bytes(20_000)

        async def app(scope, receive, send):
            await answer(send, big)

        made = rig(app)
        made.receive(GET * 100)
        assert len(made.answers()) == 100
        assert max(map(len, made.transport.writes)) < 200_000

    def test_who_reads_nothing_gets_no_further_answers(self, rig):
        made = rig(hello)
        made.transport.slow = True
        # The second half comes while the client doesn't read.
        made.receive(GET * 50, GET * 50)
        first = len(made.answers())
        assert first <= 50
        made.receive(*[bytes([byte]) for byte in GET])
        assert len(made.answers()) == first
        made.resume()
        assert first < len(made.answers()) <= 101
        made.transport.slow = False
        made.resume()
        assert len(made.answers()) == 101


class TestKeepAlive:
    @pytest.mark.parametrize(
        ("version", "field", "stays"),
        [
            (b"1.1", b"", True),
            (b"1.1", b"Connection: close\r\n", False),
            (b"1.1", b"Connection: x, CLOSE\r\n", False),
            (b"1.0", b"", False),
            (b"1.0", b"Connection: keep-alive\r\n", True),
            (b"1.0", b"Connection: Keep-Alive, close\r\n", False),
        ],
    )
    def test_by_version_and_field(self, rig, version, field, stays):
        made = rig(hello)
        made.receive(b"GET / HTTP/%b\r\nHost: a\r\n%b\r\n" % (version, field))
        (got,) = made.answers()
        said = got.fields.get(b"connection")
        assert made.open == stays
        assert said == ((None if version == b"1.1" else b"keep-alive") if stays else b"close")

    def test_the_app_may_close(self, rig):
        async def app(scope, receive, send):
            await answer(send, b"", fields=[(b"connection", b"Close"), (b"content-length", b"0")])

        made = rig(app)
        made.receive(GET * 2)
        assert [got.fields[b"connection"] for got in made.answers()] == [b"close"]
        assert not made.open or made.transport.ended

    def test_unknown_length_in_1_0_ends_with_the_connection(self, rig):
        made = rig(stream_of(b"one", b"two"))
        made.receive(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        (got,) = made.answers()
        assert got.body == b"onetwo"
        assert got.fields[b"connection"] == b"close"
        assert b"transfer-encoding" not in got.fields
        assert not made.open

    def test_a_timeout_of_0_is_told_and_closes(self, rig):
        made = rig(hello, limits={"keep_alive": 0.0})
        made.receive(GET)
        made.later(0.5)
        assert not made.open
        assert len(made.answers()) == 1

    def test_the_defaults_are_the_documented_ones(self):
        limits = ConnectionLimits()
        assert (limits.idle, limits.head, limits.keep_alive) == (30, 30, 5)
        assert (limits.content, limits.content_rate, limits.write) == (20, 240, 60)


class TestFraming:
    def test_chunks_where_the_length_is_unknown(self, rig):
        made = rig(stream_of(b"one", b"", b"two"))
        made.receive(GET)
        (got,) = made.answers()
        assert got.body == b"onetwo"
        assert got.fields[b"transfer-encoding"] == b"chunked"
        assert made.open

    def test_chunked_requests(self, rig):
        made = rig(echo)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        made.receive(head, b"3\r\nabc", b"\r\n2;x=y\r\nde\r\n0\r\n", b"Trail: er\r\n\r\n" + GET)
        assert [got.body for got in made.answers()] == [b"abcde", b""]

    @pytest.mark.parametrize("app", [hello, stream_of(b"x" * 9)])
    def test_head_has_no_content(self, rig, app):
        made = rig(app)
        made.receive(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + GET)
        first, second = made.answers("HEAD", "GET")
        assert (first.status, first.body) == (200, b"")
        assert second.body

    @pytest.mark.parametrize("status", [204, 304])
    def test_statuses_without_content(self, rig, status):
        async def app(scope, receive, send):
            await answer(send, b"content", status)

        made = rig(app)
        made.receive(GET + GET)
        answers = made.answers()
        assert [(got.status, got.body) for got in answers] == [(status, b"")] * 2
        assert (b"content-length" in answers[0].fields) == (status == 304)

    @pytest.mark.parametrize("declared", [b"3", b"9"])
    def test_a_wrong_content_length_ends_the_connection(self, rig, declared):
        made = rig(stream_of(b"1234", fields=[(b"content-length", declared)]))
        made.receive(GET + GET)
        if declared == b"3":
            assert made.answers()[0].status == 500
        else:
            assert made.transport.written.count(b"HTTP/1.1 ") == 1
            assert made.transport.written.endswith(b"\r\n\r\n1234")
        assert not made.open or made.transport.ended

    def test_too_much_content_after_the_start_is_cut(self, rig):
        made = rig(stream_of(b"12", b"34", fields=[(b"content-length", b"3")]))
        made.receive(GET)
        assert made.transport.written.endswith(b"\r\n\r\n12")
        assert made.transport.aborted


POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class TestExpect:
    def test_it_is_told_when_the_app_first_reads(self, rig):
        app = Held(echo)
        made = rig(app)
        assert made.receive(POST) == b""
        app.release(made)
        assert made.transport.written == CONTINUE
        made.receive(b"ab", b"cd" + GET)
        app.release(made)
        first, _second = made.answers()
        assert (first.interim, first.body) == ([100], b"abcd")

    def test_a_final_answer_without_it_closes(self, rig):
        made = rig(hello)
        made.receive(POST)
        (got,) = made.answers()
        assert (got.interim, got.fields[b"connection"]) == ([], b"close")
        # The client may send its content or the next request: nobody can tell.
        made.receive(b"GET ")
        assert made.transport.ended
        assert len(made.answers()) == 1

    def test_content_that_came_along_needs_no_telling(self, rig):
        made = rig(echo)
        made.receive(POST + b"abcd")
        (got,) = made.answers()
        assert (got.interim, got.body) == ([], b"abcd")

    def test_never_to_1_0(self, rig):
        made = rig(echo)
        made.receive(POST.replace(b"1.1", b"1.0"), b"abcd")
        assert [got.interim for got in made.answers()] == [[]]


class TestBrokenApps:
    def test_500_when_nothing_was_sent(self, rig, caplog):
        async def app(scope, receive, send):
            raise LookupError("the app's own")

        made = rig(app)
        made.receive(GET)
        assert [got.status for got in made.answers()] == [500]
        assert "the app's own" in caplog.text

    def test_cut_when_something_was(self, rig):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"some", "more_body": True})
            raise LookupError("the app's own")

        made = rig(app)
        made.receive(GET + GET)
        assert made.transport.written.endswith(b"4\r\nsome\r\n")
        assert made.transport.aborted

    @pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, RecursionError])
    def test_whatever_it_raises_the_worker_lives(self, rig, kind):
        async def app(scope, receive, send):
            if scope["path"] == "/bad":
                raise kind("no")
            await answer(send, b"fine")

        made = rig(app)
        made.receive(b"GET /bad HTTP/1.1\r\nHost: a\r\n\r\n")
        assert made.answers()[0].status == 500
        made.transport, made.connection = made.connect()
        made.receive(GET)
        assert made.answers()[0].body == b"fine"
