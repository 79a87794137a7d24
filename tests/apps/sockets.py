"""WebSockets for real clients to talk to. The path says what the app does.

/                 sends each message back as it came
/subprotocol      accepts the last subprotocol that was offered, and echoes
/fields           accepts with fields of its own, and echoes
/scope            sends what it sees of the scope, as JSON
/close?4001,why   reads a message and closes with this code and reason
/return           accepts and returns
/raise            accepts and raises
/raise-early      raises before it accepts
/refuse           closes before it accepts
/deny             answers with a response of its own, in pieces
/pour?N           sends N messages of 64 KiB as fast as it may
/room             sends each message to all who are in the room
/left             the code and the reason each client of /note left with, as JSON (HTTP GET)
/note?key         reads until the client leaves, and notes how
"""

import json

LEFT = {}
ROOM = set()


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["type"] == "http":
        return await left(send)
    assert scope["type"] == "websocket"
    assert (await receive()) == {"type": "websocket.connect"}
    await ROUTES[scope["path"]](scope, receive, send)


async def lifespan(receive, send):
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def left(send):
    body = json.dumps(LEFT).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def query(scope):
    return scope["query_string"].decode()


async def accept(send, **more):
    await send({"type": "websocket.accept", **more})


async def echo_all(receive, send):
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
    return message


async def echo(scope, receive, send):
    await accept(send)
    await echo_all(receive, send)


async def subprotocol(scope, receive, send):
    await accept(send, subprotocol=scope["subprotocols"][-1])
    await echo_all(receive, send)


async def fields(scope, receive, send):
    cookies = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    await accept(send, headers=[(b"x-horns", b"three"), *cookies])
    await echo_all(receive, send)


async def show_scope(scope, receive, send):
    await accept(send)
    shown = {name: scope[name] for name in ("path", "scheme", "http_version", "subprotocols")}
    shown["query"] = query(scope)
    shown["fields"] = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    await send({"type": "websocket.send", "text": json.dumps(shown)})
    await receive()


async def close(scope, receive, send):
    code, _, reason = query(scope).partition(",")
    await accept(send)
    await receive()
    await send({"type": "websocket.close", "code": int(code), "reason": reason})


async def return_at_once(scope, receive, send):
    await accept(send)


async def raise_late(scope, receive, send):
    await accept(send)
    raise RuntimeError("late")


async def raise_early(scope, receive, send):
    raise RuntimeError("early")


async def refuse(scope, receive, send):
    await send({"type": "websocket.close", "code": 4003})


async def deny(scope, receive, send):
    assert "websocket.http.response" in scope["extensions"]
    fields = [(b"content-type", b"text/plain"), (b"x-why", b"no room")]
    await send({"type": "websocket.http.response.start", "status": 418, "headers": fields})
    await send({"type": "websocket.http.response.body", "body": b"no ", "more_body": True})
    await send({"type": "websocket.http.response.body", "body": b"room"})


async def pour(scope, receive, send):
    await accept(send)
    for _ in range(int(query(scope))):
        await send({"type": "websocket.send", "bytes": bytes(65536)})


async def room(scope, receive, send):
    await accept(send)
    ROOM.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            for other in list(ROOM):
                await other({"type": "websocket.send", "text": message["text"]})
    finally:
        ROOM.discard(send)


async def note(scope, receive, send):
    await accept(send)
    message = await echo_all(receive, send)
    LEFT[query(scope)] = [message["type"], message["code"], message.get("reason")]


ROUTES = {
    "/": echo,
    "/subprotocol": subprotocol,
    "/fields": fields,
    "/scope": show_scope,
    "/close": close,
    "/return": return_at_once,
    "/raise": raise_late,
    "/raise-early": raise_early,
    "/refuse": refuse,
    "/deny": deny,
    "/pour": pour,
    "/room": room,
    "/note": note,
}
