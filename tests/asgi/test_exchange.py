"""One app's call: what it may send and receive, in which order, and what it is told."""

import asyncio
import logging
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
    App,
    Recorder,
    exchange_for,
)
from tricorn.asgi.exchange import Exchange
from tricorn.asgi.failure import ClientDisconnected
from tricorn.asgi.stream import Stream
from tricorn.wire.errors import ResponseError


@pytest.fixture
def stream() -> Recorder:
    return Recorder()


def serve(stream: Stream, app: App) -> None:
    asyncio.run(exchange_for(stream, app).run())


def sends(*messages: Any) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


def refused(stream: Stream, *messages: Any, gone: bool = False) -> BaseException:
    """What the last of `messages` raises in the app; the ones before it are fine."""
    found: list[BaseException] = []

    async def call() -> None:
        exchange = exchange_for(stream)
        for message in messages[:-1]:
            await exchange.send(message)
        if gone:
            exchange.disconnected()
        pending = exchange.send(messages[-1])  # nothing is raised before the await
        try:
            await pending
        except Exception as error:
            found.append(error)

    asyncio.run(call())
    assert found, "it was taken"
    return found[0]


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


def received(exchange: Exchange, count: int) -> list[Any]:
    """So many messages, none of which has to be waited for."""

    async def receive() -> list[Any]:
        messages = []
        for _ in range(count):
            coroutine = exchange.receive()
            try:
                coroutine.send(None)
            except StopIteration as stop:
                messages.append(stop.value)
            else:
                coroutine.close()
                raise AssertionError(f"it waits, after {messages}")
        return messages

    return asyncio.run(receive())


