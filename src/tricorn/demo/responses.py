"""Sending a whole response, with the fields that every response of the demo carries."""

import json
from collections.abc import Sequence
from typing import Any

from tricorn.demo.asgi import Field, Scope, Send

# The page runs its own script and style and nothing else: no inline code, no other origin, and
# no string becomes markup.
_POLICY = b"; ".join(
    [
        b"default-src 'none'",
        b"script-src 'self'",
        b"style-src 'self'",
        b"img-src 'self'",
        b"connect-src 'self'",
        b"base-uri 'none'",
        b"form-action 'none'",
        b"frame-ancestors 'none'",
        b"require-trusted-types-for 'script'",
    ]
)
_PROTECTION: list[Field] = [
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]

NO_STORE: Field = (b"cache-control", b"no-store")


async def start(send: Send, status: int, fields: Sequence[Field]) -> None:
    """Send the head of a response."""
    headers = [*fields, *_PROTECTION]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def respond(
    scope: Scope, send: Send, content: bytes, fields: Sequence[Field], status: int = 200
) -> None:
    """Send a response whose content is known; a HEAD request gets the same head alone."""
    length = (b"content-length", str(len(content)).encode())
    await start(send, status, [length, *fields])
    body = b"" if scope["method"] == "HEAD" else content
    await send({"type": "http.response.body", "body": body})


async def respond_json(
    scope: Scope, send: Send, value: Any, fields: Sequence[Field] = (), status: int = 200
) -> None:
    """Send `value` as JSON, for this request only."""
    content = json.dumps(value, indent=2).encode() + b"\n"
    head = [(b"content-type", b"application/json"), NO_STORE, *fields]
    await respond(scope, send, content, head, status)
