"""What an app may send, in which order and shape, and when nobody hears it any more."""

import asyncio
import tempfile
from collections import UserDict
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.asgi.exchange_rig import (
    BODY,
    EMPTY,
    GONE,
    HINT,
    PART,
    START,
    TRAILED,
    TRAILERS,
    Recorder,
    exchange_for,
    refused,
    sends,
    serve,
)
from tricorn.asgi.failure import ClientDisconnected
from tricorn.wire.errors import ResponseError


class TestOrder:
    def test_the_head_waits_for_the_first_content(self, stream: Recorder) -> None:
        async def call() -> None:
            exchange = exchange_for(stream)
            await exchange.send(START)
            assert stream.calls == []
            assert not exchange.started
            await exchange.send(BODY)
            assert exchange.started
            assert exchange.complete

        asyncio.run(call())
        assert stream.calls == [("start", 200, [], b"hi", False)]

    def test_content_in_pieces(self, stream: Recorder) -> None:
        serve(stream, sends(START, PART, PART, BODY))
        assert stream.calls == [
            ("start", 200, [], b"hi", True),
            ("write", b"hi", True),
            ("write", b"hi", False),
        ]

    def test_an_empty_piece_writes_nothing(self, stream: Recorder) -> None:
        empty = {"type": "http.response.body", "body": b"", "more_body": True}
        serve(stream, sends(START, empty, empty, {"type": "http.response.body"}))
        # The first one sends the head: an app that streams wants it out.
        assert stream.calls == [("start", 200, [], b"", True), ("write", b"", False)]

    def test_keys_that_are_left_out(self, stream: Recorder) -> None:
        start = {"type": "http.response.start", "status": 200}
        trailed = {**start, "trailers": True}
        more = {"type": "http.response.body", "more_body": True}
        serve(stream, sends(start, more, BODY))
        assert stream.calls == [("start", 200, [], b"", True), ("write", b"hi", False)]
        stream.calls.clear()
        serve(stream, sends(trailed, BODY, TRAILERS))
        assert stream.calls == [("start", 200, [], b"hi", True), ("trailers", [(b"x", b"1")])]

    @pytest.mark.parametrize(
        ("messages", "words"),
        [
            ([BODY], "'http.response.body' before 'http.response.start'"),
            ([START, START], "'http.response.start' twice"),
            ([START, PART, START], "'http.response.start' twice"),
            ([START, BODY, START], "'http.response.start' twice"),
            ([START, BODY, BODY], "'http.response.body' after the response was complete"),
            ([TRAILED, BODY, BODY], "'http.response.body' where trailers were promised"),
            ([TRAILERS], "did not promise trailers"),
            ([START, TRAILERS], "did not promise trailers"),
            ([START, BODY, TRAILERS], "did not promise trailers"),
            ([TRAILED, PART, TRAILERS], "the content isn't complete"),
            ([TRAILED, BODY, TRAILERS, TRAILERS], "did not promise trailers"),
            ([START, HINT], "goes before 'http.response.start'"),
            ([START, BODY, HINT], "goes before 'http.response.start'"),
            (
                [{"type": "http.response.pathsend", "path": __file__}],
                "before 'http.response.start'",
            ),
            ([{"type": "websocket.accept"}], "'websocket.accept', which is no message of an HTTP"),
            ([{"type": "http.response"}], "'http.response', which is no message of an HTTP"),
            ([{"type": None}], "None, which is no message of an HTTP"),
        ],
    )
    def test_out_of_order(self, stream: Recorder, messages: list[Any], words: str) -> None:
        error = refused(stream, *messages)
        assert type(error) is RuntimeError
        assert words in str(error)

    def test_a_refused_message_changes_nothing(self, stream: Recorder) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            with pytest.raises(RuntimeError):
                await send(BODY)
            await send(START)
            with pytest.raises(RuntimeError):
                await send(START)
            with pytest.raises(TypeError):
                await send({**BODY, "body": "text"})
            await send(BODY)

        serve(stream, app)
        assert stream.calls == [("start", 200, [], b"hi", False)]

    def test_what_http_forbids_is_a_runtime_error_and_can_be_mended(self, stream: Recorder) -> None:
        stream.fault = ResponseError("a field name has a space")

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            with pytest.raises(RuntimeError, match="a field name has a space"):
                await send(BODY)

        serve(stream, app)
        assert [call[:2] for call in stream.calls if call != "ended"] == [("start", 500)]