class TestReceiving:
    def test_no_content(self, stream: Recorder) -> None:
        assert received(exchange_for(stream), 1) == [EMPTY]
        assert stream.wanted == 0

    def test_whole_content(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.feed_end()
        assert received(exchange, 1) == [
            {"type": "http.request", "body": b"ab", "more_body": False}
        ]

    def test_pieces_that_have_arrived_come_as_one(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.feed(b"cd")
        assert exchange.content_size == 4
        message = {"type": "http.request", "body": b"abcd", "more_body": True}
        assert received(exchange, 1) == [message]
        assert exchange.content_size == 0
        exchange.feed_end()
        assert received(exchange, 1) == [EMPTY]

    def test_large_pieces_come_one_by_one(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        large = b"x" * 65536
        for piece in (large, b"ab", b"cd"):
            exchange.feed(piece)
        exchange.feed_end()
        first = {"type": "http.request", "body": large, "more_body": True}
        last = {"type": "http.request", "body": b"abcd", "more_body": False}
        assert received(exchange, 1) == [first]
        assert exchange.content_size == 4
        assert received(exchange, 1) == [last]
        assert exchange.content_size == 0

    def test_gone_within_the_content(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.disconnected()
        # What can't become whole is of no use, and must not be taken for the whole.
        assert received(exchange, 2) == [GONE, GONE]

    def test_gone_behind_the_content(self, stream: Recorder) -> None:
        exchange = exchange_for(stream, has_content=True)
        exchange.feed(b"ab")
        exchange.feed_end()
        exchange.disconnected()
        first = {"type": "http.request", "body": b"ab", "more_body": False}
        assert received(exchange, 3) == [first, GONE, GONE]

    def test_an_ended_client_counts_as_gone(self, stream: Recorder) -> None:
        exchange = exchange_for(stream)
        exchange.end_of_client()
        assert received(exchange, 2) == [EMPTY, GONE]
        asyncio.run(exchange.send(START))  # it may still be sent to
        asyncio.run(exchange.send(BODY))
        assert exchange.complete

    def test_after_the_response(self, stream: Recorder) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            assert await receive() == EMPTY
            await send(START)
            await send(BODY)
            assert await receive() == GONE
            assert await receive() == GONE

        serve(stream, app)
        assert stream.calls == [("start", 200, [], b"hi", False)]

    @pytest.mark.parametrize("has_content", [False, True])
    def test_a_message_is_the_apps_own(self, stream: Recorder, has_content: bool) -> None:
        exchange = exchange_for(stream, has_content=has_content)
        exchange.disconnected()
        first = received(exchange, 1)[0]
        first.clear()
        assert received(exchange, 1) == [GONE]

    @pytest.mark.parametrize(
        ("event", "message"),
        [
            (lambda e: e.feed(b"x"), {"type": "http.request", "body": b"x", "more_body": True}),
            (lambda e: e.feed_end(), EMPTY),
            (lambda e: e.disconnected(), GONE),
            (lambda e: e.end_of_client(), GONE),
        ],
        ids=["content", "end", "gone", "half gone"],
    )
    def test_waiting(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop, event: Any, message: Any
    ) -> None:
        exchange = exchange_for(stream, has_content=True)

        async def call() -> Any:
            task = asyncio.ensure_future(exchange.receive())
            await asyncio.sleep(0)
            assert not task.done()
            assert stream.wanted == 1
            event(exchange)
            return await asyncio.wait_for(task, 30)

        assert loop.run_until_complete(call()) == message

    def test_waiting_ends_with_the_response(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream)

        async def call() -> Any:
            assert await exchange.receive() == EMPTY
            task = asyncio.ensure_future(exchange.receive())
            await asyncio.sleep(0)
            assert not task.done()
            await exchange.send(START)
            await exchange.send(BODY)
            return await asyncio.wait_for(task, 30)

        assert loop.run_until_complete(call()) == GONE

    def test_several_wait_and_one_gives_up(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream)

        async def call() -> Any:
            assert await exchange.receive() == EMPTY
            waiting = [asyncio.ensure_future(exchange.receive()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.sleep(0)
            exchange.disconnected()
            done = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
            assert isinstance(done[1], asyncio.CancelledError)
            return [done[0], done[2]]

        assert loop.run_until_complete(call()) == [GONE, GONE]

    def test_one_of_two_gets_the_content(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream, has_content=True)

        async def call() -> None:
            waiting = [asyncio.ensure_future(exchange.receive()) for _ in range(2)]
            await asyncio.sleep(0)
            exchange.feed(b"x")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert [task.done() for task in waiting] == [True, False]
            exchange.disconnected()
            assert await waiting[1] == GONE

        loop.run_until_complete(call())

    def test_a_cancelled_receive_loses_nothing(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        exchange = exchange_for(stream, has_content=True)

        async def call() -> Any:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(exchange.receive(), 0.001)
            exchange.feed(b"x")
            return await exchange.receive()

        assert loop.run_until_complete(call())["body"] == b"x"


class TestSlowClients:
    def test_sending_waits(self, stream: Recorder, loop: asyncio.AbstractEventLoop) -> None:
        exchange = exchange_for(stream)

        async def call() -> None:
            await exchange.send(START)
            stream.write_paused = True
            sending = asyncio.ensure_future(exchange.send(PART))
            others = asyncio.ensure_future(exchange.send(PART))
            await asyncio.sleep(0)
            assert not sending.done()
            # It is with the wire all the same; only the app has to wait.
            assert [call[0] for call in stream.calls] == ["start", "write"]
            stream.write_paused = False
            stream.wake_writers()
            await asyncio.wait_for(asyncio.gather(sending, others), 30)

        loop.run_until_complete(call())


class Unwound(BaseException):
    pass


class TestHowTheCallEnds:
    @pytest.mark.parametrize("messages", [[], [START]])
    @pytest.mark.parametrize(
        "error", [ValueError("mine"), SystemExit(1), KeyboardInterrupt(), Unwound("mine")]
    )
    def test_raising_before_the_response(
        self,
        stream: Recorder,
        caplog: pytest.LogCaptureFixture,
        messages: list[Any],
        error: BaseException,
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in messages:
                await send(message)
            raise error

        serve(stream, app)
        (start,) = stream.calls
        kind, status, fields, body, more = start
        assert (kind, status, body, more) == ("start", 500, b"Internal Server Error", False)
        assert (b"connection", b"close") in fields
        assert (b"content-length", b"21") in fields
        assert type(error).__name__ in caplog.text

    def test_raising_within_the_response(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await send(PART)
            raise LookupError("mine")

        serve(stream, app)
        assert stream.calls == [("start", 200, [], b"hi", True), "abort"]
        assert "LookupError: mine" in caplog.text

    def test_raising_behind_the_response(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await send(BODY)
            raise LookupError("mine")

        serve(stream, app)
        assert stream.calls == [("start", 200, [], b"hi", False)]
        assert "LookupError: mine" in caplog.text

    def test_the_traceback_begins_in_the_app(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(START)
            await send({**BODY, "body": "text"})

        serve(stream, app)
        (record,) = caplog.records
        assert record.name == "tricorn.error"
        assert record.levelno == logging.ERROR
        assert record.getMessage() == "Exception in ASGI application\n"
        lines = (record.exc_text or "").splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert "test_exchange.py" in lines[1]
        assert lines[-1] == "TypeError: 'body' must be bytes, not str"
        assert 'exchange.py", line' not in "\n".join(lines[1:]).replace("test_exchange.py", "")
        assert "ready.py" not in record.exc_text

    def test_an_app_that_cannot_be_called(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app() -> None: ...

        serve(stream, app)  # type: ignore[arg-type]
        assert stream.calls[0][1] == 500
        assert "takes 0 positional arguments but 3 were given" in caplog.text

    @pytest.mark.parametrize(
        ("messages", "log", "calls"),
        [
            ([], "ASGI callable returned without starting response.", ["start"]),
            ([START], "ASGI callable returned without completing response.", ["start"]),
            ([START, PART], "ASGI callable returned without completing response.", ["start", "a"]),
        ],
    )
    def test_returning_too_early(
        self,
        stream: Recorder,
        caplog: pytest.LogCaptureFixture,
        messages: list[Any],
        log: str,
        calls: list[str],
    ) -> None:
        serve(stream, sends(*messages))
        assert caplog.messages == [log]
        assert [call[0] for call in stream.calls] == calls
        assert stream.calls[0][1] == (200 if PART in messages else 500)

    def test_returning_a_value(self, stream: Recorder, caplog: pytest.LogCaptureFixture) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> object:
            await send(START)
            await send(BODY)
            return "a value"

        serve(stream, app)
        assert caplog.messages == ["ASGI callable should return None, but returned 'a value'."]
        assert stream.calls == [("start", 200, [], b"hi", False)]

    @pytest.mark.parametrize(("messages", "first"), [([], 500), ([START, PART], 200)])
    def test_being_cancelled(
        self,
        stream: Recorder,
        loop: asyncio.AbstractEventLoop,
        caplog: pytest.LogCaptureFixture,
        messages: list[Any],
        first: int,
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in messages:
                await send(message)
            await asyncio.sleep(60)

        async def call() -> None:
            task = asyncio.ensure_future(exchange_for(stream, app).run())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        loop.run_until_complete(call())
        assert stream.calls[0][1] == first
        assert stream.calls[1:] == ([] if first == 500 else ["abort"])
        assert caplog.messages == []  # who cancels says so

    def test_a_cancellation_of_the_apps_own_making(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It awaits a task of its own that somebody cancelled: a bug that must be seen."""

        async def app(scope: Any, receive: Any, send: Any) -> None:
            inner = asyncio.ensure_future(asyncio.sleep(60))
            await asyncio.sleep(0)
            inner.cancel()
            await inner

        async def call() -> None:
            task = asyncio.ensure_future(exchange_for(stream, app).run())
            await asyncio.wait([task])
            assert task.cancelled()

        loop.run_until_complete(call())
        assert stream.calls[0][1] == 500
        assert "Exception in ASGI application" in caplog.text
        assert "CancelledError" in caplog.text

    def test_an_app_that_survives_its_cancellation(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                await send(START)
                await send(BODY)

        async def call() -> None:
            task = asyncio.ensure_future(exchange_for(stream, app).run())
            await asyncio.sleep(0)
            task.cancel()
            await task

        loop.run_until_complete(call())
        assert stream.calls == [("start", 200, [], b"hi", False)]

    def test_a_response_that_http_forbids_becomes_a_500(
        self, stream: Recorder, caplog: pytest.LogCaptureFixture
    ) -> None:
        stream.fault = ResponseError("a field value has a line break")
        serve(stream, sends(START, BODY))
        assert stream.calls[0][1] == 500
        assert "RuntimeError: a field value has a line break" in caplog.text

    def test_the_wire_is_told_of_an_app_with_a_task(
        self, stream: Recorder, loop: asyncio.AbstractEventLoop
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await asyncio.sleep(0)
            raise LookupError

        async def call() -> None:
            exchange = exchange_for(stream, app)
            exchange.task = asyncio.ensure_future(exchange.run())
            await exchange.task

        loop.run_until_complete(call())
        assert stream.calls[-1] == "ended"
