"""The apps under test. Every server serves the same objects.

Only the standard library may be imported here: what this module imports counts in each server's
memory. FastAPI lives in `fastapi_app`.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HELLO = b"Hello, world!"
TEN_KILOBYTES = b"x" * 10240
MEGABYTE = b"z" * 1048576
CHUNK = b"y" * 1024
CHUNKS = 10


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _start(content_type: bytes, length: int | None) -> Message:
    headers = [(b"content-type", content_type)]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http.response.start", "status": 200, "headers": headers}


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request with 13 bytes."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")],
        }
    )
    await send({"type": "http.response.body", "body": HELLO})


async def ten_kilobytes(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request with 10,240 bytes in one message."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await send(_start(b"application/octet-stream", len(TEN_KILOBYTES)))
    await send({"type": "http.response.body", "body": TEN_KILOBYTES})


async def megabyte(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request with 1,048,576 bytes in one message."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await send(_start(b"application/octet-stream", len(MEGABYTE)))
    await send({"type": "http.response.body", "body": MEGABYTE})


async def streamed(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with ten messages of 1,024 bytes, of unknown length in sum."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await send(_start(b"application/octet-stream", None))
    for _ in range(CHUNKS):
        await send({"type": "http.response.body", "body": CHUNK, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the content of the request."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    content = b""
    more = True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    await send(_start(b"application/octet-stream", len(content)))
    await send({"type": "http.response.body", "body": content})


async def count(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the content of the request and answer with its length in bytes, as decimal text."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    length = 0
    more = True
    while more:
        message = await receive()
        length += len(message.get("body", b""))
        more = message.get("more_body", False)
    answer = b"%d" % length
    await send(_start(b"text/plain", len(answer)))
    await send({"type": "http.response.body", "body": answer})


async def websocket_echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each text back."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


_listeners: set[Send] = set()


async def websocket_broadcast(scope: Scope, receive: Receive, send: Send) -> None:
    """Send each text to everyone, one after the other, as Starlette's documentation shows it."""
    if scope["type"] == "lifespan":
        return await _lifespan(receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    _listeners.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            text = message["text"]
            for listener in list(_listeners):
                await listener({"type": "websocket.send", "text": text})
    finally:
        _listeners.discard(send)


def wsgi(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    """Answer every request with 13 bytes, as a WSGI app (PEP 3333)."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [HELLO]
