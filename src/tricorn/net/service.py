"""What all connections of one worker share.

`serve` makes one of these and cuts the limits out of the configuration; a
connection knows its `Service` and nothing above it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, NamedTuple, Protocol

from tricorn.asgi.task import TaskStarter
from tricorn.net.ticker import Ticker
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields
from tricorn.wire.ws import MessageLimits
from tricorn.wire.ws_frames import FrameCache

# Seconds between two WebSockets that a stopping server closes, at most.
_CLOSING_STEP = 0.005
TICK = 0.5  # seconds between two looks at the deadlines: how exact they are


class ConnectionLimits(NamedTuple):
    """Bounds on a connection. Times in seconds, `math.inf` for none; 0: no bound."""

    idle: float = 30.0  # a new connection that says nothing
    head: float = 30.0  # from a request's first byte to the end of its head
    keep_alive: float = 5.0  # between two requests
    content: float = 20.0  # of waiting for content before `content_rate` is asked
    content_rate: int = 240  # bytes a second
    write: float = 60.0  # without progress while the client doesn't read
    linger: float = 5.0  # reading on behind a refusal, so that the answer arrives
    concurrency: int = 0  # connections or running requests; more get 503
    connections: int = 0  # more wait in the backlog


class WebSocketOptions(NamedTuple):
    """How WebSockets are served. Times in seconds, `math.inf` for none; 0: no bound."""

    message: MessageLimits = MessageLimits()
    queue: int = 32  # messages that wait for the app
    deflate: bool = True
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    handshake: float = 30.0  # until the app accepts or denies
    close: float = 10.0  # until the client answers a close


class AccessSink(Protocol):
    """Who is told of each response; `watch.access.AccessLog` is one."""

    enabled: bool

    def request(
        self, client: Any, method: str, target: bytes, version: str, status: int
    ) -> None: ...

    def websocket_accepted(self, client: Any, target: bytes) -> None: ...

    def websocket_denied(self, client: Any, target: bytes, status: int) -> None: ...

    def websocket_closed(
        self, client: Any, target: bytes, code: int, seconds: float, counts: tuple[int, int]
    ) -> None: ...


class Forwarder(Protocol):
    """Who puts a proxy's claims into a scope; `edge.forwarded.Forwarding` is one."""

    def trusts(self, client: tuple[str, int] | None) -> bool: ...

    def apply(self, scope: dict[str, Any]) -> None: ...


class Service:
    """One worker's app, limits, counters and connections."""

    def __init__(
        self,
        app: Callable[..., Any],
        loop: asyncio.AbstractEventLoop,
        limits: ConnectionLimits,
        head_limits: HeadLimits,
        defaults: DefaultFields,
    ) -> None:
        self.app = app
        self.loop = loop
        self.limits = limits
        self.head_limits = head_limits
        self.defaults = defaults
        # What each connection or request asks for: a named tuple is looked up by name.
        self.concurrency = limits.concurrency
        self.most_connections = limits.connections
        self.idle_limit = limits.idle
        self.keep_alive_limit = limits.keep_alive
        self.write_limit = limits.write
        self.keeps_alive = limits.keep_alive > 0
        self.body_limit = 0
        self.root_path = ""
        self.scope: dict[str, Any] = {}
        self.use_scope("3.0", "")
        self.state: dict[str, Any] = {}
        self.access: AccessSink | None = None
        self.forwarder: Forwarder | None = None
        self.websockets: WebSocketOptions | None = None  # None: an upgrade is ignored
        # Makes an HTTP/2 connection; None: HTTP/1.1 only.
        self.http2: Callable[[Service], Any] | None = None
        # Who may begin with it without TLS.
        self.http2_for_trusted = False
        self.http2_for_all = False
        self.frames = FrameCache()
        self.starter = TaskStarter(loop)
        self.connections: set[Any] = set()
        self.carried = 0  # of these, WebSockets that are streams of another
        self.tasks: set[asyncio.Task[None]] = set()
        self.total_requests = 0
        self.health_path: str | None = None  # answered in the app's place
        self.leaving = False  # it says that the server is about to drain
        self.draining = False
        # Seconds that a stopping server waits for what idle connections may still send: its
        # listening sockets are served by others.
        self.patience = 0.0
        self.closing_step = 0.0
        self.closings = 0
        self.accepts: list[Any] = []  # listeners that can pause
        self.full = False
        self.now = loop.time()
        self.ticker: Ticker | None = None
        self.date_second = 0

    def use_scope(self, asgi_version: str, root_path: str) -> None:
        """Set what all HTTP scopes of this worker have in common (ASGI HTTP 2.5)."""
        self.root_path = root_path
        # Every key, in the specification's order; a request's own replace the None.
        self.scope = {
            "type": "http",
            "asgi": {"version": asgi_version, "spec_version": "2.5"},
            "http_version": "1.1",
            "server": None,
            "client": None,
            "scheme": "http",
            "method": None,
            "root_path": root_path,
            "path": None,
            "raw_path": None,
            "query_string": None,
            "headers": None,
            "state": None,
            "extensions": None,
        }

    def start(self) -> None:
        """Begin to look after deadlines and the Date field."""
        self._tick()
        self.ticker = Ticker(self.loop, TICK, self._tick)
        self.ticker.start()

    def stop(self) -> None:
        """Look after them no more."""
        if self.ticker is not None:
            self.ticker.stop()
            self.ticker = None
        self.starter.close()

    def _tick(self) -> None:
        self.now = now = self.loop.time()
        second = int(time.time())
        if second != self.date_second:
            self.date_second = second
            self.defaults.set_date(formatdate(second, usegmt=True).encode("ascii"))
        self.frames.forget()
        for connection in list(self.connections):
            connection.tick(now)

    def add(self, connection: Any) -> None:
        """Count a new connection."""
        self.connections.add(connection)
        if self.most_connections and self.open_connections() >= self.most_connections:
            self.full = True
            for listener in self.accepts:
                listener.pause()

    def remove(self, connection: Any) -> None:
        """Forget a connection that is over."""
        self.connections.discard(connection)
        if self.full and self.open_connections() < self.most_connections:
            self.full = False
            if not self.draining:
                for listener in self.accepts:
                    listener.resume()

    def open_connections(self) -> int:
        """Return how many clients are connected: a WebSocket on a stream is on their connection."""
        return len(self.connections) - self.carried

    def shut_connections(self, seconds: float) -> None:
        """Have all connections end: those that stay open by themselves within `seconds`.

        Clients of a WebSocket come back at once, so they are sent away one by one.
        """
        connections = list(self.connections)
        self.closings = 0
        self.closing_step = min(_CLOSING_STEP, seconds / max(len(connections), 1))
        for connection in connections:
            connection.shutdown()

    def next_closing(self) -> float:
        """Return in how many seconds the WebSocket that asks should close."""
        self.closings += 1
        return (self.closings - 1) * self.closing_step

    def is_busy(self) -> bool:
        """Whether there are as many connections or requests as may run at a time.

        The connection that asks doesn't count against itself.
        """
        most = self.concurrency
        return most > 0 and (self.open_connections() > most or len(self.tasks) >= most)


def seconds(value: float | None) -> float:
    """Read an option in seconds, of which None and 0 mean no bound."""
    return float(value) if value else math.inf
