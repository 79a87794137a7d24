"""The demo application: one page that shows the server at work. `tricorn --demo` serves it.

It is plain ASGI 3 without dependencies, and meant to be read. Each file holds one idea; each
route below is itself an ASGI application.
"""

from tricorn.demo.asgi import Receive, Scope, Send
from tricorn.demo.chat import Chat
from tricorn.demo.clock import Clock
from tricorn.demo.echo import echo_content
from tricorn.demo.facts import Activity, Facts
from tricorn.demo.inspector import inspect_request
from tricorn.demo.lifespan import Lifespan
from tricorn.demo.pages import Page
from tricorn.demo.routing import Route, Router, local_path
from tricorn.demo.upload import receive_upload

__all__ = ["Demo", "app"]

_READ = ("GET", "HEAD")


class Demo:
    """The whole application: the scope's type decides who answers."""

    def __init__(self) -> None:
        self._activity = Activity()
        self._lifespan = Lifespan()
        self._chat = Chat()
        clock = Clock(self._activity, lambda: self._lifespan.stopping)
        self._router = Router(
            [
                Route("/", Page("index.html"), _READ),
                Route("/static/demo.css", Page("demo.css"), _READ),
                Route("/static/demo.js", Page("demo.js"), _READ),
                Route("/static/icon.svg", Page("icon.svg"), _READ),
                Route("/inspect", inspect_request, subtree=True),
                Route("/echo", echo_content, ("POST",)),
                Route("/upload", receive_upload, ("POST",)),
                Route("/clock", clock, _READ),
                Route("/facts", Facts(self._activity), _READ),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await self._lifespan(scope, receive, send)
            case "websocket":
                await self._websocket(scope, receive, send)
            case other:
                raise ValueError(f"the demo doesn't speak {other!r}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._activity.count_request()
        try:
            await self._router(scope, receive, send)
        except OSError:
            return  # the client has left, and nobody is there to answer

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if local_path(scope) == "/chat":
            await self._chat(scope, receive, send)
        else:  # closed before it is accepted: the handshake is refused
            await receive()
            await send({"type": "websocket.close", "code": 1000})


app = Demo()
