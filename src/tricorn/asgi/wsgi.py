"""WSGI apps (PEP 3333) as ASGI apps.

| where | what |
|---|---|
| `wsgi_environ` | the environment, out of the scope |
| `wsgi_input` | `wsgi.input` |
| `wsgi_response` | `start_response`, `write` and the iterable |
| `wsgi_file` | `wsgi.file_wrapper` |
| `wsgi_call` | between the app's thread and the loop |
| `wsgi_threads` | the threads, and waking the loop |

A thread is only held while the app's code runs: small content is received before, and a
file is sent after.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tricorn.asgi.wsgi_call import Call, Receive, Send
from tricorn.asgi.wsgi_environ import Environ, environ_of, shared_variables
from tricorn.asgi.wsgi_input import content_file
from tricorn.asgi.wsgi_response import WSGIApp
from tricorn.asgi.wsgi_threads import Doorbell, ThreadPool

__all__ = ["WSGIApp", "WSGIMiddleware"]

# Content received before a thread is taken, in bytes: slow uploads up to this size hold no
# thread, and the app reads them without waiting for the loop.
_GATHERED: Final = 65536


class WSGIMiddleware:
    """A WSGI app as an ASGI app. At most `threads` of its requests run at a time."""

    def __init__(self, app: WSGIApp, threads: int = 10) -> None:
        self.app = app
        self._pool = ThreadPool(threads)
        self._shared = shared_variables(threads)
        self._doorbell: Doorbell | None = None

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            environ = environ_of(scope, self._shared)
            content, more = b"", False
            if _may_have_content(environ):
                # Who expects 100 Continue gets it when the app reads, and not before.
                more = True
                if "HTTP_EXPECT" not in environ:
                    gathered = await _gather(receive)
                    if gathered is None:
                        return
                    content, more = gathered
            call = Call(self.app, environ, self._pool, self._its_doorbell())
            environ["wsgi.input"] = content_file(content, more, call.fetch)
            call.sends_files = "http.response.zerocopysend" in scope.get("extensions", ())
            await call.converse(receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        # WSGI knows no startup; the server is told so at once.
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._pool.stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _its_doorbell(self) -> Doorbell:
        """The running loop's doorbell. Programs may call one app in several loops."""
        loop = asyncio.get_running_loop()
        doorbell = self._doorbell
        if doorbell is None or doorbell.loop is not loop:
            doorbell = self._doorbell = Doorbell(loop)
        return doorbell


def _may_have_content(environ: Environ) -> bool:
    length = environ.get("CONTENT_LENGTH")
    if length is not None:
        return bool(length != "0")
    if "HTTP_TRANSFER_ENCODING" in environ:
        return True
    # RFC 9112 §6.3: in HTTP/1 that is all. Later versions need neither field.
    return not environ["SERVER_PROTOCOL"].startswith("HTTP/1")


async def _gather(receive: Receive) -> tuple[bytes, bool] | None:
    """The content, or its first part, and whether there is more; None: the client has gone."""
    pieces: list[bytes] = []
    size = 0
    more = True
    while more and size < _GATHERED:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
        more = bool(message.get("more_body", False))
    return b"".join(pieces), more
