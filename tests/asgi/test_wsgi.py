"""WSGI apps behind the ASGI interface: content, clients that leave, backpressure, threads."""

import asyncio
import contextvars
import io
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.asgi.wsgi_client import DEADLINE, Client, Environ, Start, call, scope
from tests.support.wait import wait_for
from tricorn.asgi.wsgi import WSGIMiddleware

LENGTH_OF_SIX = [(b"content-length", b"6")]


def reads(how: Callable[[Any], Any]) -> Callable[[Environ, Start], Iterable[bytes]]:
    """An app that answers with what `how` made of `wsgi.input`."""

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        result = how(environ["wsgi.input"])
        start("200 OK", [])
        return [repr(result).encode()]

    return app


# wsgi.input

FILLING = b"filling " * 10_000  # more than is received before the app runs


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
        (lambda f: [f.readline(), f.read(2), f.read()], [b"one\n", b"tw", b"o\nthree"]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("before", [b"", FILLING])
def test_the_input_is_a_file(how: Any, result: Any, size: int, before: bytes) -> None:
    content = b"one\ntwo\nthree"
    chunks = [content[i : i + size] for i in range(0, len(content), size)]

    def behind(file: Any) -> Any:
        assert file.read(len(before)) == before
        return how(file)

    first = [before] if before else []
    assert call(reads(behind), Client(*first, *chunks)).content == repr(result).encode()


def test_no_content_is_the_end_of_the_file() -> None:
    assert call(reads(lambda f: f.read()), Client()).content == b"b''"


@pytest.mark.parametrize(
    ("parts", "received"),
    [
        ({"headers": [(b"host", b"test")]}, 0),
        ({"headers": [(b"content-length", b"0")]}, 0),
        ({"headers": [(b"content-length", b"3")]}, 1),
        ({"headers": [(b"transfer-encoding", b"chunked")]}, 1),
        ({"headers": [], "http_version": "2"}, 1),
    ],
)
def test_nothing_is_received_where_no_content_can_be(parts: Any, received: int) -> None:
    client = call(reads(lambda f: f.read()), Client(b"abc"), **parts)
    assert client.received == received
    assert client.content == (b"b'abc'" if received else b"b''")


def test_small_content_is_there_before_a_thread_is_taken() -> None:
    began = threading.Event()

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        began.set()
        start("200 OK", [])
        return [environ["wsgi.input"].read()]

    class Slow(Client):
        async def receive(self) -> dict[str, Any]:
            await asyncio.sleep(0)
            if len(self.messages) == 1:
                assert not began.is_set()
            return await super().receive()

    assert call(app, Slow(b"sl", b"ow", b"ly"), headers=LENGTH_OF_SIX).content == b"slowly"


def test_100_continue_is_asked_for_when_the_app_reads() -> None:
    fields = [*LENGTH_OF_SIX, (b"expect", b"100-continue")]

    def refuses(environ: Environ, start: Start) -> Iterable[bytes]:
        start("401 No", [])
        return [b"no"]

    client = call(refuses, Client(b"secret"), headers=fields)
    assert client.received == 0 and client.status == 401
    client = call(reads(lambda f: f.read()), Client(b"sec", b"ret"), headers=fields)
    assert client.content == b"b'secret'"


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
        for _ in range(2):
            try:
                read.append(environ["wsgi.input"].read())
            except OSError as error:
                read.append(error)
        raise read[-1]

    client = call(app, Client(FILLING, leaves=True))
    assert [type(error) for error in read] == [ConnectionAbortedError] * 2
    assert client.sent == []


def test_a_small_upload_that_is_cut_off_never_reaches_the_app() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        raise AssertionError("called")

    assert call(app, Client(b"half of", leaves=True), headers=LENGTH_OF_SIX).sent == []


def test_an_error_of_the_apps_own_is_told_though_the_client_has_gone() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            environ["wsgi.input"].read()
        except OSError:
            raise FileNotFoundError("something else") from None
        raise AssertionError("not reached")

    with pytest.raises(FileNotFoundError, match="something else"):
        call(app, Client(FILLING, leaves=True))


def test_content_is_only_fetched_as_far_as_the_app_reads() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        environ["wsgi.input"].read(100_000)
        start("200 OK", [])
        return [b"enough"]

    client = call(app, Client(*[bytes(65536)] * 100))
    assert client.content == b"enough"
    assert client.received <= 4


# Clients that leave


class Closing:
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.closed = 0
        self.thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.thread = threading.current_thread()
        self.closed += 1


def endless() -> Iterator[bytes]:
    while True:
        yield b"more"


@pytest.mark.parametrize("takes", [0, 1, 20])
def test_a_client_that_leaves_ends_an_endless_answer(takes: int) -> None:
    body = Closing(endless())

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        return body

    client = call(app, Client(takes=takes))
    assert len(client.sent) == takes
    assert body.closed == 1
    assert body.thread is not threading.main_thread()


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

    served = WSGIMiddleware(app, threads=2)
    for _ in range(8):
        call(served, Client(takes=2))
    assert call(served, path="/last").content == b"done"


@pytest.mark.parametrize("reading", [True, False])
def test_a_cancelled_request_frees_a_thread_that_waits(reading: bool) -> None:
    body = Closing(endless())
    waits = asyncio.Event()

    def app(environ: Environ, start: Start) -> Any:
        if reading:
            try:
                environ["wsgi.input"].read()
            finally:
                body.close()
        start("200 OK", [])
        return body

    class Stuck(Client):
        async def receive(self) -> dict[str, Any]:
            if not self.messages:
                waits.set()
                await asyncio.Event().wait()
            return await super().receive()

        async def send(self, message: dict[str, Any]) -> None:
            waits.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        client = Stuck(FILLING, leaves=True) if reading else Stuck()
        task = asyncio.create_task(WSGIMiddleware(app)(scope(), client.receive, client.send))
        await asyncio.wait_for(waits.wait(), DEADLINE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    wait_for(lambda: body.closed == 1, what="the iterable's close()")


def test_a_message_that_the_server_refuses_ends_the_app_and_is_told() -> None:
    body = Closing(endless())

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [("bad name", "x")])
        return body

    class Strict(Client):
        async def send(self, message: dict[str, Any]) -> None:
            raise RuntimeError("not a field name: 'bad name'")

    with pytest.raises(RuntimeError, match="not a field name"):
        call(app, Strict())
    assert body.closed == 1


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
        its_call = asyncio.create_task(WSGIMiddleware(app)(scope(), client.receive, client.send))
        count = -1
        while count != len(made) or not made:
            count = len(made)
            await asyncio.sleep(0.1)
        gate.set()
        await asyncio.wait_for(its_call, DEADLINE)
        return count

    assert asyncio.run(slow()) < 50
    assert len(made) == 1000


def test_a_slow_client_holds_few_bytes() -> None:
    made: list[int] = []
    gate = asyncio.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        for i in range(20):
            made.append(i)
            yield bytes(50_000)

    class Slow(Client):
        async def send(self, message: dict[str, Any]) -> None:
            wait_for(lambda: len(made) >= 2)
            if not gate.is_set():
                asyncio.get_running_loop().call_later(0.2, gate.set)
                await gate.wait()
                assert len(made) <= 3
            await super().send(message)

    assert len(call(app, Slow()).content) == 1_000_000


def test_chunks_leave_while_the_app_goes_on() -> None:
    arrived = threading.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"first"
        assert arrived.wait(DEADLINE)
        yield b"second"

    class Prompt(Client):
        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            if message.get("body") == b"first":
                arrived.set()

    assert call(app, Prompt()).content == b"firstsecond"


def test_a_whole_answer_leaves_before_close_returns() -> None:
    arrived = threading.Event()

    class Lingering(Closing):
        def close(self) -> None:
            assert arrived.wait(DEADLINE)
            super().close()

    body = Lingering([b"whole"])

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [("Content-Length", "5")])
        return body

    class Prompt(Client):
        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            if self.is_complete and message["type"] == "http.response.body":
                arrived.set()

    assert call(app, Prompt()).content == b"whole"
    assert body.closed == 1


