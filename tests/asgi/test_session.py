"""One WebSocket app's call: what it may send and receive, in which order, what it is told."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import weakref
from collections import UserDict
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest

from tests.asgi.session_rig import (
    ACCEPT,
    BODY,
    BYTES,
    CLOSE,
    CONNECT,
    DENY,
    PART,
    TEXT,
    App,
    Listening,
    Scripted,
    SessionRig,
    disconnect,
    received,
)
from tricorn.asgi.failure import ClientDisconnected
from tricorn.wire.errors import ResponseError

Make = Callable[..., SessionRig]


@pytest.fixture
def rig(loop: asyncio.AbstractEventLoop) -> Iterator[Make]:
    """Makes a `SessionRig` and starts it, behind what `first` does with it.

    Whatever the loop had to complain of fails the test.
    """
    faults: list[Any] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    tasks: list[Any] = []

    def make(
        app: App, first: Callable[[SessionRig], object] = lambda _: None, **options: Any
    ) -> SessionRig:
        made = SessionRig(loop, app, **options)
        first(made)
        made.start()
        tasks.append(made.session.task)
        return made

    yield make
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
    assert not faults, faults


def last_error(rig: Make, *messages: Any, **options: Any) -> BaseException:
    """What the last of `messages` raises in the app; those before it are fine."""
    app = Scripted(*messages)
    rig(app, **options)
    assert app.errors[:-1] == [None] * (len(messages) - 1)
    assert app.errors[-1] is not None, "it was taken"
    return app.errors[-1]


# Each phase, by what leads to it.
CONNECTING: tuple[Any, ...] = ()
OPEN = (ACCEPT,)
CLOSED = (ACCEPT, CLOSE)
HELD = (DENY,)
DENYING = (DENY, PART)
DENIED = (DENY, BODY)
REFUSED = (CLOSE,)
ALL = {"text": TEXT, "accept": ACCEPT, "close": CLOSE, "deny": DENY, "body": BODY}


class TestOrder:
    @pytest.mark.parametrize(
        ("before", "allowed"),
        [
            (CONNECTING, {"accept", "close", "deny"}),
            (OPEN, {"text", "close"}),
            (HELD, {"body"}),
            (DENYING, {"body"}),
            (CLOSED, set()),
            (DENIED, set()),
            (REFUSED, set()),
        ],
        ids=["connecting", "open", "held", "denying", "closed", "denied", "refused"],
    )
    @pytest.mark.parametrize("name", ALL)
    def test_each_message_in_each_phase(
        self, rig: Make, before: tuple[Any, ...], allowed: set[str], name: str
    ) -> None:
        app = Scripted(*before, ALL[name])
        r = rig(app)
        error = app.errors[-1]
        assert app.errors[:-1] == [None] * len(before)
        if name in allowed:
            assert error is None
        else:
            assert isinstance(error, RuntimeError)
            assert not isinstance(error, OSError)
            assert ALL[name]["type"] in str(error)
            # The wire never hears of it, and what is allowed still is.
            expected = rig(Scripted(*before)).calls
            assert r.calls == expected

    def test_accepting(self, rig: Make) -> None:
        fields = [(b"x-a", b"1")]
        accept = {**ACCEPT, "subprotocol": "b", "headers": fields}
        assert rig(Scripted(accept), subprotocols=("a", "b")).calls == [("accept", "b", fields)]

    @pytest.mark.parametrize("none", [{}, {"subprotocol": None}, {"subprotocol": ""}])
    def test_accepting_without_a_subprotocol(self, rig: Make, none: dict[str, Any]) -> None:
        r = rig(Scripted({**ACCEPT, **none, "headers": None}), subprotocols=("a",))
        assert r.calls == [("accept", None, [])]

    def test_a_subprotocol_that_nobody_offered(
        self, rig: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        r = rig(Scripted({**ACCEPT, "subprotocol": "c"}), subprotocols=("a",))
        assert r.calls == [("accept", None, [])]
        assert "'c'" in caplog.text

    def test_an_accept_that_http_forbids_can_be_mended(self, rig: Make) -> None:
        app = Scripted(ACCEPT, ACCEPT, TEXT)
        fault = ResponseError("bad field")
        rig(app, lambda r: setattr(r.stream, "fault", fault))
        assert isinstance(app.errors[0], RuntimeError)
        assert str(app.errors[0]) == "bad field"
        assert app.errors[1:] == [None, None]

    def test_close_before_accept_is_403(self, rig: Make) -> None:
        assert rig(Scripted(CLOSE)).calls == [
            ("deny", 403, [(b"content-length", b"0")], b"", False)
        ]

    def test_the_denial_waits_for_its_first_body(self, rig: Make) -> None:
        assert rig(Scripted(DENY)).calls == []
        assert rig(Scripted(DENY, BODY)).calls == [("deny", 401, [], b"no", False)]
        assert rig(Scripted(DENY, PART, PART, BODY)).calls == [
            ("deny", 401, [], b"no", True),
            ("deny_more", b"no", True),
            ("deny_more", b"no", False),
        ]

    def test_a_close_without_code_is_1000(self, rig: Make) -> None:
        for close in ({"type": "websocket.close"}, {**CLOSE, "code": None, "reason": None}):
            assert rig(Scripted(ACCEPT, close)).calls[1:] == [("close", 1000, "")]

    def test_what_is_sent_after_a_close_is_told_apart(self, rig: Make) -> None:
        error = last_error(rig, ACCEPT, CLOSE, TEXT)
        assert str(error) == "the app sent 'websocket.send' after 'websocket.close'"

    def test_what_is_sent_before_accept_is_told_apart(self, rig: Make) -> None:
        error = last_error(rig, TEXT)
        assert str(error) == "the app sent 'websocket.send' before 'websocket.accept'"


class TestMessages:
    def test_text_and_bytes(self, rig: Make) -> None:
        assert rig(Scripted(ACCEPT, TEXT, BYTES)).calls[1:] == [("text", "hi"), ("binary", b"hi")]

    @pytest.mark.parametrize(
        ("message", "call"),
        [
            ({"text": ""}, ("text", "")),
            ({"bytes": b""}, ("binary", b"")),
            ({"text": "a", "bytes": None}, ("text", "a")),
            ({"text": None, "bytes": b"a"}, ("binary", b"a")),
            ({"bytes": bytearray(b"a")}, ("binary", b"a")),
            ({"bytes": memoryview(b"a")}, ("binary", b"a")),
        ],
    )
    def test_what_is_as_good(self, rig: Make, message: dict[str, Any], call: Any) -> None:
        assert rig(Scripted(ACCEPT, {"type": "websocket.send", **message})).calls[1:] == [call]

    def test_bytes_that_change_are_copied(self, rig: Make) -> None:
        data = bytearray(b"before")
        r = rig(Scripted(ACCEPT, {"type": "websocket.send", "bytes": data}))
        data[:] = b"behind"
        assert r.calls[1:] == [("binary", b"before")]

    def test_a_str_of_another_class(self, rig: Make) -> None:
        class Text(str):
            __slots__ = ()

        calls = rig(Scripted(ACCEPT, {"type": "websocket.send", "text": Text("a")})).calls
        assert calls[1:] == [("text", "a")]
        assert type(calls[1][1]) is str

    def test_a_mapping_is_a_message(self, rig: Make) -> None:
        assert rig(Scripted(UserDict(ACCEPT), UserDict(TEXT))).calls[1:] == [("text", "hi")]

    def test_the_same_object_reaches_the_stream(self, rig: Make) -> None:
        text = "to all " * 10
        (_, call) = rig(Scripted(ACCEPT, {"type": "websocket.send", "text": text})).calls
        assert call[1] is text

    @pytest.mark.parametrize(
        ("message", "kind", "text"),
        [
            ({}, ValueError, "needs 'text' or 'bytes'"),
            ({"text": None, "bytes": None}, ValueError, "needs 'text' or 'bytes'"),
            ({"text": "a", "bytes": b"b"}, ValueError, "both 'text' and 'bytes'"),
            ({"text": b"a"}, TypeError, "'text' must be a str, not bytes"),
            ({"bytes": "a"}, TypeError, "'bytes' must be bytes, not str"),
        ],
    )
    def test_malformed_ones(
        self, rig: Make, message: dict[str, Any], kind: type[Exception], text: str
    ) -> None:
        error = last_error(rig, ACCEPT, {"type": "websocket.send", **message})
        assert type(error) is kind
        assert text in str(error)

    @pytest.mark.parametrize(
        ("message", "text"),
        [
            ({"text": "hi"}, "a message without 'type'"),
            (None, "a message must be a dict, not NoneType"),
            ({**ACCEPT, "subprotocol": b"a"}, "'subprotocol' must be a str, not bytes"),
            ({**ACCEPT, "headers": "x"}, "'headers' must be an iterable of pairs, not str"),
            ({**CLOSE, "code": "1000"}, "'code' must be an int"),
            ({**CLOSE, "reason": b"x"}, "'reason' a str"),
            ({"type": "websocket.http.response.start"}, "without 'status'"),
            ({**DENY, "status": "401"}, "'status' must be an int, not '401'"),
        ],
    )
    def test_malformed_handshake_messages(self, rig: Make, message: Any, text: str) -> None:
        error = last_error(rig, message)
        assert type(error) is TypeError
        assert text in str(error)

    def test_a_status_of_another_class(self, rig: Make) -> None:
        calls = rig(Scripted({**DENY, "status": HTTPStatus.FORBIDDEN}, BODY)).calls
        assert calls[0][1] == 403

    def test_an_unknown_message(self, rig: Make) -> None:
        for before in CONNECTING, OPEN:
            error = last_error(rig, *before, {"type": "websocket.dance"})
            assert type(error) is RuntimeError
            assert "'websocket.dance'" in str(error)

    def test_send_waits_while_the_client_does_not_read(self, rig: Make) -> None:
        app = Scripted(ACCEPT, TEXT, TEXT)
        r = rig(app, lambda r: setattr(r.stream, "write_paused", True))
        assert app.errors == []
        r.stream.write_paused = False
        r.do(r.stream.wake_writers)
        assert app.errors == [None, None, None]

    def test_what_asyncio_and_asgiref_ask_of_them(self, rig: Make) -> None:
        session = rig(Listening()).session
        for function in (session.receive, session.send):
            assert asyncio.iscoroutinefunction(function) or inspect.iscoroutinefunction(function)


class TestReceiving:
    def test_connect_then_messages_in_order(self, rig: Make) -> None:
        app = Listening()
        r = rig(app)
        for message in ("a", b"b", ""):
            r.feed(message)
        assert app.messages == [CONNECT, received("a"), received(b"b"), received("")]

    def test_what_came_before_the_end_is_received_before_it(self, rig: Make) -> None:
        gate = asyncio.Event()
        app = Listening()

        async def late(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await app(scope, receive, send)

        async def accept_first(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            app.first = ()
            await late(scope, receive, send)

        r = rig(accept_first)
        r.feed("a")
        r.lose(4000, "so")
        r.do(gate.set)
        assert app.messages == [CONNECT, received("a"), disconnect(4000, "so")]

    def test_the_app_runs_before_feeding_returns(self, rig: Make) -> None:
        app = Listening()
        r = rig(app)
        seen: list[int] = []

        def feed() -> None:
            r.session.feed_text("a")
            seen.append(len(app.messages))

        r.do(feed)
        assert seen == [2]

    def test_the_end_comes_once(self, rig: Make) -> None:
        app = Listening()
        r = rig(app)
        r.lose(1001, "bye")
        r.lose(1006)
        assert app.messages[1:] == [disconnect(1001, "bye")]

    @pytest.mark.parametrize(
        ("first", "end"),
        [
            ((ACCEPT, CLOSE), disconnect(4000, "so")),
            ((CLOSE,), disconnect(1006)),
            ((DENY, BODY), disconnect(1006)),
        ],
        ids=["closed", "refused", "denied"],
    )
    def test_the_end_that_the_app_made(self, rig: Make, first: Any, end: Any) -> None:
        app = Listening(*first)
        rig(app).lose(1006)
        assert app.messages == [CONNECT, end]

    def test_behind_the_end_is_an_error(self, rig: Make) -> None:
        found: list[BaseException] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            while (await receive())["type"] != "websocket.disconnect":
                pass
            try:
                await receive()
            except RuntimeError as error:
                found.append(error)

        rig(app).lose()
        assert "after 'websocket.disconnect'" in str(found[0])

    def test_asks_the_wire_for_more_when_it_has_none(self, rig: Make) -> None:
        r = rig(Listening())
        assert r.stream.wanted == 1
        r.feed("a")
        assert r.stream.wanted == 2

    def test_what_the_wire_brings_at_once(self, rig: Make) -> None:
        app = Listening()
        waiting = ["a", "b"]

        def bring(r: SessionRig) -> None:
            r.stream.on_want = lambda: waiting and r.session.feed_text(waiting.pop(0))

        r = rig(app, bring)
        assert app.messages == [CONNECT, received("a"), received("b")]
        r.lose()


class TestSeveralTasks:
    def test_each_message_goes_to_one(self, rig: Make) -> None:
        got: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()

            async def worker() -> None:
                while True:
                    message = await receive()
                    got.append(message)
                    if message["type"] == "websocket.disconnect":
                        return

            results = await asyncio.gather(*(worker() for _ in range(3)), return_exceptions=True)
            got.append([type(result) for result in results if result is not None])

        r = rig(app)
        for text in "abcde":
            r.feed(text)
        r.lose(1001)
        assert got[:-1] == [*(received(text) for text in "abcde"), disconnect(1001)]
        # The two for whom nothing came hear that there is nothing more.
        assert got[-1] == [RuntimeError, RuntimeError]

    def test_waits_that_were_given_up_take_nothing(self, rig: Make) -> None:
        got: list[Any] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(receive(), 0.001)
            given_up = asyncio.create_task(receive())
            await asyncio.sleep(0)
            given_up.cancel()
            got.append(await receive())

        r = rig(app)
        deadline = r.loop.time() + 5
        while r.session.waiter is None or r.stream.wanted != 5:
            assert r.loop.time() < deadline
            r.loop.run_until_complete(asyncio.sleep(0.001))
        r.turns()
        r.feed("a")
        assert got == [received("a")]

    def test_polling_beside_a_wait_leaves_nothing_behind(self, rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            waits = asyncio.create_task(receive())
            await asyncio.sleep(0)
            for _ in range(50):
                poll = asyncio.create_task(receive())
                await asyncio.sleep(0)
                poll.cancel()
                await asyncio.sleep(0)
            await waits

        r = rig(app)
        for _ in range(60):
            r.turns()
        assert len(r.session.other_waiters or ()) <= 2
        r.feed("a")
        assert r.session.ended

    def test_a_message_that_arrives_as_its_task_is_cancelled_stays(self, rig: Make) -> None:
        got: list[Any] = []
        rigs: list[SessionRig] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            task = asyncio.create_task(receive())
            await asyncio.sleep(0)
            # Within a task the arrival can't run the other one at once.
            rigs[0].session.feed_text("a")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            got.append(await receive())

        rig(app, rigs.append)
        assert got == [received("a")]

    def test_a_task_that_the_app_left_waiting_hears_the_end(self, rig: Make) -> None:
        left: list[asyncio.Task[Any]] = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await receive()
            left.append(asyncio.create_task(receive()))
            await asyncio.sleep(0)

        r = rig(app)
        assert r.calls[-1] == ("close", 1000, "")
        assert left[0].result() == disconnect(1000)

    def test_what_a_task_sends_behind_the_apps_end(self, rig: Make) -> None:
        left: list[asyncio.Task[Any]] = []

        async def later(send: Any) -> None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await send(TEXT)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            left.append(asyncio.create_task(later(send)))

        rig(app)
        with pytest.raises(RuntimeError, match="after its call had ended"):
            left[0].result()


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


class TestBounds:
    def test_in_messages(self, rig: Make) -> None:
        r = rig(Scripted(ACCEPT), queue_limit=3)
        session = r.session  # the connect event waits, too
        assert not session.is_full()
        r.feed("a")
        assert not session.is_full()
        r.feed("b")
        assert session.is_full()

    def test_in_bytes(self, rig: Make) -> None:
        session = rig(Scripted(ACCEPT), queue_limit=0).session
        session.feed_binary(b"x" * 65000)
        assert not session.is_full()
        session.feed_binary(b"x" * 500)
        assert session.is_full()

    def test_empty_messages_have_a_cost(self, rig: Make) -> None:
        session = rig(Scripted(ACCEPT), queue_limit=0).session
        count = 0
        while not session.is_full():
            session.feed_text("")
            count += 1
        assert count <= 1024

    def test_what_is_received_makes_room(self, rig: Make) -> None:
        gate = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(ACCEPT)
            await gate.wait()
            while (await receive())["type"] != "websocket.disconnect":
                pass

        r = rig(app, queue_limit=0)
        r.feed("x" * 100_000)
        r.feed(b"x" * 100_000)
        assert r.session.is_full()
        r.do(gate.set)
        assert not r.session.is_full()
        assert r.session.size == 0
        r.lose()


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
