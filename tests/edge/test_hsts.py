"""Strict-Transport-Security on an app's answers."""

import asyncio
from typing import Any

import pytest

from tricorn.edge.hsts import StrictTransportSecurity

FIELD = (b"strict-transport-security", b"max-age=5")


def fields_of(message: dict[str, Any], **scope: Any) -> Any:
    """What becomes of the fields of a message that an app sends."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(message)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(StrictTransportSecurity(app, "max-age=5")({"type": "http", **scope}, None, send))
    (only,) = sent
    assert {key: only[key] for key in only if key != "headers"} == {
        key: message[key] for key in message if key != "headers"
    }
    return only.get("headers")


def start(*fields: tuple[bytes, bytes], kind: str = "http.response.start") -> dict[str, Any]:
    return {"type": kind, "status": 200, "headers": fields}


def test_it_is_added_over_https() -> None:
    own = (b"content-type", b"text/plain")
    message = start(own)
    assert fields_of(message, scheme="https") == [own, FIELD]
    assert message["headers"] == (own,)  # the app's message isn't touched
    denial = start(kind="websocket.http.response.start")
    assert fields_of(denial, type="websocket", scheme="wss") == [FIELD]
    assert fields_of({"type": "http.response.start", "status": 204}, scheme="https") == [FIELD]


def test_it_isnt_added_over_plain_http() -> None:
    assert fields_of(start(), scheme="http") == ()
    assert fields_of(start(), scheme="ws", type="websocket") == ()


def test_the_apps_own_wins() -> None:
    own = (b"Strict-Transport-Security", b"max-age=0")
    assert fields_of(start(own), scheme="https") == [own]


def test_other_messages_and_scopes_pass() -> None:
    assert fields_of({"type": "http.response.body", "body": b"x"}, scheme="https") is None
    assert fields_of({"type": "lifespan.startup.complete"}) is None


def test_what_send_returns_is_handed_on() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert send(start()) == "ready"

    app_with_field = StrictTransportSecurity(app, "max-age=5")
    scope = {"type": "http", "scheme": "https"}
    asyncio.run(app_with_field(scope, None, lambda message: "ready"))


@pytest.mark.parametrize("text", ["max-age=5", "max-age=5; includeSubDomains; preload"])
def test_the_value_is_the_operators(text: str) -> None:
    assert StrictTransportSecurity(None, text).field == (FIELD[0], text.encode())  # type: ignore[arg-type]
