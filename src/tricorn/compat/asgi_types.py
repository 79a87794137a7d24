"""Types of what ASGI and WSGI apps get and give, for annotations in programs.

The keys are those of the ASGI specification: HTTP and WebSocket 2.5, lifespan 2.0, and its
extensions. The names are the ones that programs import. tricorn itself uses none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any, Literal, NotRequired, Protocol, TypedDict

Fields = Iterable[tuple[bytes, bytes]]

# --- WSGI (PEP 3333) ---------------------------------------------------------------------------

Environ = MutableMapping[str, Any]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
StartResponse = Callable[[str, Iterable[tuple[str, str]], ExcInfo | None], None]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes] | BaseException]

# --- Scopes ------------------------------------------------------------------------------------


class ASGIVersions(TypedDict):
    """`scope["asgi"]`."""

    version: Literal["2.0", "3.0"]
    spec_version: str


class _RequestedScope(TypedDict):
    """What a request and a WebSocket have alike."""

    asgi: ASGIVersions
    http_version: str
    scheme: str
    path: str
    raw_path: bytes
    query_string: bytes
    root_path: str
    headers: Fields
    client: tuple[str, int] | None
    server: tuple[str, int | None] | None
    state: NotRequired[dict[str, Any]]
    extensions: NotRequired[dict[str, dict[object, object]]]


class HTTPScope(_RequestedScope):
    """One request."""

    type: Literal["http"]
    method: str


class WebSocketScope(_RequestedScope):
    """One WebSocket."""

    type: Literal["websocket"]
    subprotocols: Iterable[str]


class LifespanScope(TypedDict):
    """The life of the server."""

    type: Literal["lifespan"]
    asgi: ASGIVersions
    state: NotRequired[dict[str, Any]]


WWWScope = HTTPScope | WebSocketScope
Scope = HTTPScope | WebSocketScope | LifespanScope

# --- HTTP --------------------------------------------------------------------------------------


class HTTPRequestEvent(TypedDict):
    """A piece of the request's content."""

    type: Literal["http.request"]
    body: bytes
    more_body: bool


class HTTPDisconnectEvent(TypedDict):
    """The client has gone, or has its answer."""

    type: Literal["http.disconnect"]


class HTTPResponseDebugEvent(TypedDict):
    """What a debugging middleware is told of a response."""

    type: Literal["http.response.debug"]
    info: dict[str, object]


class HTTPResponseEarlyHintEvent(TypedDict):
    """What the client may load meanwhile: status 103."""

    type: Literal["http.response.early_hint"]
    links: Iterable[bytes]


class HTTPResponseStartEvent(TypedDict):
    """Status and fields."""

    type: Literal["http.response.start"]
    status: int
    headers: NotRequired[Fields]
    trailers: NotRequired[bool]


class HTTPResponseBodyEvent(TypedDict):
    """A piece of the response's content."""

    type: Literal["http.response.body"]
    body: bytes
    more_body: NotRequired[bool]


class HTTPResponseTrailersEvent(TypedDict):
    """Fields behind the content."""

    type: Literal["http.response.trailers"]
    headers: Fields
    more_trailers: bool


class HTTPServerPushEvent(TypedDict):
    """A response that nobody asked for."""

    type: Literal["http.response.push"]
    path: str
    headers: Fields


# --- WebSockets --------------------------------------------------------------------------------


class WebSocketConnectEvent(TypedDict):
    """A client that asks."""

    type: Literal["websocket.connect"]


class WebSocketAcceptEvent(TypedDict):
    """The answer yes."""

    type: Literal["websocket.accept"]
    subprotocol: NotRequired[str | None]
    headers: NotRequired[Fields]


class WebSocketResponseStartEvent(TypedDict):
    """The answer no, as a response of its own."""

    type: Literal["websocket.http.response.start"]
    status: int
    headers: Fields


class WebSocketResponseBodyEvent(TypedDict):
    """A piece of that response's content."""

    type: Literal["websocket.http.response.body"]
    body: bytes
    more_body: NotRequired[bool]


class _WebSocketReceiveBytes(TypedDict):
    type: Literal["websocket.receive"]
    bytes: bytes
    text: NotRequired[None]


class _WebSocketReceiveText(TypedDict):
    type: Literal["websocket.receive"]
    bytes: NotRequired[None]
    text: str


class _WebSocketSendBytes(TypedDict):
    type: Literal["websocket.send"]
    bytes: bytes
    text: NotRequired[None]


class _WebSocketSendText(TypedDict):
    type: Literal["websocket.send"]
    bytes: NotRequired[None]
    text: str


