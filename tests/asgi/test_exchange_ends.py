"""How an app's call ends, and what is told of it."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.asgi.exchange_rig import (
    BODY,
    PART,
    START,
    Recorder,
    exchange_for,
    sends,
    serve,
)
from tricorn.wire.errors import ResponseError


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
        assert Path(__file__).name in lines[1]
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
