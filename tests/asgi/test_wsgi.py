"""WSGI apps behind the ASGI interface: context, threads, other scopes, and a validator."""

import asyncio
import contextvars
import io
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from tests.asgi.wsgi_client import DEADLINE, FILLING, Client, Closing, Environ, Start, call, scope
from tricorn.asgi.wsgi import WSGIMiddleware

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