class WebSocketDisconnectEvent(TypedDict):
    """The end, as the app learns of it."""

    type: Literal["websocket.disconnect"]
    code: int
    reason: NotRequired[str | None]


class WebSocketCloseEvent(TypedDict):
    """The end, as the app wishes it."""

    type: Literal["websocket.close"]
    code: NotRequired[int]
    reason: NotRequired[str | None]


WebSocketReceiveEvent = _WebSocketReceiveBytes | _WebSocketReceiveText
WebSocketSendEvent = _WebSocketSendBytes | _WebSocketSendText
WebSocketEvent = WebSocketReceiveEvent | WebSocketDisconnectEvent | WebSocketConnectEvent

# --- Lifespan ----------------------------------------------------------------------------------


class LifespanStartupEvent(TypedDict):
    """The server starts."""

    type: Literal["lifespan.startup"]


class LifespanStartupCompleteEvent(TypedDict):
    """The app has started."""

    type: Literal["lifespan.startup.complete"]


class LifespanStartupFailedEvent(TypedDict):
    """The app can't start."""

    type: Literal["lifespan.startup.failed"]
    message: str


class LifespanShutdownEvent(TypedDict):
    """The server stops."""

    type: Literal["lifespan.shutdown"]


class LifespanShutdownCompleteEvent(TypedDict):
    """The app has stopped."""

    type: Literal["lifespan.shutdown.complete"]


class LifespanShutdownFailedEvent(TypedDict):
    """The app couldn't stop."""

    type: Literal["lifespan.shutdown.failed"]
    message: str


# --- Apps --------------------------------------------------------------------------------------

ASGIReceiveEvent = (
    HTTPRequestEvent
    | HTTPDisconnectEvent
    | WebSocketConnectEvent
    | WebSocketReceiveEvent
    | WebSocketDisconnectEvent
    | LifespanStartupEvent
    | LifespanShutdownEvent
)
ASGISendEvent = (
    HTTPResponseStartEvent
    | HTTPResponseBodyEvent
    | HTTPResponseTrailersEvent
    | HTTPServerPushEvent
    | HTTPResponseEarlyHintEvent
    | HTTPResponseDebugEvent
    | HTTPDisconnectEvent
    | WebSocketAcceptEvent
    | WebSocketSendEvent
    | WebSocketResponseStartEvent
    | WebSocketResponseBodyEvent
    | WebSocketCloseEvent
    | LifespanStartupCompleteEvent
    | LifespanStartupFailedEvent
    | LifespanShutdownCompleteEvent
    | LifespanShutdownFailedEvent
)
ASGIReceiveCallable = Callable[[], Awaitable[ASGIReceiveEvent]]
ASGISendCallable = Callable[[ASGISendEvent], Awaitable[None]]


class ASGI2Protocol(Protocol):
    """An app of ASGI 2: made for a scope, and called with the rest."""

    def __init__(self, scope: Scope) -> None: ...

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Serve the scope."""


ASGI2Application = type[ASGI2Protocol]
ASGI3Application = Callable[[Scope, ASGIReceiveCallable, ASGISendCallable], Awaitable[None]]
ASGIApplication = ASGI2Application | ASGI3Application

__all__ = [
    "ASGI2Application",
    "ASGI2Protocol",
    "ASGI3Application",
    "ASGIApplication",
    "ASGIReceiveCallable",
    "ASGIReceiveEvent",
    "ASGISendCallable",
    "ASGISendEvent",
    "ASGIVersions",
    "Environ",
    "ExcInfo",
    "HTTPDisconnectEvent",
    "HTTPRequestEvent",
    "HTTPResponseBodyEvent",
    "HTTPResponseDebugEvent",
    "HTTPResponseEarlyHintEvent",
    "HTTPResponseStartEvent",
    "HTTPResponseTrailersEvent",
    "HTTPScope",
    "HTTPServerPushEvent",
    "LifespanScope",
    "LifespanShutdownCompleteEvent",
    "LifespanShutdownEvent",
    "LifespanShutdownFailedEvent",
    "LifespanStartupCompleteEvent",
    "LifespanStartupEvent",
    "LifespanStartupFailedEvent",
    "Scope",
    "StartResponse",
    "WSGIApp",
    "WWWScope",
    "WebSocketAcceptEvent",
    "WebSocketCloseEvent",
    "WebSocketConnectEvent",
    "WebSocketDisconnectEvent",
    "WebSocketEvent",
    "WebSocketReceiveEvent",
    "WebSocketResponseBodyEvent",
    "WebSocketResponseStartEvent",
    "WebSocketScope",
    "WebSocketSendEvent",
]
