"""The plain app, whose client may break off at any time, and some ways of not answering.

/            any  "Hello, world"
/echo        any  the request's content
/hold        any  reads and answers nothing until the client leaves the stream
/deaf        any  neither reads nor answers until /release is asked for
/release     any  see there
/calls       GET  how many calls there were of the other routes
/bytes?N     GET  N bytes in one message
/pieces?N    GET  N messages of 16 KiB, with backpressure
/trailers    any  an answer with trailers
/early       any  an early hint, then the answer
/empty       any  204 without content
"""

import asyncio

import plain

CALLS = [0]
RELEASED = asyncio.Event()
PIECE = b"p" * 16384


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await plain.lifespan(scope, receive, send)
    CALLS[0] += scope["path"] not in ("/calls", "/release")
    try:
        await ROUTES.get(scope["path"], plain.app)(scope, receive, send)
    except (OSError, Gone):
        pass  # the client has left


class Gone(Exception):
    """The client left while content was awaited."""


async def content(receive):
    parts = []
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
    raise Gone


async def echo(scope, receive, send):
    await plain.respond(send, await content(receive))


async def hold(scope, receive, send):
    while (await receive())["type"] != "http.disconnect":
        pass


async def deaf(scope, receive, send):
    await RELEASED.wait()
    await plain.respond(send, b"heard")


async def release(scope, receive, send):
    RELEASED.set()
    RELEASED.clear()
    await plain.respond(send, b"")


async def calls(scope, receive, send):
    await plain.respond(send, b"%d" % CALLS[0])


async def some_bytes(scope, receive, send):
    await plain.respond(send, b"b" * int(scope["query_string"]))


async def pieces(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(int(scope["query_string"])):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body"})


async def trailers(scope, receive, send):
    read = await content(receive)
    fields = [(b"trailer", b"x-count")]
    start = {"type": "http.response.start", "status": 200, "headers": fields}
    await send({**start, "trailers": "http.response.trailers" in scope["extensions"]})
    await send({"type": "http.response.body", "body": read})
    if "http.response.trailers" in scope["extensions"]:
        count = [(b"x-count", b"%d" % len(read))]
        await send({"type": "http.response.trailers", "headers": count})


async def early(scope, receive, send):
    if "http.response.early_hint" in scope["extensions"]:
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
    await plain.respond(send, b"on time")


async def empty(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


ROUTES = {
    "/echo": echo,
    "/hold": hold,
    "/deaf": deaf,
    "/release": release,
    "/calls": calls,
    "/bytes": some_bytes,
    "/pieces": pieces,
    "/trailers": trailers,
    "/early": early,
    "/empty": empty,
}
