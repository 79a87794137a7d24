"""A plain ASGI app with a route for each thing that tests ask of a server.

/                GET    "Hello, world"
/echo            any    the request's content
/headers         any    the scope as JSON; bytes as latin-1 text
/stream          GET    ten chunks, without Content-Length
/slow?seconds=N  GET    an answer after N seconds
/error           any    raises before the response starts
/error-late      any    raises after the first part of the response
/state           GET    what the lifespan put into the scope's state
"""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

CHUNKS = [b"chunk %d\n" % number for number in range(10)]
STARTED = "the lifespan was here"


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(scope, receive, send)
        return
    assert scope["type"] == "http", scope["type"]
    route = ROUTES.get(scope["path"], not_found)
    await route(scope, receive, send)


async def lifespan(scope, receive, send):
    assert (await receive())["type"] == "lifespan.startup"
    if "state" in scope:
        scope["state"]["started"] = STARTED
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})


async def respond(send, body, status=200, content_type=b"text/plain"):
    fields = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def hello(scope, receive, send):
    await respond(send, b"Hello, world")


async def not_found(scope, receive, send):
    await respond(send, b"Not Found", 404)


async def echo(scope, receive, send):
    await respond(send, await read_content(receive), content_type=b"application/octet-stream")


async def read_content(receive):
    parts = []
    more = True
    while more:
        message = await receive()
        assert message["type"] == "http.request", message["type"]
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def headers(scope, receive, send):
    shown = {name: value for name, value in scope.items() if name != "state"}
    await respond(send, json.dumps(readable(shown)).encode(), content_type=b"application/json")


def readable(value: Any) -> Any:
    """The value as JSON can carry it."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {str(name): readable(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(item) for item in value]
    return value


async def stream(scope, receive, send):
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain")],
        }
    )
    for chunk in CHUNKS:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})


async def slow(scope, receive, send):
    query = parse_qs(scope["query_string"].decode("latin-1"))
    await asyncio.sleep(float(query.get("seconds", ["1"])[0]))
    await respond(send, b"at last")


async def error(scope, receive, send):
    raise RuntimeError("the app broke before the response")


async def error_late(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"so far", "more_body": True})
    raise RuntimeError("the app broke within the response")


async def state(scope, receive, send):
    await respond(send, str(scope.get("state", {}).get("started")).encode())


ROUTES = {
    "/": hello,
    "/echo": echo,
    "/headers": headers,
    "/stream": stream,
    "/slow": slow,
    "/error": error,
    "/error-late": error_late,
    "/state": state,
}
