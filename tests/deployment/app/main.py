"""The app of docs/deployment: it tells what it sees of a request.

/facts    what the scope says and which process answers, as JSON
/fine     always the same
/read     how much content came
any WebSocket: first the facts, then each message back as it came

`create_app` returns it; `wsgi` is the WSGI app that answers everything with `fine`.
"""

import json
import os


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["type"] == "websocket":
        return await echo(scope, receive, send)
    if scope["path"] == "/fine":
        body = b"fine"
    elif scope["path"] == "/read":
        body = str(await read(receive)).encode()
    else:
        body = json.dumps(facts(scope)).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


def facts(scope):
    names = ("client", "server", "scheme", "path", "root_path", "http_version")
    seen = {name: scope[name] for name in names}
    fields = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
    hosts = [value for name, value in fields if name == "host"]
    query = scope["query_string"].decode()
    return {**seen, "query": query, "hosts": hosts, "fields": fields, "pid": os.getpid()}


async def lifespan(receive, send):
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def read(receive):
    total, more = 0, True
    while more:
        message = await receive()
        total += len(message.get("body", b""))
        more = message.get("more_body", False)
    return total


async def echo(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(facts(scope))})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


def create_app():
    return app


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"fine"]
