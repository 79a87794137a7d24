"""Content as a WSGI app reads it: `wsgi.input`."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.asgi.wsgi_client import FILLING, Client, Environ, Start, call


def reads(how: Callable[[Any], Any]) -> Callable[[Environ, Start], Iterable[bytes]]:
    """An app that answers with what `how` made of `wsgi.input`."""

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        result = how(environ["wsgi.input"])
        start("200 OK", [])
        return [repr(result).encode()]

    return app


LENGTH_OF_SIX = [(b"content-length", b"6")]


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


def test_content_is_only_fetched_as_far_as_the_app_reads() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        environ["wsgi.input"].read(100_000)
        start("200 OK", [])
        return [b"enough"]

    client = call(app, Client(*[bytes(65536)] * 100))
    assert client.content == b"enough"
    assert client.received <= 4
