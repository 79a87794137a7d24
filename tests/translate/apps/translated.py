"""Tells what a server makes of a request, as an ASGI and as a WSGI app.

/facts    as JSON what the app sees
/ws       a WebSocket that sends each text back
"""

import json
import os

STARTED = []


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    if scope["type"] == "websocket":
        return await echo(receive, send)
    root = scope.get("root_path", "")
    client = scope.get("client")
    facts = {
        "interface": "asgi",
        # Some servers have the root path in front of the path, and some haven't.
        "route": scope["path"].removeprefix(root),
        "root_path": root,
        "query": scope["query_string"].decode(),
        "scheme": scope["scheme"],
        "version": scope["http_version"],
        "client": client[0] if client else None,
        "host": [value.decode() for name, value in scope["headers"] if name == b"host"],
        "lifespan": bool(STARTED),
        "pid": os.getpid(),
        "variable": os.environ.get("TRANSLATED"),
        "folder": os.path.basename(os.getcwd()),
    }
    body = json.dumps(facts).encode()
    fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def lifespan(receive, send):
    await receive()
    STARTED.append(True)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def echo(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


def make():
    return app


def wsgi(environ, start_response):
    facts = {
        "interface": "wsgi",
        "route": environ["PATH_INFO"],
        "root_path": environ["SCRIPT_NAME"],
        "query": environ["QUERY_STRING"],
        "scheme": environ["wsgi.url_scheme"],
        "client": environ.get("REMOTE_ADDR") or None,
        "pid": os.getpid(),
        "variable": os.environ.get("TRANSLATED"),
        "folder": os.path.basename(os.getcwd()),
    }
    body = json.dumps(facts).encode()
    start_response(
        "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


application = wsgi
