"""An app for worker processes: it says who it is, and breaks in many ways.

/who        process id, number of the worker, and the version that APP_FILE holds, if set
/state      the scope's state
/lines?N    N lines, streamed over a second
/loop       never returns, in Python
/hold       never returns, in C and with the interpreter's lock
/fatal      a segmentation fault
/exit       sys.exit(7)
/os-exit    os._exit(9)
/memory     keeps 64 MiB
/wait       prints "waits", and answers when the file WAIT_FILE is there
/echo       the content
BREAK       how starting goes wrong: import, startup, exit, segfault, slow, or held
            until it says otherwise; with "2:" before it only in worker 2, and so on with commas
BREAK_FILE  the same, out of a file that may come and go
"""

import asyncio
import ctypes
import os
import sys
import time
from pathlib import Path

NUMBER = os.environ.get("TRICORN_WORKER_ID", "")
kept = []


def broken() -> str:
    for part in filter(None, os.environ.get("BREAK", "").split(",")):
        number, _, how = part.rpartition(":")
        if number in ("", NUMBER):
            return how
    try:
        return Path(os.environ["BREAK_FILE"]).read_text().strip()
    except (KeyError, FileNotFoundError):  # it may go at any moment
        return ""


def version() -> str:
    file = os.environ.get("APP_FILE")
    return Path(file).read_text().strip() if file else ""


BROKEN = broken()
VERSION = version()
if BROKEN == "import":
    import no_such_module  # noqa: F401
if BROKEN == "exit":
    sys.exit(7)
if BROKEN == "segfault":
    ctypes.string_at(0)


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    await ROUTES[scope["path"]](scope, receive, send)


async def lifespan(receive, send):
    await receive()
    if BROKEN == "startup":
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        return
    if BROKEN == "slow":
        await asyncio.sleep(3600)
    while BROKEN == "held" and broken() == "held":
        await asyncio.sleep(0.02)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send, text):
    body = text.encode()
    fields = [(b"content-length", b"%d" % len(body)), (b"x-worker", b"%d" % os.getpid())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def who(scope, receive, send):
    await answer(send, f"{os.getpid()} {NUMBER} {VERSION}".strip())


async def state(scope, receive, send):
    await answer(send, repr(scope.get("state")))


async def lines(scope, receive, send):
    count = int(scope["query_string"] or 10)
    fields = [(b"x-worker", b"%d" % os.getpid())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    for number in range(count):
        await send({"type": "http.response.body", "body": b"%d\n" % number, "more_body": True})
        await asyncio.sleep(1 / count)
    await send({"type": "http.response.body"})


async def echo(scope, receive, send):
    parts = []
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    await answer(send, b"".join(parts).decode())


async def loop(scope, receive, send):
    while True:
        time.sleep(0.01)


async def hold(scope, receive, send):
    ctypes.PyDLL(None).sleep(3600)


async def fatal(scope, receive, send):
    ctypes.string_at(0)


async def leave(scope, receive, send):
    sys.exit(7)


async def os_exit(scope, receive, send):
    os._exit(9)


async def memory(scope, receive, send):
    kept.append(b"x" * (64 << 20))
    await answer(send, "kept")


async def wait(scope, receive, send):
    os.write(1, b"waits\n")  # in one piece, whoever else writes
    while not Path(os.environ["WAIT_FILE"]).exists():
        await asyncio.sleep(0.01)
    await who(scope, receive, send)


ROUTES = {
    "/who": who,
    "/state": state,
    "/lines": lines,
    "/echo": echo,
    "/loop": loop,
    "/hold": hold,
    "/fatal": fatal,
    "/exit": leave,
    "/os-exit": os_exit,
    "/memory": memory,
    "/wait": wait,
}
