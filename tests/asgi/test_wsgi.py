"""WSGI apps behind the ASGI interface, with clients that behave and clients that leave."""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, request

from tricorn.asgi.wsgi import MissingPackageError, WSGIMiddleware

pytest.importorskip("a2wsgi")

Start = Callable[..., Callable[[bytes], None]]
Environ = dict[str, Any]


class Client:
    """The server's side of one request: what the client sends, and what it takes.

    `takes` is how many messages are taken before it is gone; None takes all.
    """

    def __init__(self, *body: bytes, leaves: bool = False, takes: int | None = None) -> None:
        self.messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": chunk, "more_body": leaves or i + 1 < len(body)}
            for i, chunk in enumerate(body or (b"",))
        ]
        self.takes = takes
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return self.messages.pop(0) if self.messages else {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self.takes is not None and len(self.sent) >= self.takes:
            raise ConnectionResetError("the client has gone")
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def content(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


def scope(**parts: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test")],
        "client": ("192.0.2.1", 1234),
        "server": ("127.0.0.1", 8000),
        **parts,
    }


def call(app: Any, client: Client, **parts: Any) -> Client:
    return call_with(app, client, scope(**parts))


def call_with(app: Any, client: Client, its_scope: dict[str, Any]) -> Client:
    async def one() -> None:
        async with asyncio.timeout(20):
            await WSGIMiddleware(app)(its_scope, client.receive, client.send)

    asyncio.run(one())
    return client


def environ_of(**parts: Any) -> Environ:
    seen: list[Environ] = []

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        seen.append(environ)
        start("204 No Content", [])
        return []

    call_with(app, Client(), scope(**parts))
    return seen[0]


def test_an_answer() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        start("201 Created", [("X-Kind", "wsgi"), ("Set-Cookie", "a"), ("Set-Cookie", "b")])
        return [b"hello, ", b"world"]

    client = call(app, Client())
    assert client.status == 201
    assert list(client.sent[0]["headers"]) == [
        (b"x-kind", b"wsgi"),
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
    ]
    assert client.content == b"hello, world"
    assert not client.sent[-1].get("more_body", False)


def test_the_environment() -> None:
    environ = environ_of(
        method="PUT",
        scheme="https",
        path="/base/käse",
        root_path="/base",
        query_string=b"a=1&b=%20",
        headers=[
            (b"host", b"example.test"),
            (b"content-type", b"text/plain"),
            (b"content-length", b"0"),
            (b"x-two", b"1"),
            (b"x-two", b"2"),
        ],
    )
    assert environ["REQUEST_METHOD"] == "PUT"
    assert environ["SCRIPT_NAME"] == "/base"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/käse"
    assert environ["QUERY_STRING"] == "a=1&b=%20"
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == "8000"
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
    assert environ["HTTP_HOST"] == "example.test"
    assert environ["CONTENT_TYPE"] == "text/plain"
    assert environ["CONTENT_LENGTH"] == "0"
    assert environ["HTTP_X_TWO"] == "1,2"
    assert environ["wsgi.url_scheme"] == "https"
    assert environ["wsgi.multithread"] is True


def test_a_unix_peer() -> None:
    environ = environ_of(client=None, server=("/run/app.sock", None))
    assert "REMOTE_ADDR" not in environ
    assert isinstance(environ["SERVER_NAME"], str)
    assert isinstance(environ["SERVER_PORT"], str)


def test_a_field_with_an_underscore_cannot_pass_for_a_proxys() -> None:
    environ = environ_of(headers=[(b"x-real-ip", b"proxy"), (b"x_real_ip", b"client")])
    assert environ["HTTP_X_REAL_IP"] == "proxy"
    assert "HTTP_X_REAL_IP" not in environ_of(headers=[(b"x_real_ip", b"client")])


def test_errors_go_to_stderr() -> None:
    assert environ_of()["wsgi.errors"] is sys.stderr


def reads(how: Callable[[Any], Any]) -> Callable[[Environ, Start], Iterable[bytes]]:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        result = how(environ["wsgi.input"])
        start("200 OK", [])
        return [repr(result).encode()]

    return app


@pytest.mark.parametrize(
    ("how", "result"),
    [
        (lambda f: f.read(), b"one\ntwo\nthree"),
        (lambda f: f.read(-1), b"one\ntwo\nthree"),
        (lambda f: f.read(None), b"one\ntwo\nthree"),
        (lambda f: f.read(5), b"one\nt"),
        (lambda f: f.read(0), b""),
        (lambda f: f.read(10**6), b"one\ntwo\nthree"),
        (lambda f: f.readline(), b"one\n"),
        (lambda f: f.readline(65536), b"one\n"),
        (lambda f: f.readline(2), b"on"),
        (lambda f: f.readlines(), [b"one\n", b"two\n", b"three"]),
        (list, [b"one\n", b"two\n", b"three"]),
        (lambda f: [f.read(), f.read(), f.readline()], [b"one\ntwo\nthree", b"", b""]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_input_is_a_file(how: Any, result: Any, size: int) -> None:
    content = b"one\ntwo\nthree"
    chunks = [content[i : i + size] for i in range(0, len(content), size)]
    assert call(reads(how), Client(*chunks)).content == repr(result).encode()


def test_no_content_is_the_end_of_the_file() -> None:
    assert call(reads(lambda f: f.read()), Client()).content == b"b''"


def test_a_large_upload_and_a_large_answer() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        while chunk := environ["wsgi.input"].read(100_000):
            yield chunk

    chunks = [bytes([i % 251]) * 65536 for i in range(160)]
    assert call(app, Client(*chunks)).content == b"".join(chunks)


def test_an_upload_that_is_cut_off_is_an_error_and_not_an_end() -> None:
    read: list[Any] = []

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            read.append(environ["wsgi.input"].read())
        except OSError as error:
            read.append(error)
            raise
        raise AssertionError("not reached")

    client = call(app, Client(b"half of", leaves=True))
    assert isinstance(read[0], ConnectionAbortedError)
    assert client.sent == []


def test_write_comes_before_the_iterable() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        write = start("200 OK", [])
        write(b"first, ")
        write(b"second, ")
        return [b"last"]

    assert call(app, Client()).content == b"first, second, last"


def test_start_response_may_come_with_the_first_chunk() -> None:
    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("202 Accepted", [])
        yield b"late"

    client = call(app, Client())
    assert (client.status, client.content) == (202, b"late")


class Closing:
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.closed = 0
        self.closing = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.closed += 1
        self.closing.set()


def endless() -> Iterator[bytes]:
    while True:
        yield b"more"


def failing() -> Iterator[bytes]:
    yield b"one"
    raise LookupError("in the middle")


def test_the_iterable_is_closed_at_its_end() -> None:
    body = Closing([b"a"])

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        return body

    call(app, Client())
    assert body.closed == 1


def test_the_iterable_is_closed_after_an_error() -> None:
    body = Closing(failing())

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        return body

    with pytest.raises(LookupError, match="in the middle"):
        call(app, Client())
    assert body.closed == 1


@pytest.mark.parametrize("takes", [0, 1, 20])
def test_a_client_that_leaves_ends_an_endless_answer(takes: int) -> None:
    body = Closing(endless())

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        return body

    client = call(app, Client(takes=takes))
    assert len(client.sent) == takes
    assert body.closed == 1


def test_a_client_that_leaves_ends_endless_writing() -> None:
    ended = threading.Event()

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        write = start("200 OK", [])
        try:
            while True:
                write(b"more")
        finally:
            ended.set()

    call(app, Client(takes=3))
    assert ended.is_set()


def test_clients_that_leave_use_up_no_threads() -> None:
    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        return [b"done"] if environ["PATH_INFO"] == "/last" else endless()

    async def many() -> Client:
        served = WSGIMiddleware(app, threads=2)
        async with asyncio.timeout(20):
            for _ in range(8):
                client = Client(takes=2)
                await served(scope(), client.receive, client.send)
            client = Client()
            await served(scope(path="/last"), client.receive, client.send)
        return client

    assert asyncio.run(many()).content == b"done"


def test_a_cancelled_request_ends_its_thread() -> None:
    body = Closing(endless())
    started = threading.Event()

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        started.set()
        return body

    async def cancel() -> None:
        client = Client()
        call = asyncio.create_task(WSGIMiddleware(app)(scope(), client.receive, client.send))
        await asyncio.to_thread(started.wait, 20)
        call.cancel()
        await asyncio.wait([call])

    asyncio.run(cancel())
    assert body.closing.wait(20)


def test_an_error_before_the_answer_reaches_the_server() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        call(app, Client())


def test_a_slow_client_holds_the_app_back() -> None:
    made: list[int] = []
    gate = asyncio.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        for i in range(1000):
            made.append(i)
            yield b"x"

    class Slow(Client):
        async def send(self, message: dict[str, Any]) -> None:
            await gate.wait()
            await super().send(message)

    async def slow() -> int:
        client = Slow()
        call = asyncio.create_task(WSGIMiddleware(app)(scope(), client.receive, client.send))
        count = -1
        while count != len(made) or not made:
            count = len(made)
            await asyncio.sleep(0.1)
        gate.set()
        await asyncio.wait_for(call, 20)
        return count

    assert asyncio.run(slow()) < 50
    assert len(made) == 1000


def test_lifespan_and_websockets() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        raise AssertionError("called")

    async def conversation(kind: str, *received: str) -> list[dict[str, Any]]:
        messages = iter(received)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, str]:
            return {"type": next(messages)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await WSGIMiddleware(app)({"type": kind}, receive, send)
        return sent

    assert asyncio.run(conversation("lifespan", "lifespan.startup", "lifespan.shutdown")) == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]
    (closed,) = asyncio.run(conversation("websocket", "websocket.connect"))
    assert closed["type"] == "websocket.close"


def test_without_a2wsgi_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "a2wsgi", None)
    with pytest.raises(MissingPackageError) as caught:
        WSGIMiddleware(lambda environ, start: [])
    assert str(caught.value) == (
        "A WSGI application needs the package a2wsgi: pip install 'tricorn[wsgi]'"
    )
    assert caught.value.exit_code == 3


def test_flask() -> None:
    app = Flask("app")

    @app.route("/echo", methods=["POST"])
    def echo() -> bytes:
        return request.get_data()

    @app.route("/form", methods=["POST"])
    def form() -> dict[str, str]:
        return request.form.to_dict()

    @app.route("/stream", methods=["POST"])
    def stream() -> Response:
        return Response((f"{i} " for i in range(5)), mimetype="text/plain")

    @app.route("/boom", methods=["POST"])
    def boom() -> str:
        raise LookupError

    big = b"x" * 1_000_000
    fields = [(b"host", b"test"), (b"content-length", str(len(big)).encode())]
    client = call(app, Client(big[:400_000], big[400_000:]), path="/echo", headers=fields)
    assert client.content == big
    fields = [
        (b"host", b"test"),
        (b"content-length", b"7"),
        (b"content-type", b"application/x-www-form-urlencoded"),
    ]
    assert b'"b":"2"' in call(app, Client(b"a=1", b"&b=2"), path="/form", headers=fields).content
    assert call(app, Client(), path="/stream").content == b"0 1 2 3 4 "
    logging.getLogger("app").disabled = True
    assert call(app, Client(), path="/boom").status == 500
