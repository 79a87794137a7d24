"""The frameworks of docs/frameworks.md: what is asked of each, and what has to come back."""

import json
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A request, and a text that its answer has in it."""

    path: str
    text: str
    method: str = "GET"
    body: Any = None  # as JSON
    accept: str = "*/*"


class Talk(NamedTuple):
    """A WebSocket: what is sent in each step (None: nothing), and what the answer has in it."""

    path: str
    steps: tuple[tuple[str | bytes | None, str | bytes], ...]
    subprotocol: str = ""


class Framework(NamedTuple):
    """`stream` and `talk` are None where it has nothing of the kind."""

    title: str
    package: str  # what is imported
    distribution: str  # what has the version
    target: str  # in apps/
    hello: Call
    stream: Call | None
    talk: Talk | None
    args: tuple[str, ...] = ()


PARTS = "".join(f"part {number}\n" for number in range(5))
HELLO = Call("/", "Hello, world")
STREAM = Call("/stream", PARTS)
MIRROR = Talk("/mirror", ((b"\0hello", b"\0hello"), (b"x" * 70_000, b"x" * 70_000)))
WSGI = ("--interface", "wsgi")
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-03-26",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
MCP = Call("/mcp", '"serverInfo"', "POST", INITIALIZE, accept="application/json, text/event-stream")
SUBSCRIPTION = {"query": "subscription { count(to: 3) }"}
SUBSCRIBED = (
    (json.dumps({"type": "connection_init"}), '"connection_ack"'),
    (json.dumps({"id": "1", "type": "subscribe", "payload": SUBSCRIPTION}), '"count":0'),
    (None, '"count":1'),
    (None, '"count":2'),
    (None, '"complete"'),
)
SOCKET_IO = (
    (None, '0{"sid"'),
    ("40", '40{"sid"'),
    ('42["shout","hello"]', '42["answer","HELLO"]'),
)

FRAMEWORKS = (
    Framework("FastAPI", "fastapi", "fastapi", "fastapi_app:app", HELLO, STREAM, MIRROR),
    Framework("Starlette", "starlette", "starlette", "starlette_app:app", HELLO, STREAM, MIRROR),
    Framework("Django (ASGI)", "django", "django", "django_app:app", HELLO, STREAM, None),
    Framework(
        "Django (WSGI)",
        "django",
        "django",
        "wsgi_django:application",
        Call("/", "Hello, Django"),
        Call("/stream", "".join(f"{number}\n" for number in range(10))),
        None,
        WSGI,
    ),
    Framework("Django Channels", "channels", "channels", "channels_app:app", HELLO, STREAM, MIRROR),
    Framework(
        "Flask (WSGI)",
        "flask",
        "flask",
        "wsgi_flask:app",
        Call("/", "Hello, Flask"),
        Call("/stream", "".join(f"/stream {number}\n" for number in range(10))),
        None,
        WSGI,
    ),
    Framework("Sanic", "sanic", "sanic", "sanic_app:app", HELLO, STREAM, MIRROR),
    Framework("Quart", "quart", "quart", "quart_app:app", HELLO, STREAM, MIRROR),
    Framework("Litestar", "litestar", "litestar", "litestar_app:app", HELLO, STREAM, MIRROR),
    Framework("Falcon", "falcon", "falcon", "falcon_app:app", HELLO, STREAM, MIRROR),
    Framework(
        "BlackSheep", "blacksheep", "blacksheep", "blacksheep_app:app", HELLO, STREAM, MIRROR
    ),
    Framework(
        "python-socketio",
        "socketio",
        "python-socketio",
        "socketio_app:app",
        Call("/socket.io/?EIO=4&transport=polling", '0{"sid"'),
        None,
        Talk("/socket.io/?EIO=4&transport=websocket", SOCKET_IO),
    ),
    Framework("MCP's Python SDK", "mcp", "mcp", "mcp_app:app", MCP, MCP, None),
    Framework(
        "Strawberry",
        "strawberry",
        "strawberry-graphql",
        "strawberry_app:app",
        Call("/graphql", "Hello, world", "POST", {"query": "{ hello }"}),
        Call("/graphql", '"count":2', "POST", SUBSCRIPTION, accept="text/event-stream"),
        Talk("/graphql", SUBSCRIBED, "graphql-transport-ws"),
    ),
)
