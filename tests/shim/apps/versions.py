"""An app that says its version, and what the program that serves it has set."""

import os

VERSION = "one"
secret = "no secret"


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    fields = [(b"x-pid", str(os.getpid()).encode())]
    text = f"version {VERSION} of {secret}"
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": text.encode()})
