"""An app that shows whoever manages its process what becomes of it.

MANAGED_NOTES   a file that gets a line for each thing worth knowing
MANAGED_FAIL    startup: the lifespan's startup fails
"""

import asyncio
import json
import os
import signal
import time

PLAIN = [(b"content-type", b"text/plain")]


def note(text):
    path = os.environ.get("MANAGED_NOTES")
    if path:
        with open(path, "a") as notes:
            notes.write(f"{text} {os.getpid()}\n")


note("imported")


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    name, _, argument = scope["path"].removeprefix(scope["root_path"]).strip("/").partition("/")
    body = await ROUTES[name](scope, argument)
    await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive, send):
    await receive()
    if os.environ.get("MANAGED_FAIL") == "startup":
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        return
    note("started")
    await send({"type": "lifespan.startup.complete"})
    await receive()
    note("stopped")
    await send({"type": "lifespan.shutdown.complete"})


async def index(scope, argument):
    return b"fine"


async def facts(scope, argument):
    keys = ("client", "server", "scheme", "path", "root_path", "http_version")
    found = {key: scope[key] for key in keys}
    found["pid"] = os.getpid()
    found["loop"] = type(asyncio.get_running_loop()).__module__
    return json.dumps(found).encode()


async def wait(scope, argument):
    """Waits that many seconds, and notes when it is cancelled."""
    note("waiting")
    try:
        await asyncio.sleep(float(argument))
    except asyncio.CancelledError:
        note("cancelled")
        raise
    return b"waited"


async def watch(scope, argument):
    """Waits until the server stops, which it learns as sse-starlette does."""
    server = signal.getsignal(signal.SIGTERM).__self__
    note("waiting")
    while not server.should_exit:
        await asyncio.sleep(0.02)
    return b"the server stops"


async def block(scope, argument):
    note("blocking")
    time.sleep(float(argument))  # what an app must not do
    return b"unblocked"


async def fail(scope, argument):
    raise ValueError("the app failed")


ROUTES = {
    "": index,
    "facts": facts,
    "wait": wait,
    "watch": watch,
    "block": block,
    "fail": fail,
}
