"""start_response, write and the iterable, by the rules of PEP 3333."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from tests.asgi.wsgi_client import App, Client, Environ, Start, call


def answer(*chunks: bytes, status: str = "200 OK", fields: Any = (), wrap: Any = list) -> App:
    def app(environ: Environ, start: Start) -> Any:
        start(status, list(fields))
        return wrap(chunks)

    return app


def test_status_and_fields() -> None:
    fields = [("X-Kind", "wsgi"), ("Set-Cookie", "a=\xe9"), ("Set-Cookie", "b")]
    client = call(answer(b"hello", status="201 Created", fields=fields))
    assert client.status == 201
    assert client.fields == [
        (b"x-kind", b"wsgi"),
        (b"set-cookie", b"a=\xe9"),
        (b"set-cookie", b"b"),
    ]
    assert client.content == b"hello"


@pytest.mark.parametrize("status", ["404", "404 ", "404 Not Found", "404 Nicht gefunden \xe4"])
def test_any_reason_phrase_and_none(status: str) -> None:
    assert call(answer(status=status)).status == 404


@pytest.mark.parametrize("wrap", [list, tuple])
def test_a_list_is_one_message(wrap: Callable[[Any], Any]) -> None:
    client = call(answer(b"hello, ", b"", b"world", wrap=wrap))
    assert client.sent[1:] == [{"type": "http.response.body", "body": b"hello, world"}]


@pytest.mark.parametrize("wrap", [list, iter])
def test_no_content_at_all(wrap: Any) -> None:
    for chunks in ((), (b"",), (b"", b"")):
        client = call(answer(*chunks, wrap=wrap))
        assert client.sent[1:] == [{"type": "http.response.body", "body": b""}]


def test_a_long_list_is_not_copied_into_one_and_has_a_length() -> None:
    chunks = [b"a" * 50_000, b"b" * 50_000]
    client = call(answer(*chunks))
    assert [message.get("body") for message in client.sent[1:]] == chunks
    assert client.fields == [(b"content-length", b"100000")]
    assert client.is_complete


def test_an_iterable_of_one_has_a_length() -> None:
    class One:
        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[bytes]:
            return iter([b"only"])

    client = call(answer(wrap=lambda _: One()))
    assert client.fields == [(b"content-length", b"4")]


def test_a_generator_goes_out_chunk_by_chunk() -> None:
    client = call(answer(b"a", b"", b"b", wrap=iter))
    assert [(m["body"], m.get("more_body", False)) for m in client.sent[1:]] == [
        (b"a", True),
        (b"b", True),
        (b"", False),
    ]


def test_content_as_long_as_said_is_complete_at_once() -> None:
    client = call(answer(b"ab", b"cd", wrap=iter, fields=[("Content-Length", "4")]))
    assert [(m["body"], m.get("more_body", False)) for m in client.sent[1:]] == [
        (b"ab", True),
        (b"cd", False),
    ]


def test_write_comes_before_the_iterable() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        write = start("200 OK", [])
        write(b"first, ")
        write(b"")
        write(b"second, ")
        return [b"last"]

    client = call(app)
    assert client.content == b"first, second, last"
    assert client.is_complete


def test_start_response_may_come_with_the_first_chunk() -> None:
    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("202 Accepted", [])
        yield b"late"

    client = call(app)
    assert (client.status, client.content) == (202, b"late")


# HEAD, 204, 304


@pytest.mark.parametrize(
    ("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No"), ("GET", "304 Same")]
)
def test_without_content_an_endless_iterable_is_closed(method: str, status: str) -> None:
    class Endless:
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield b"more"

        def close(self) -> None:
            self.closed += 1

    body = Endless()
    client = call(answer(status=status, wrap=lambda _: body), method=method)
    assert client.is_complete
    assert body.closed == 1
    assert client.fields == []


def test_head_keeps_the_length_that_a_get_would_have() -> None:
    length = [("Content-Length", "1000")]
    for wrap in (list, iter):
        client = call(answer(fields=length, wrap=wrap), method="HEAD")
        assert client.fields == [(b"content-length", b"1000")]
        assert client.is_complete
        assert call(answer(b"x", fields=length, wrap=wrap), method="HEAD").is_complete


# exc_info


def failing(started: bool) -> App:
    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [("X-Try", "1")])
        if started:
            yield b"begun"
        try:
            raise LookupError("in the app")
        except LookupError:
            start("500 Oops", [("X-Try", "2")], sys.exc_info())
        yield b"sorry"

    return app


def test_exc_info_replaces_a_head_that_was_not_sent() -> None:
    client = call(failing(started=False))
    assert (client.status, client.content) == (500, b"sorry")
    assert client.fields == [(b"x-try", b"2")]


def test_exc_info_raises_again_when_the_head_is_on_its_way() -> None:
    client = Client()
    with pytest.raises(LookupError, match="in the app"):
        call(failing(started=True), client)
    assert (client.status, client.content) == (200, b"begun")
    assert not client.is_complete


def test_exc_info_may_be_the_first_call() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            raise LookupError
        except LookupError:
            start("500 Oops", [], sys.exc_info())
        return [b"sorry"]

    assert call(app).status == 500


# What an app does wrong


def starts(*arguments: Any) -> App:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        start(*arguments)
        return [b""]

    return app


def writes(content: Any) -> App:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])(content)
        return [b""]

    return app


def starts_twice(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [])
    start("200 OK", [])
    return [b""]


@pytest.mark.parametrize(
    ("app", "error", "says"),
    [
        (starts(b"200 OK", []), TypeError, "status must be text"),
        (starts(200, []), TypeError, "status must be text"),
        (starts("OK", []), ValueError, "must begin like '200 OK'"),
        (starts("2000 OK", []), ValueError, "must begin like '200 OK'"),
        (starts("20\xb2", []), ValueError, "must begin like '200 OK'"),
        (starts("200 OK", [("X", 1)]), TypeError, r"tuple of two texts, not \('X', 1\)"),
        (starts("200 OK", [(b"X", "1")]), TypeError, "tuple of two texts"),
        (starts("200 OK", ["X: 1"]), TypeError, "tuple of two texts"),
        (starts("200 OK", [("X", "\u20ac")]), ValueError, "characters that no field"),
        (starts("200 OK", [("\u20ac", "1")]), ValueError, "characters that no field"),
        (starts_twice, RuntimeError, "twice without exc_info"),
        (writes("text"), TypeError, "gave str as content"),
        (writes(bytearray(b"x")), TypeError, "gave bytearray as content"),
        (answer("text"), TypeError, "gave str as content"),  # type: ignore[arg-type]
        (answer("text", wrap=iter), TypeError, "gave str as content"),  # type: ignore[arg-type]
        (answer(b"a", None), TypeError, "gave NoneType as content"),  # type: ignore[arg-type]
        (answer(wrap=lambda _: b"whole"), TypeError, "returned bytes; it must return an iter"),
        (answer(wrap=lambda _: "whole"), TypeError, "returned str; it must return an iterable"),
        (answer(wrap=lambda _: None), TypeError, "returned None, not an iterable of bytes"),
        (answer(wrap=lambda _: 5), TypeError, "an object of type int, not an iterable"),
        (lambda environ, start: [b"x"], RuntimeError, "without calling start_response"),
        (lambda environ, start: iter(()), RuntimeError, "without calling start_response"),
        (answer(b"abc", fields=[("Content-Length", "2")]), RuntimeError, "more content than"),
        (answer(b"abc", fields=[("Content-Length", "4")]), RuntimeError, "less content than"),
        (answer(fields=[("Content-Length", "4")], wrap=iter), RuntimeError, "less content"),
        (answer(b"abc", fields=[("Content-Length", "2")], wrap=iter), RuntimeError, "more co"),
    ],
)
def test_one_line_says_what_is_wrong(app: App, error: type[Exception], says: str) -> None:
    client = Client()
    with pytest.raises(error, match=says):
        call(app, client)
    assert client.sent == []  # so the server can answer with 500


@pytest.mark.parametrize("wrap", [list, iter])
def test_content_behind_the_length_is_an_error_of_its_own(wrap: Any) -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "2")])(b"ok")
        return wrap([b"more"])  # type: ignore[no-any-return]

    client = Client()
    with pytest.raises(RuntimeError, match="more content than its Content-Length of 2"):
        call(app, client)
    assert client.content == b"ok" and client.is_complete


def test_the_traceback_begins_in_the_app() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        raise LookupError("in the app")

    with pytest.raises(LookupError) as caught:
        call(app)
    names = [entry.name for entry in caught.traceback]
    assert names[-1] == "app"
    assert "_run" not in names and "run" not in names[names.index("converse") :]


# close()


class Closing:
    def __init__(self, chunks: Iterable[bytes], close_error: Exception | None = None) -> None:
        self.chunks = iter(chunks)
        self.closed = 0
        self.close_error = close_error

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.closed += 1
        if self.close_error is not None:
            raise self.close_error


def broken() -> Iterator[bytes]:
    yield b"one"
    raise LookupError("in the middle")


def test_the_iterable_is_closed_once_at_its_end() -> None:
    body = Closing([b"a"])
    assert call(answer(wrap=lambda _: body)).content == b"a"
    assert body.closed == 1


def test_the_iterable_is_closed_once_after_an_error() -> None:
    body = Closing(broken())
    client = Client()
    with pytest.raises(LookupError, match="in the middle"):
        call(answer(wrap=lambda _: body), client)
    assert body.closed == 1
    assert client.content == b"one" and not client.is_complete


def test_the_iterable_is_closed_when_start_response_was_forgotten() -> None:
    body = Closing([b"a"])
    with pytest.raises(RuntimeError, match="without calling start_response"):
        call(lambda environ, start: body)
    assert body.closed == 1


def test_an_error_in_close_is_told_and_the_response_is_whole() -> None:
    body = Closing([b"a"], LookupError("in close"))
    client = Client()
    with pytest.raises(LookupError, match="in close"):
        call(answer(wrap=lambda _: body), client)
    assert client.content == b"a" and client.is_complete
    assert body.closed == 1
