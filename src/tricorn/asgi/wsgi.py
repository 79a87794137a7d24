"""WSGI apps (PEP 3333) as ASGI apps, through the package a2wsgi.

Around a2wsgi this module puts what it lacks: a client that leaves ends the app's work instead
of blocking its thread for ever, an upload that was cut off isn't taken for a complete one,
`wsgi.errors` goes to stderr, and `wsgi.input` is a real buffered reader.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_REQUEST = "tricorn.wsgi_request"


class MissingPackageError(Exception):
    """A package that an option needs isn't installed. `str()` is one line with the remedy."""

    exit_code = 3


class WSGIMiddleware:
    """A WSGI app as an ASGI app. Its requests run in a pool of `threads` threads.

    Raises `MissingPackageError` when a2wsgi isn't installed.
    """

    def __init__(self, app: WSGIApp, threads: int = 10) -> None:
        try:
            from a2wsgi import WSGIMiddleware as Bridge
        except ImportError:
            raise MissingPackageError(
                "A WSGI application needs the package a2wsgi: pip install 'tricorn[wsgi]'"
            ) from None
        self.app = app
        call: Any = self._call  # a2wsgi has its own type for the environment
        self._bridge: Any = Bridge(call, workers=threads)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Any, receive: Receive, send: Send) -> None:
        request = _Request(receive, send)
        try:
            await self._bridge(
                {**scope, "headers": _unambiguous(scope["headers"]), _REQUEST: request},
                request.receive,
                request.send,
            )
        except OSError:
            if not request.gone:
                raise
        finally:
            # A cancelled call leaves its thread running; it ends at its next chunk.
            request.gone = True

    def _call(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request: _Request = environ["asgi.scope"].pop(_REQUEST)
        environ["wsgi.errors"] = sys.stderr
        environ["wsgi.input"] = io.BufferedReader(_Input(request), 65536)

        def start(*args: Any) -> Callable[[bytes], None]:
            write = start_response(*args)

            def checked_write(chunk: bytes) -> None:
                request.check()
                write(chunk)

            return checked_write

        return _Chunks(self.app(environ, start), request)


async def _lifespan(receive: Receive, send: Send) -> None:
    # WSGI knows no startup; the server is told so at once.
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


def _unambiguous(fields: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The fields without those whose name has an underscore.

    In a WSGI environment `X_Real-Ip` and `X-Real-Ip` are the same variable, so a client could
    pass off a field of its own as one that a proxy sets.
    """
    return [(name, value) for name, value in fields if b"_" not in name]


class _Request:
    """One request's way to and from the server, which knows when the client has gone."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self.loop = asyncio.get_running_loop()
        self.gone = False
        self._receive = receive
        self._send = send

    async def receive(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.gone = True
            self.check()
        return message

    async def send(self, message: Any) -> None:
        # a2wsgi stops taking the app's chunks after an exception here, and the app's thread
        # would wait for ever; it is told by `check` instead.
        if self.gone:
            return
        try:
            await self._send(message)
        except OSError:
            self.gone = True

    def check(self) -> None:
        """Raises `ConnectionAbortedError` when the client has gone. Thread-safe."""
        if self.gone:
            raise ConnectionAbortedError("the client has gone")


class _Chunks:
    """The app's response body, cut short when the client has gone."""

    def __init__(self, chunks: Iterable[bytes], request: _Request) -> None:
        self._chunks = chunks
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._request.check()
            yield chunk

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


class _Input(io.RawIOBase):
    """The request's content as a file, read from the app's thread."""

    def __init__(self, request: _Request) -> None:
        self._request = request
        self._chunk = memoryview(b"")
        self._more = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._chunk and self._more:
            self._fetch()
        count = min(len(buffer), len(self._chunk))
        buffer[:count] = self._chunk[:count]
        self._chunk = self._chunk[count:]
        return count

    def _fetch(self) -> None:
        request = self._request
        message = asyncio.run_coroutine_threadsafe(request.receive(), request.loop).result()
        self._chunk = memoryview(message.get("body", b""))
        self._more = bool(message.get("more_body", False))
