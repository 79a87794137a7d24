"""Show a request as the application received it."""

from typing import Any

from tricorn.demo.asgi import Receive, Scope, Send
from tricorn.demo.content import chunks
from tricorn.demo.responses import respond_json

_EXCERPT = 1024  # bytes of content that are shown; the rest is counted only


async def inspect_request(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the scope and the size and beginning of the content, as JSON."""
    size, excerpt = 0, b""
    async for chunk in chunks(receive):
        size += len(chunk)
        excerpt += chunk[: _EXCERPT - len(excerpt)]
    content = {"bytes": size, "excerpt": excerpt.decode("utf-8", "replace")}
    await respond_json(scope, send, describe(scope) | {"content": content})


def describe(scope: Scope) -> dict[str, Any]:
    """HTTP connection scope as JSON values. Field values are shown as Latin-1, byte for byte."""
    return {
        "method": scope["method"],
        "scheme": scope.get("scheme", "http"),
        "path": scope["path"],
        "raw_path": (scope.get("raw_path") or b"").decode("latin-1"),
        "query": scope.get("query_string", b"").decode("latin-1"),
        "http_version": scope["http_version"],
        "root_path": scope.get("root_path", ""),
        "client": scope.get("client"),
        "server": scope.get("server"),
        "headers": [
            [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
        ],
        "extensions": sorted(scope.get("extensions") or {}),
        "asgi": dict(scope["asgi"]),
    }
