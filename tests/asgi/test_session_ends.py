"""How a WebSocket ends: the client is gone, or the app."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest

from tests.asgi.session_rig import (
    ACCEPT,
    BODY,
    BYTES,
    CLOSE,
    CLOSED,
    CONNECTING,
    DENIED,
    DENY,
    DENYING,
    HELD,
    OPEN,
    TEXT,
    Listening,
    Make,
    Scripted,
    SessionRig,
)
from tricorn.asgi.failure import ClientDisconnected


class TestGone:
    @pytest.mark.parametrize(
        ("before", "message"),
        [
            (OPEN, TEXT),
            (OPEN, BYTES),
            (CONNECTING, ACCEPT),
            (CONNECTING, CLOSE),
            (CONNECTING, DENY),
            (HELD, BODY),
            (DENYING, BODY),
        ],
    )
    def test_nothing_can_be_sent(self, rig: Make, before: Any, message: Any) -> None:
        found: list[BaseException] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            for earlier in before:
                await send(earlier)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            try:
                await send(message)
            except OSError as error:
                found.append(error)

        r = rig(app)
        calls = list(r.calls)
        r.lose()
        assert type(found[0]) is ClientDisconnected
        assert r.calls == calls

    def test_a_close_behind_it_is_fine(self, rig: Make) -> None:
        found: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            await send(CLOSE)
            try:
                await send(TEXT)
            except Exception as error:
                found.append(error)

        r = rig(app)
        r.lose()
        assert r.calls == [("accept", None, [])]
        # The app closed: that is what it is told.
        assert type(found[0]) is RuntimeError

    def test_who_waits_to_send_goes_on(self, rig: Make) -> None:
        app = Scripted(ACCEPT, TEXT, TEXT)
        r = rig(app, lambda r: setattr(r.stream, "write_paused", True))

        def lose() -> None:
            r.stream.write_paused = False
            r.session.disconnected(1006, "")

        r.do(lose)
        assert app.errors[0] is None
        assert [type(error) for error in app.errors[1:]] == [ClientDisconnected] * 2


class TestEndOfTheApp:
    """What the client sees, and what the log says."""

    @pytest.mark.parametrize(
        ("before", "call", "line"),
        [
            (CONNECTING, "deny", "ASGI callable returned without sending handshake."),
            (OPEN, ("close", 1000, ""), ""),
            (HELD, "deny", "ASGI callable returned without completing handshake."),
            (DENYING, ("abort",), "ASGI callable returned without completing handshake."),
            (CLOSED, ("close", 4000, "so"), ""),
            (DENIED, ("deny", 401, [], b"no", False), ""),
        ],
        ids=["connecting", "open", "held", "denying", "closed", "denied"],
    )
    def test_returning(
        self, rig: Make, caplog: pytest.LogCaptureFixture, before: Any, call: Any, line: str
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in before:
                await send(message)

        r = rig(app)
        if call == "deny":
            assert r.calls[-1][:2] == ("deny", 500)
            assert r.calls[-1][3] == b"Internal Server Error"
        else:
            assert r.calls[-1] == call
        assert [record.getMessage() for record in caplog.records] == ([line] if line else [])

    @pytest.mark.parametrize(
        ("before", "call"),
        [
            (CONNECTING, "deny"),
            (OPEN, ("close", 1011, "")),
            (HELD, "deny"),
            (DENYING, ("abort",)),
            (CLOSED, ("close", 4000, "so")),
        ],
        ids=["connecting", "open", "held", "denying", "closed"],
    )
    def test_raising(
        self, rig: Make, caplog: pytest.LogCaptureFixture, before: Any, call: Any
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            for message in before:
                await send(message)
            raise LookupError("of the app's")

        r = rig(app)
        assert r.calls[-1][:2] == ("deny", 500) if call == "deny" else r.calls[-1] == call
        assert "Exception in ASGI application" in caplog.text
        assert "of the app's" in caplog.text
        assert "tricorn/asgi" not in caplog.text

    @pytest.mark.parametrize(
        ("before", "call"),
        [(CONNECTING, "deny"), (OPEN, ("close", 1012, "")), (DENYING, ("abort",))],
        ids=["connecting", "open", "denying"],
    )
    def test_cancelled(
        self, rig: Make, caplog: pytest.LogCaptureFixture, before: Any, call: Any
    ) -> None:
        r = rig(Scripted(*before))
        assert r.session.task is not None
        r.session.task.cancel()
        r.turns()
        assert r.calls[-1][:2] == ("deny", 500) if call == "deny" else r.calls[-1] == call
        assert r.session.task.cancelled()
        assert not caplog.records

    def test_cancelled_by_something_of_its_own(
        self, rig: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            raise asyncio.CancelledError

        assert rig(app).calls[-1] == ("close", 1011, "")
        assert "CancelledError" in caplog.text

    def test_a_result_is_told(self, rig: Make, caplog: pytest.LogCaptureFixture) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> int:
            await send(ACCEPT)
            return 7

        rig(app)
        assert "should return None, but returned '7'" in caplog.text

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_an_error_that_only_tells_of_the_clients_end_is_quiet(
        self, rig: Make, caplog: pytest.LogCaptureFixture, wrapped: bool
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            try:
                await send(TEXT)
            except OSError:
                if wrapped:
                    raise LookupError("in its wake")  # noqa: B904 - as a framework's
                raise

        caplog.set_level(logging.DEBUG)
        rig(app).lose()
        assert not caplog.records

    def test_an_error_of_its_own_behind_the_clients_end_is_told(
        self, rig: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            raise LookupError("of the app's")

        r = rig(app)
        r.lose()
        assert r.calls == [("accept", None, [])]
        assert "of the app's" in caplog.text

    def test_the_stream_hears_of_the_end_of_a_task(self, rig: Make) -> None:
        r = rig(Listening())
        r.lose()
        assert r.stream.calls[-1] == ("ended",)


def test_nothing_is_left_for_the_garbage_collector(loop: asyncio.AbstractEventLoop) -> None:
    class Held:
        """What the app's frame holds."""

    found: list[weakref.ref[Held]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        held = Held()
        found.append(weakref.ref(held))
        await send(ACCEPT)
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": "a"})

    gc.collect()
    gc.disable()
    try:
        r = SessionRig(loop, app).start()
        r.feed("a")
        r.lose()
        r.session.task = None
        r.turns()
        assert found[0]() is None
    finally:
        gc.enable()
