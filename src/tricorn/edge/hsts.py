"""HTTP Strict Transport Security (RFC 6797): have browsers come by https only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_NAME: Final = b"strict-transport-security"
_SECURE: Final = frozenset({"https", "wss"})
_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start"})


class StrictTransportSecurity:
    """Adds the field to an app's responses over https.

    `value` is the field's. Over plain HTTP nothing is added (RFC 6797 §7.2); an app that sets
    the field itself keeps its own.
    """

    def __init__(self, app: Callable[..., Any], value: str) -> None:
        self.app = app
        self.field = (_NAME, value.encode("ascii"))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the app."""
        if scope.get("scheme") not in _SECURE:
            await self.app(scope, receive, send)
            return

        def send_with_field(message: Any) -> Any:
            # No coroutine: what the server's own `send` returns is handed on as it is.
            if message["type"] in _STARTS:
                fields = [*message.get("headers", ())]
                if not any(bytes(name).lower() == _NAME for name, _ in fields):
                    fields.append(self.field)
                message = {**message, "headers": fields}
            return send(message)

        await self.app(scope, receive, send_with_field)
