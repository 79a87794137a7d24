"""An app that is slow to start, to answer and to stop, as its environment says.

STARTUP, SHUTDOWN   hang, fail (with the message "no database") or raise
/hold               answers when the path /let-go is asked for
/cancelled          waits for ever, and prints what ends that
/part               sends a part and waits for ever
/survive            answers when it is cancelled
/deaf               leaves a task behind that ignores being cancelled
/thread             leaves a thread behind, which ends once THREAD, a file, exists
/block              stops the event loop
"""

import asyncio
import atexit
import os
import signal
import sys
import threading
import time

released = asyncio.Event()
left = []


def say(text: str) -> None:
    sys.stderr.write(text + "\n")  # in one piece, whoever else writes
    sys.stderr.flush()


say("app imported")
atexit.register(say, "atexit ran")


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    await ROUTES[scope["path"]](send)


async def lifespan(receive, send):
    for phase in ("startup", "shutdown"):
        await receive()
        say(f"{phase} begun")
        how = os.environ.get(phase.upper())
        if how == "hang":
            await asyncio.sleep(3600)
        elif how == "raise":
            raise LookupError("no database")
        elif how == "fail":
            await send({"type": f"lifespan.{phase}.failed", "message": "no database"})
            return
        await send({"type": f"lifespan.{phase}.complete"})


async def start(send, length=b"2"):
    fields = [(b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": fields})


async def answer(send):
    await start(send)
    await send({"type": "http.response.body", "body": b"ok"})


async def hold(send):
    say("held")
    await released.wait()
    await answer(send)


async def let_go(send):
    released.set()
    await answer(send)


async def cancelled(send):
    say("held")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError as error:
        say(f"cancelled: {error}")
        raise


async def part(send):
    await start(send, b"100")
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    say("held")
    await asyncio.sleep(3600)


async def survive(send):
    say("held")
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        await answer(send)


async def handler(send):
    """What sse-starlette looks for: the server behind the handler of SIGTERM."""
    server = signal.getsignal(signal.SIGTERM).__self__
    say(f"should_exit is {server.should_exit}")
    say("held")
    while not server.should_exit:
        await asyncio.sleep(0.01)
    say(f"should_exit is {server.should_exit}")
    await released.wait()
    still = signal.getsignal(signal.SIGTERM)
    say(f"handler is {'still' if getattr(still, '__self__', None) is server else 'not'} there")
    await answer(send)


async def never():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            say("ignored")


async def deaf(send):
    left.append(asyncio.create_task(never()))
    await answer(send)


def work():
    while not os.path.exists(os.environ["THREAD"]):
        time.sleep(0.05)
    say("work done")


async def thread(send):
    threading.Thread(target=work, name="worker of mine").start()
    await answer(send)


async def block(send):
    say("held")
    while True:
        time.sleep(3600)


ROUTES = {
    "/": answer,
    "/hold": hold,
    "/let-go": let_go,
    "/cancelled": cancelled,
    "/part": part,
    "/survive": survive,
    "/handler": handler,
    "/deaf": deaf,
    "/thread": thread,
    "/block": block,
}