class TestShapes:
    @pytest.mark.parametrize(
        "body", [b"hi", bytearray(b"hi"), memoryview(b"hi"), memoryview(b"_hi")[1:]]
    )
    def test_content_of_any_bytes_type(self, stream: Recorder, body: Any) -> None:
        serve(stream, sends(START, {"type": "http.response.body", "body": body}))
        assert stream.calls == [("start", 200, [], b"hi", False)]
        assert type(stream.calls[0][3]) is bytes

    def test_content_is_taken_as_it_was_when_it_was_sent(self, stream: Recorder) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            piece = bytearray(b"one")
            await send(START)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece[:] = b"two"
            await send({"type": "http.response.body", "body": piece})

        serve(stream, app)
        assert stream.calls == [("start", 200, [], b"one", True), ("write", b"two", False)]

    @pytest.mark.parametrize("body", ["text", 5, None, [b"a"], object()])
    def test_content_that_is_not_bytes(self, stream: Recorder, body: Any) -> None:
        error = refused(stream, START, {"type": "http.response.body", "body": body})
        assert type(error) is TypeError
        assert str(error) == f"'body' must be bytes, not {type(body).__name__}"

    @pytest.mark.parametrize("status", [200, HTTPStatus.OK])
    def test_status(self, stream: Recorder, status: Any) -> None:
        serve(stream, sends({"type": "http.response.start", "status": status}, BODY))
        assert type(stream.calls[0][1]) is int
        assert stream.calls[0][1] == 200

    @pytest.mark.parametrize("status", ["200", 200.0, None, True, b"200"])
    def test_status_that_is_no_number(self, stream: Recorder, status: Any) -> None:
        error = refused(stream, {"type": "http.response.start", "status": status})
        assert type(error) is TypeError
        assert "'status' must be an int" in str(error)

    @pytest.mark.parametrize(
        "fields",
        [
            [(b"a", b"1")],
            ((b"a", b"1"),),
            [[b"a", b"1"]],
            iter([(b"a", b"1")]),
            (pair for pair in [(b"a", b"1")]),
            {b"a": b"1"}.items(),
        ],
        ids=["list", "tuple", "lists", "iterator", "generator", "view"],
    )
    def test_headers_in_any_iterable(self, stream: Recorder, fields: Any) -> None:
        serve(
            stream, sends({"type": "http.response.start", "status": 200, "headers": fields}, BODY)
        )
        assert [tuple(pair) for pair in stream.calls[0][2]] == [(b"a", b"1")]

    @pytest.mark.parametrize("start", [{"headers": None}, {}])
    def test_headers_may_be_absent(self, stream: Recorder, start: Any) -> None:
        serve(stream, sends({"type": "http.response.start", "status": 200, **start}, BODY))
        assert list(stream.calls[0][2]) == []

    @pytest.mark.parametrize(
        ("messages", "words"),
        [
            ([{"type": "http.response.start"}], "'http.response.start' without 'status'"),
            ([{"status": 200}], "a message without 'type'"),
            ([START, {"body": b""}], "a message without 'type'"),
            ([None], "a message must be a dict, not NoneType"),
            (["http.response.start"], "a message must be a dict, not str"),
            ([{**START, "headers": 5}], "'headers' must be an iterable of pairs, not int"),
            ([{"type": "http.response.early_hint"}], "'http.response.early_hint' without 'links'"),
        ],
    )
    def test_malformed(self, stream: Recorder, messages: list[Any], words: str) -> None:
        error = refused(stream, *messages)
        assert type(error) is TypeError
        assert words in str(error)
        assert stream.calls == []

    def test_a_mapping_is_a_message(self, stream: Recorder) -> None:
        serve(stream, sends(UserDict(START), UserDict(BODY)))
        assert stream.calls == [("start", 200, [], b"hi", False)]

    def test_a_message_is_left_as_it_was(self, stream: Recorder) -> None:
        fields = [(b"A", b"1")]
        start, body = {**START, "headers": fields}, dict(BODY)
        serve(stream, sends(start, body))
        assert fields == [(b"A", b"1")]
        assert start == {**START, "headers": fields}
        assert body == BODY

    def test_an_error_of_a_generator_of_headers_is_the_apps(self, stream: Recorder) -> None:
        def fields() -> Iterator[Any]:
            yield (b"a", b"1")
            raise LookupError("mine")

        assert type(refused(stream, {**START, "headers": fields()})) is LookupError


