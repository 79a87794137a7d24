"""The server's side of one request to a WSGI app, without a server."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tricorn.asgi.wsgi import WSGIMiddleware

Start = Callable[..., Callable[[bytes], None]]
Environ = dict[str, Any]
App = Callable[[Environ, Start], Iterable[bytes]]

DEADLINE = 20.0
FILLING = b"filling " * 10_000  # more than is received before the app runs


class Client:
    """What the client sends, and what it takes.

    `body` is the content, a message each. With `leaves` the content never ends: the
    client goes. `takes` is how many messages are taken before it is gone; None: all.
    """

    def __init__(self, *body: bytes, leaves: bool = False, takes: int | None = None) -> None:
        self.messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": chunk, "more_body": leaves or i + 1 < len(body)}
            for i, chunk in enumerate(body or (b"",))
        ]
        self.takes = takes
        self.received = 0
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        self.received += 1
        return self.messages.pop(0) if self.messages else {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        if self.takes is not None and len(self.sent) >= self.takes:
            raise ConnectionResetError("the client has gone")
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        return list(self.sent[0]["headers"])

    @property
    def content(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_complete(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", False)


def scope(**parts: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test"), (b"transfer-encoding", b"chunked")],
        "client": ("192.0.2.1", 1234),
        "server": ("127.0.0.1", 8000),
        **parts,
    }


def call(app: Any, client: Client | None = None, /, **parts: Any) -> Client:
    """One request to `app`, in a loop of its own. Returns the client."""
    served = app if isinstance(app, WSGIMiddleware) else WSGIMiddleware(app)
    its_client = client or Client()

    async def one() -> None:
        async with asyncio.timeout(DEADLINE):
            await served(scope(**parts), its_client.receive, its_client.send)

    asyncio.run(one())
    return its_client


def environ_of(**parts: Any) -> Environ:
    """The environment that an app gets."""
    seen: list[Environ] = []

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        seen.append(environ)
        start("204 No Content", [])
        return []

    call(app, **parts)
    return seen[0]


class Closing:
    """An answer in chunks that has a `close`, and notes who called it."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = iter(chunks)
        self.closed = 0
        self.thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def close(self) -> None:
        self.thread = threading.current_thread()
        self.closed += 1
