"""WebSockets that say on standard output how they end.

/         echoes, and ends with the client
/deaf     accepts, and then never receives and never ends
/stuck    never answers the handshake
"""

import asyncio
import contextvars

LEFT = contextvars.ContextVar("LEFT", default="")
open_now = set()


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        LEFT.set("by the lifespan")
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"%d" % len(open_now)})
        return
    try:
        open_now.add(receive)
        await talk(scope["path"], receive, send)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
    finally:
        open_now.discard(receive)


async def talk(path, receive, send):
    if path == "/stuck":
        await asyncio.Event().wait()
    await send({"type": "websocket.accept"})
    if path == "/deaf":
        await asyncio.Event().wait()
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            print("disconnect", message["code"], flush=True)
            return
        if message["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})


def legacy(scope):
    """The same for ASGI 2."""
    assert scope["asgi"]["version"] == "2.0"

    async def instance(receive, send):
        await app(scope, receive, send)

    return instance


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["HTTP_UPGRADE"].encode()]
