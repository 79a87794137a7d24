"""The app that is attacked. It counts its calls.

/              GET   a short answer
/count         GET   how many calls there were, this one not counted
/read          any   the size of the content, read whole
/ignore        any   an answer without reading the content, after a second's thought
/big?mib=N     GET   so many MiB in pieces of 64 KiB, with backpressure
/lump?mib=N    GET   the same in one piece
/file?path=P   GET   the file, sent by the system
/wait          any   waits for the client to leave
/waiting       GET   how many calls of it still do
/nap           GET   answers after 0.2 s
/poured        GET   how many messages /pour has sent; -1 when it was told that nobody is there

As a WebSocket:

/echo          sends each message back
/sink          receives and says nothing; the count of its messages where it gets "count"
/pour          sends 64 KiB again and again, with backpressure
/deaf          accepts, and never receives
/mute          never answers the handshake
"""

import asyncio

COUNTS = {"calls": 0, "waiting": 0}
PIECE = bytes(65536)


async def app(scope, receive, send):
    path = scope["path"]
    if scope["type"] == "websocket":
        COUNTS["calls"] += 1
        await receive()
        return await SOCKETS[path](receive, send)
    assert scope["type"] == "http", scope["type"]
    if path not in ("/count", "/waiting", "/poured"):
        COUNTS["calls"] += 1
    await ROUTES.get(path, short)(scope, receive, send)


async def respond(send, body):
    fields = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def short(scope, receive, send):
    await respond(send, b"fine")


async def count(scope, receive, send):
    await respond(send, b"%d" % COUNTS["calls"])


async def read(scope, receive, send):
    size = 0
    more = True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await respond(send, b"%d" % size)


async def ignore(scope, receive, send):
    await asyncio.sleep(1)
    await respond(send, b"ignored")


def mib(scope):
    return int(scope["query_string"].partition(b"=")[2])


async def big(scope, receive, send):
    pieces = mib(scope) * 16
    length = [(b"content-length", b"%d" % (pieces * len(PIECE)))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for _ in range(pieces):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body"})


async def lump(scope, receive, send):
    await respond(send, bytes(mib(scope) << 20))


async def file(scope, receive, send):
    path = scope["query_string"].partition(b"=")[2].decode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.pathsend", "path": path})


async def wait(scope, receive, send):
    COUNTS["waiting"] += 1
    while (await receive())["type"] != "http.disconnect":
        pass
    COUNTS["waiting"] -= 1


async def waiting(scope, receive, send):
    await respond(send, b"%d" % COUNTS["waiting"])


async def nap(scope, receive, send):
    await asyncio.sleep(0.2)
    await respond(send, b"rested")


async def ws_echo(receive, send):
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def ws_sink(receive, send):
    await send({"type": "websocket.accept"})
    count = 0
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "count":
            await send({"type": "websocket.send", "text": str(count)})
        count += 1


async def ws_pour(receive, send):
    await send({"type": "websocket.accept"})
    try:
        while True:
            await send({"type": "websocket.send", "bytes": PIECE})
            COUNTS["poured"] = COUNTS.get("poured", 0) + 1
    except OSError:
        COUNTS["poured"] = -1


async def poured(scope, receive, send):
    await respond(send, b"%d" % COUNTS.get("poured", 0))


async def ws_deaf(receive, send):
    await send({"type": "websocket.accept"})
    await asyncio.sleep(3600)


async def ws_mute(receive, send):
    await asyncio.sleep(3600)


SOCKETS = {
    "/echo": ws_echo,
    "/sink": ws_sink,
    "/pour": ws_pour,
    "/deaf": ws_deaf,
    "/mute": ws_mute,
}
ROUTES = {
    "/count": count,
    "/read": read,
    "/ignore": ignore,
    "/big": big,
    "/lump": lump,
    "/file": file,
    "/wait": wait,
    "/waiting": waiting,
    "/nap": nap,
    "/poured": poured,
}
