"""ASGI's response extensions on HTTP/1.1: trailers, early hints, files."""

import asyncio

import pytest

from tests.net.rig import GET, hello

TE = b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"
GET_10 = b"GET / HTTP/1.0\r\n\r\n"
CONTENT = bytes(range(256)) * 1000


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "content"
    file.write_bytes(CONTENT)
    return file


def app_of(*messages, status=200, fields=(), trailers=False):
    async def app(scope, receive, send):
        start = {"type": "http.response.start", "status": status, "headers": list(fields)}
        await send(start | ({"trailers": True} if trailers else {}))
        for message in messages:
            await send(message)

    return app


def body(data=b"", more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


def trailers(*fields, more=False):
    return {"type": "http.response.trailers", "headers": list(fields), "more_trailers": more}


class TestTrailers:
    def test_they_follow_the_content(self, rig):
        made = rig(
            app_of(
                body(b"one", True),
                body(b"two"),
                trailers((b"X-Sum", b"1"), more=True),
                trailers((b"x-more", b"2")),
                fields=[(b"x-head", b"0")],
                trailers=True,
            )
        )
        made.receive(TE + TE)
        first, second = made.answers()
        assert (first.body, first.trailers) == (b"onetwo", {b"x-sum": b"1", b"x-more": b"2"})
        assert first == second

    @pytest.mark.parametrize("request_", [GET, GET_10])
    def test_they_are_dropped_where_nobody_asked(self, rig, request_):
        made = rig(app_of(body(b"one"), trailers((b"x-sum", b"1")), trailers=True))
        made.receive(request_)
        (got,) = made.answers()
        assert (got.body, got.trailers) == (b"one", {})

    def test_a_known_length_leaves_no_room(self, rig):
        length = [(b"content-length", b"3")]
        made = rig(app_of(body(b"one"), trailers((b"x-sum", b"1")), fields=length, trailers=True))
        made.receive(TE + TE)
        assert [got.body for got in made.answers()] == [b"one", b"one"]

    def test_bad_ones_cut_the_response(self, rig):
        made = rig(app_of(body(b"one"), trailers((b"x", b"a\r\nb: c")), trailers=True))
        made.receive(TE)
        assert made.transport.aborted
        assert b"b: c" not in made.transport.written

    @pytest.mark.parametrize("name", [b"content-length", b"Transfer-Encoding", b"host"])
    def test_framing_does_not_belong_there(self, rig, name):
        made = rig(app_of(body(b"one"), trailers((name, b"3")), trailers=True))
        made.receive(TE)
        assert b"0\r\n" + name.lower() not in made.transport.written


class TestEarlyHints:
    HINT = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]}  # noqa: RUF012

    def test_they_come_before_the_response(self, rig):
        async def app(scope, receive, send):
            await send(self.HINT)
            await send(self.HINT)
            await hello(scope, receive, send)

        made = rig(app)
        made.receive(GET)
        (got,) = made.answers()
        assert got.interim == [103, 103]
        assert made.transport.written.count(b"link: </a.css>; rel=preload\r\n") == 2

    def test_a_client_of_1_0_gets_none(self, rig):
        async def app(scope, receive, send):
            await send(self.HINT)
            await hello(scope, receive, send)

        made = rig(app)
        made.receive(GET_10)
        assert [got.interim for got in made.answers()] == [[]]


def pathsend(path):
    return {"type": "http.response.pathsend", "path": str(path)}


class TestFiles:
    """Copied by the connection here, as on loops' own transports."""

    @pytest.mark.parametrize("request_", [GET, GET_10])
    def test_a_path(self, rig, path, request_):
        made = rig(app_of(pathsend(path)))
        made.receive(request_)
        got = self.wait(made)
        assert got.body == CONTENT
        assert got.fields[b"content-length"] == b"%d" % len(CONTENT)

    def wait(self, made, method="GET"):
        self.wait_until_done(made)
        (got,) = made.answers(method)
        return got

    def wait_until_done(self, made):
        """Files are read in threads: wait until the app is done."""

        async def done():
            while made.service.tasks:
                await asyncio.sleep(0.002)

        made.loop.run_until_complete(asyncio.wait_for(done(), 30))
        made.turn()

    def test_head(self, rig, path):
        made = rig(app_of(pathsend(path)))
        made.receive(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        got = self.wait(made, "HEAD")
        assert got.fields[b"content-length"] == b"%d" % len(CONTENT)

    def test_an_empty_one(self, rig, tmp_path):
        (tmp_path / "empty").touch()
        made = rig(app_of(pathsend(tmp_path / "empty")))
        made.receive(GET)
        assert self.wait(made).body == b""

    def test_a_missing_one(self, rig, tmp_path):
        made = rig(app_of(pathsend(tmp_path / "none")))
        made.receive(GET)
        assert self.wait(made).status == 500

    def test_parts_between_other_content(self, rig, path):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send(body(b"<", True))
            with open(path, "rb") as file:
                part = {"type": "http.response.zerocopysend", "file": file, "more_body": True}
                await send(part | {"offset": 10, "count": 100_000})
                await send(part | {"offset": len(CONTENT) - 5, "count": 99})
            await send(body(b">"))

        made = rig(app)
        made.receive(GET)
        assert self.wait(made).body == b"<" + CONTENT[10:100_010] + CONTENT[-5:] + b">"

    def test_more_than_was_declared_is_cut(self, rig, path):
        made = rig(app_of(pathsend(path), fields=[(b"content-length", b"10")]))
        made.receive(GET)
        self.wait_until_done(made)
        assert made.transport.aborted
        assert made.transport.written.endswith(b"\r\n\r\n")

    @pytest.mark.parametrize(
        "bad", [{"count": -1}, {"offset": -1}, {"count": "1"}, {"file": 99999}]
    )
    @pytest.mark.parametrize("begun", [False, True])
    def test_bad_parts_put_nothing_out_of_step(self, rig, path, bad, begun):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if begun:
                await send(body(b"begun", True))
            with open(path, "rb") as file:
                part = {"type": "http.response.zerocopysend", "file": file, "more_body": True}
                await send(part | bad)

        made = rig(app)
        made.receive(GET)
        if begun:
            self.wait_until_done(made)
            assert made.transport.aborted
            assert made.transport.written.endswith(b"5\r\nbegun\r\n")
        else:
            assert self.wait(made).status == 500

    def test_nothing_may_come_between(self, rig, path):
        """A message sent while a file is on its way would end up within it."""
        errors = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            file = asyncio.ensure_future(send(pathsend(path)))
            await asyncio.sleep(0)
            try:
                await send(body(b"intruder"))
            except RuntimeError as error:
                errors.append(str(error))
            await file

        made = rig(app)
        made.receive(GET)
        assert self.wait(made).body == CONTENT
        assert len(errors) == 1

    def test_an_interrupted_one_is_cut(self, rig, path):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            file = asyncio.ensure_future(send(pathsend(path)))
            await asyncio.sleep(0)
            file.cancel()
            await asyncio.wait([file])
            await send(body(b"instead"))

        made = rig(app)
        made.receive(GET)
        self.wait_until_done(made)
        assert made.transport.aborted
        assert b"instead" not in made.transport.written

    def test_a_client_that_leaves_ends_it(self, rig, path, caplog):
        made = rig(app_of(pathsend(path)))
        made.transport.slow = True
        made.receive(GET)
        made.call(made.transport.lose, ConnectionResetError())
        self.wait_until_done(made)
        assert len(made.transport.written) < len(CONTENT)
        assert "Traceback" not in caplog.text