class TestExtensions:
    def test_trailers(self, stream: Recorder) -> None:
        first = {"type": "http.response.trailers", "headers": [(b"a", b"1")], "more_trailers": True}
        serve(stream, sends(TRAILED, BODY, first, TRAILERS))
        assert stream.calls == [
            ("start", 200, [], b"hi", True),
            ("trailers", [(b"a", b"1"), (b"x", b"1")]),
        ]

    def test_the_heads_fields_are_no_trailers(self, stream: Recorder) -> None:
        serve(stream, sends({**TRAILED, "headers": [(b"h", b"0")]}, BODY, TRAILERS))
        assert stream.calls[-1] == ("trailers", [(b"x", b"1")])

    def test_trailers_that_never_come(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        serve(stream, sends(TRAILED, BODY))
        assert stream.calls[-1] == "abort"
        assert caplog.messages == ["ASGI callable returned without completing response."]

    def test_early_hints(self, stream: Recorder) -> None:
        serve(stream, sends(HINT, HINT, START, BODY))
        link = ("inform", 103, [(b"link", b"</a.css>; rel=preload")])
        assert stream.calls == [link, link, ("start", 200, [], b"hi", False)]

    def test_a_path(self, stream: Recorder, tmp_path: Path) -> None:
        path = tmp_path / "content"
        path.write_bytes(b"12345")
        serve(stream, sends(START, {"type": "http.response.pathsend", "path": str(path)}))
        assert stream.calls == [
            ("start", 200, [(b"content-length", b"5")], b"", True),
            ("file", str(path), 0, 5, False),
        ]

    def test_a_path_with_the_apps_own_length(self, stream: Recorder, tmp_path: Path) -> None:
        path = tmp_path / "content"
        path.write_bytes(b"12345")
        fields = [(b"Content-Length", b"5")]
        start = {**START, "headers": fields}
        serve(stream, sends(start, {"type": "http.response.pathsend", "path": str(path)}))
        assert stream.calls[0] == ("start", 200, fields, b"", True)

    def test_a_path_that_is_not_there(self, stream: Recorder, tmp_path: Path) -> None:
        message = {"type": "http.response.pathsend", "path": str(tmp_path / "none")}
        assert type(refused(stream, START, message)) is FileNotFoundError
        assert stream.calls == []

    @pytest.mark.parametrize(
        ("options", "offset", "count"),
        [
            ({}, 1, 4),
            ({"offset": 2}, 2, 3),
            ({"offset": 2, "count": 2}, 2, 2),
            ({"count": 99}, 1, 4),
        ],
    )
    def test_an_open_file(
        self, stream: Recorder, options: dict[str, int], offset: int, count: int
    ) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(b"12345")
            file.seek(1)
            message = {"type": "http.response.zerocopysend", "file": file, **options}
            serve(stream, sends(START, message))
            assert not file.closed
        assert stream.calls[0] == ("start", 200, [(b"content-length", b"%d" % count)], b"", True)
        assert stream.calls[1][2:] == (offset, count, False)

    def test_an_open_file_within_other_content(self, stream: Recorder) -> None:
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(b"12345")
            message = {"type": "http.response.zerocopysend", "file": file.fileno(), "offset": 0}
            serve(stream, sends(START, PART, {**message, "more_body": True}, message, BODY))
        kinds = [call[0] for call in stream.calls if call != "ended"]
        # The last body comes after the file that completed the response.
        assert kinds == ["start", "file", "file"]

    @pytest.mark.parametrize("file", [-1, "name", None])
    def test_what_is_no_open_file(self, stream: Recorder, file: Any) -> None:
        message = {"type": "http.response.zerocopysend", "file": file}
        assert isinstance(refused(stream, START, message), TypeError | OSError)


class TestTheClientIsGone:
    @pytest.mark.parametrize(
        "messages",
        [
            [START],
            [HINT],
            [START, BODY],
            [START, PART, BODY],
            [TRAILED, BODY, TRAILERS],
            [START, {"type": "http.response.pathsend", "path": __file__}],
        ],
    )
    def test_sending_raises_an_oserror(self, stream: Recorder, messages: list[Any]) -> None:
        error = refused(stream, *messages, gone=True)
        assert type(error) is ClientDisconnected
        assert isinstance(error, OSError)
        assert "the client has disconnected" in str(error)

    def test_an_app_that_lets_it_pass_is_no_error(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            exchange.disconnected()
            await send(START)

        exchange = exchange_for(stream, app)
        asyncio.run(exchange.run())
        assert caplog.messages == []
        assert stream.calls == []

    def test_an_app_that_returns_is_no_error(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            exchange.disconnected()
            assert await receive() == EMPTY
            assert await receive() == GONE

        exchange = exchange_for(stream, app)
        asyncio.run(exchange.run())
        assert caplog.messages == []
        assert stream.calls == []

    def test_another_error_is_told(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            exchange.disconnected()
            raise LookupError("mine")

        exchange = exchange_for(stream, app)
        asyncio.run(exchange.run())
        assert "LookupError: mine" in caplog.text
        assert stream.calls == []
