"""What an app may send over a WebSocket, in which order and shape."""

from __future__ import annotations

import asyncio
import inspect
from collections import UserDict
from enum import Enum, IntEnum
from http import HTTPStatus
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
    PART,
    REFUSED,
    TEXT,
    Listening,
    Make,
    Scripted,
    last_error,
)
from tricorn.wire.errors import ResponseError

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

    def test_a_member_of_an_enumeration_is_its_value(self, rig: Make) -> None:
        """Which isn't what `str()` makes of it."""

        class Word(str, Enum):  # noqa: UP042
            TEXT = "hi"
            PROTOCOL = "chat"

        class Code(IntEnum):
            AWAY = 4001

        accept = {**ACCEPT, "subprotocol": Word.PROTOCOL}
        send = {"type": "websocket.send", "text": Word.TEXT}
        end = {**CLOSE, "code": Code.AWAY, "reason": Word.TEXT}
        r = rig(Scripted(accept, send, end), subprotocols=("chat",))
        assert r.calls == [("accept", "chat", []), ("text", "hi"), ("close", 4001, "hi")]
        plain = [*r.calls[0][1:2], *r.calls[1][1:], *r.calls[2][1:]]
        assert [type(value) for value in plain] == [str, str, int, str]

    def test_keys_and_kinds_that_are_other_objects(self, rig: Make) -> None:
        """What is taken doesn't depend on whose strings they are, or what was met before."""

        class Kind(str):
            __slots__ = ()

        def other(text: str) -> str:
            made = "".join(list(text))
            assert made is not text
            return made

        kind = "websocket.send"
        messages: list[dict[str, Any]] = [
            {"type": other(kind), "text": "a"},
            {"type": other(kind), "bytes": b"b"},
            {other("type"): kind, other("text"): "c"},
            {other("type"): Kind(kind), other("bytes"): b"d"},
            {"type": Kind(kind), "text": "e"},
            {"type": kind, "text": "f", "more": 1},
            {"type": kind, "text": "g"},
        ]
        calls = rig(Scripted(ACCEPT, *messages, *messages)).calls[1:]
        assert [call[1] for call in calls] == ["a", b"b", "c", b"d", "e", "f", "g"] * 2

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
            ({**CLOSE, "code": True}, "'code' must be an int"),
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
