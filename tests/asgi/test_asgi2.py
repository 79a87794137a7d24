"""Double-callable apps."""

import asyncio
from typing import Any

import pytest

from tricorn.asgi.asgi2 import ASGI2Middleware


class Consumer:
    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        await send({"scope": self.scope, "message": await receive()})


def nested(scope: Any) -> Any:
    return Consumer(scope)


@pytest.mark.parametrize("app", [Consumer, nested])
def test_the_app_gets_its_scope_first_and_then_the_channels(app: Any) -> None:
    sent: list[Any] = []

    async def receive() -> str:
        return "hello"

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(ASGI2Middleware(app)({"type": "http"}, receive, send))
    assert sent == [{"scope": {"type": "http"}, "message": "hello"}]


def test_an_error_in_either_call_reaches_the_server() -> None:
    def app(scope: Any) -> Any:
        raise LookupError("early")

    with pytest.raises(LookupError, match="early"):
        asyncio.run(ASGI2Middleware(app)({}, None, None))  # type: ignore[arg-type]
