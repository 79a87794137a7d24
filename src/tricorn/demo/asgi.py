"""The three arguments of an ASGI application, as types (ASGI 3.0, "Applications")."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Field = tuple[bytes, bytes]


def field_value(scope: Scope, name: bytes) -> bytes:
    """Value of the request's fields called `name` (lower case), joined as RFC 9110 5.3 says."""
    return b", ".join(value for key, value in scope["headers"] if key == name)