# Context and threads


def test_context_variables_reach_the_app_and_its_close() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")
    seen: list[str] = []

    class Body(Closing):
        def close(self) -> None:
            seen.append(name.get())

    def app(environ: Environ, start: Start) -> Any:
        seen.append(name.get())
        name.set("changed by the app")
        start("200 OK", [])
        return Body([b""])

    async def request() -> str:
        client = Client()
        name.set("of the request")
        await WSGIMiddleware(app)(scope(), client.receive, client.send)
        return name.get()

    assert asyncio.run(request()) == "of the request"
    assert seen == ["of the request", "changed by the app"]


def test_one_app_in_several_loops() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return [environ["wsgi.input"].read(), b"!"]

    served = WSGIMiddleware(app)
    for _ in range(3):
        assert call(served, Client(b"hi")).content == b"hi!"
    others = [threading.Thread(target=call, args=(served, Client(b"x"))) for _ in range(4)]
    for other in others:
        other.start()
    for other in others:
        other.join(DEADLINE)
        assert not other.is_alive()


@pytest.mark.parametrize("threads", [1, 3])
def test_as_many_requests_run_at_a_time_as_there_are_threads(threads: int) -> None:
    running: list[int] = []
    most: list[int] = []
    full = threading.Event()
    lock = threading.Lock()

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        with lock:
            running.append(1)
            most.append(len(running))
            if len(running) == threads:
                full.set()
        assert full.wait(DEADLINE)
        with lock:
            running.pop()
        start("200 OK", [])
        return [b"."]

    async def many() -> None:
        served = WSGIMiddleware(app, threads=threads)
        clients = [Client() for _ in range(12)]
        calls = [served(scope(), client.receive, client.send) for client in clients]
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*calls)
        assert all(client.content == b"." for client in clients)

    asyncio.run(many())
    assert max(most) == threads


# Other scopes


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


# wsgiref's validator


@pytest.mark.parametrize("content", [b"", b"line one\nline two\n", FILLING])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_the_validator_of_the_standard_library_is_content(method: str, content: bytes) -> None:
    from wsgiref.validate import validator

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        file = environ["wsgi.input"]
        body = file.readline() + b"".join(file) + file.read(10)
        environ["wsgi.errors"].write("")
        environ["wsgi.errors"].flush()
        write = start("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] == "/write":
            write(b"")
        return [body] if method != "HEAD" else []

    fields = [(b"host", b"test"), (b"content-length", str(len(content)).encode())]
    for path in ("/", "/write"):
        client = Client(content)
        call(validator(app), client, method=method, headers=fields, path=path)
        assert client.content == (content if method != "HEAD" else b"")


def test_the_input_of_a_request_that_is_over_tells_so() -> None:
    kept: list[io.BufferedReader] = []

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        kept.append(environ["wsgi.input"])
        start("200 OK", [])
        return [b""]

    call(app, Client(FILLING, b"rest"))
    with pytest.raises(ConnectionAbortedError):
        kept[0].read()
