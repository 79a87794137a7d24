"""The plain app, and a look into the server that runs it.

/counts               GET  as JSON what the process holds: tasks, fds, objects, rss
/seen?key=K           GET  as JSON what the routes below have noted under K

Each of these notes what it sees of its client under the key K:

/receive?key=K        any  receives the content, then waits for the client to leave
/watch?key=K          any  the same with a response under way
/drip?key=K           any  sends a piece every few milliseconds until send() raises
/hold?key=K           any  neither receives nor sends until told; then answers
/release?key=K        GET  tells it
/trailers             any  echoes; the count of bytes goes into a trailer where one may
"""

import asyncio
import gc
import json
import os
from collections import Counter, defaultdict
from contextlib import suppress
from urllib.parse import parse_qs

import plain

# Of the server's own classes: one each per connection, request or wait.
WATCHED = {"Http1Connection", "HubTransport", "Exchange", "RequestReader", "WakeUp"}
SEEN: dict[str, list[str]] = defaultdict(list)
RELEASED: dict[str, asyncio.Event] = defaultdict(asyncio.Event)


async def app(scope, receive, send):
    route = ROUTES.get(scope.get("path", ""), plain.app)
    await route(scope, receive, send)


def notes(scope):
    """What has been noted under the request's key."""
    return SEEN[parse_qs(scope["query_string"].decode("ascii"))["key"][0]]


async def respond_json(send, value):
    await plain.respond(send, json.dumps(value).encode(), content_type=b"application/json")


async def counts(scope, receive, send):
    gc.collect()
    names = Counter(type(item).__name__ for item in gc.get_objects())
    await respond_json(
        send,
        {
            "tasks": len(asyncio.all_tasks()),
            "fds": len(os.listdir("/proc/self/fd")),
            "objects": {name: names[name] for name in sorted(WATCHED)},
            "rss": resident(),
        },
    )


def resident() -> int:
    """Bytes of memory that this process has in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def seen(scope, receive, send):
    await respond_json(send, notes(scope))


async def until_disconnect(receive, noted):
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            noted.append("disconnect")
            return
        if message["body"]:
            noted.append("content")
        if not message["more_body"]:
            noted.append("end")


async def wait_for_end(scope, receive, send):
    noted = notes(scope)
    noted.append("called")
    await until_disconnect(receive, noted)
    with suppress(OSError):  # who ended only its side may still read
        await plain.respond(send, b"too late")


async def watch(scope, receive, send):
    noted = notes(scope)
    noted.append("called")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await until_disconnect(receive, noted)
    await send_until_error(send, noted)


async def drip(scope, receive, send):
    noted = notes(scope)
    noted.append("called")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send_until_error(send, noted)


async def send_until_error(send, noted):
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
            await asyncio.sleep(0.005)
    except OSError:
        noted.append("send raised OSError")


async def hold(scope, receive, send):
    noted = notes(scope)
    noted.append("called")
    key = parse_qs(scope["query_string"].decode("ascii"))["key"][0]
    await RELEASED[key].wait()
    del RELEASED[key]
    try:
        await plain.respond(send, b"released")
        noted.append("sent")
    except OSError:
        noted.append("send raised OSError")


async def release(scope, receive, send):
    RELEASED[parse_qs(scope["query_string"].decode("ascii"))["key"][0]].set()
    await plain.respond(send, b"")


async def trailers(scope, receive, send):
    content = await plain.read_content(receive)
    promised = "http.response.trailers" in scope["extensions"]
    fields = [(b"trailer", b"x-count")] if promised else []
    start = {"type": "http.response.start", "status": 200, "headers": fields}
    await send({**start, "trailers": promised})
    await send({"type": "http.response.body", "body": content})
    if promised:
        count = [(b"x-count", b"%d" % len(content))]
        await send({"type": "http.response.trailers", "headers": count})


ROUTES = {
    "/counts": counts,
    "/seen": seen,
    "/receive": wait_for_end,
    "/watch": watch,
    "/drip": drip,
    "/hold": hold,
    "/release": release,
    "/trailers": trailers,
}
