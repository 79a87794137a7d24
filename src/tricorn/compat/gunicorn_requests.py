"""gunicorn's access log and its request hooks, for an ASGI app.

Both want a request, a response and an environ as gunicorn's own workers make them. Only
an app whose requests somebody wants to see is wrapped, since this costs each of them.
"""

from __future__ import annotations

import datetime
import http
import os
import time
from typing import Any

from gunicorn.glogging import Logger

from tricorn.asgi.failure import ClientDisconnected


def wants_access_log(cfg: Any, log: Any) -> bool:
    """Whether `log.access` would do anything: write a line, or count as statsd does."""
    if getattr(type(log), "access", None) is not Logger.access:
        return True
    to_syslog = cfg.syslog and not cfg.disable_redirect_access_to_syslog
    return bool(
        cfg.accesslog
        or cfg.logconfig
        or cfg.logconfig_dict
        or getattr(cfg, "logconfig_json", None)
        or to_syslog
    )


def user_hook(cfg: Any, name: str) -> Any:
    """Return the hook that the user has set, or None for gunicorn's own, which does nothing."""
    setting = cfg.settings[name]
    return None if setting.get() is setting.default else setting.get()


def watched(app: Any, worker: Any) -> Any:
    """Return `app`, wrapped if gunicorn's settings ask to be told of its requests."""
    cfg, log = worker.cfg, worker.log
    access = log.access if wants_access_log(cfg, log) else None
    before, after = user_hook(cfg, "pre_request"), user_hook(cfg, "post_request")
    if access is None and before is None and after is None:
        return app
    return WatchedApp(app, worker, access, before, after)


# A WebSocket is told of when its handshake is answered. Refused without a response, it is 403.
_HANDSHAKE_STATUS = {"websocket.accept": 101, "websocket.close": 403}
_LAST_MAY_BE = frozenset(
    {"http.response.body", "http.response.zerocopysend", "websocket.http.response.body"}
)


class Request:
    """What gunicorn calls a request, as far as logs and hooks read it."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope
        self.method: str = scope.get("method", "GET")  # a WebSocket has none
        self.scheme: str = scope["scheme"]
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.fragment = ""
        self.uri = _target(scope)
        major, _, minor = scope["http_version"].partition(".")
        self.version = (int(major), int(minor or 0))
        self.headers = [
            (name.decode("latin-1").upper(), value.decode("latin-1"))
            for name, value in scope["headers"]
        ]
        self.remote_addr = self.peer_addr = scope.get("client")

    def environ(self) -> dict[str, Any]:
        """Return the CGI variables, with gunicorn's RAW_URI."""
        host, port = self.remote_addr or ("-", "")
        server, server_port = self.scope.get("server") or ("", None)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.method,
            "RAW_URI": self.uri,
            "SCRIPT_NAME": self.scope.get("root_path", ""),
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "SERVER_PROTOCOL": f"HTTP/{self.version[0]}.{self.version[1]}",
            "SERVER_NAME": server,
            "SERVER_PORT": "" if server_port is None else str(server_port),
            "REMOTE_ADDR": host,
            "REMOTE_PORT": str(port),
            "wsgi.url_scheme": self.scheme,
        }
        for name, value in self.headers:
            key = "HTTP_" + name.replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ


def _target(scope: dict[str, Any]) -> str:
    """The request target as it came; the scope has put the root path before it."""
    path: str = scope["raw_path"].decode("latin-1").removeprefix(scope.get("root_path", ""))
    query = scope["query_string"]
    return f"{path}?{query.decode('latin-1')}" if query else path


class Response:
    """What gunicorn calls a response: filled in as it is sent."""

    def __init__(self) -> None:
        self.status_code = 0
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.sent = 0  # bytes of content
        self.begun = False  # the head has gone out: with the first content
        self.complete = False

    def start(self, status: int, fields: Any) -> None:
        """Note the head."""
        self.status_code = status
        self.status = f"{status} {_reason(status)}"
        self.headers = [
            (bytes(name).decode("latin-1"), bytes(value).decode("latin-1"))
            for name, value in fields
        ]

    def note(self, message: dict[str, Any]) -> None:
        """Note what the app sends."""
        kind = message.get("type")
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.start(message["status"], message.get("headers") or ())
            return
        if kind in _HANDSHAKE_STATUS and not self.begun:
            self.start(_HANDSHAKE_STATUS[kind], message.get("headers") or ())
            self.complete = True
        self.sent += _content_size(kind, message)
        self.begun = self.begun or kind != "http.response.early_hint"
        if kind == "http.response.pathsend":
            self.complete = True
        elif kind in _LAST_MAY_BE:
            self.complete = not message.get("more_body", False)


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _content_size(kind: str | None, message: dict[str, Any]) -> int:
    if kind in ("http.response.body", "websocket.http.response.body"):
        return len(message.get("body", b""))
    if kind == "http.response.pathsend":
        return os.stat(message["path"]).st_size
    if kind == "http.response.zerocopysend":
        count = message.get("count")
        if count is None:
            whole = os.fstat(message["file"].fileno()).st_size
            return max(whole - (message.get("offset") or 0), 0)
        return int(count)
    return 0


class WatchedApp:
    """An ASGI app whose requests and handshakes gunicorn's log and hooks are told of.

    The hooks run in the event loop, where one that waits keeps every request waiting.
    """

    def __init__(self, app: Any, worker: Any, access: Any, before: Any, after: Any) -> None:
        self.app = app
        self.worker = worker
        self.access = access
        self.before = before
        self.after = after

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Call the app, and tell of what it answers as soon as the answer is complete."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        else:
            await _Exchange(self, scope, receive, send).run()


class _Exchange:
    """One request of a `WatchedApp`."""

    def __init__(self, watching: WatchedApp, scope: Any, receive: Any, send: Any) -> None:
        self.watching = watching
        self.scope = scope
        self.inner_receive = receive
        self.inner_send = send
        self.began = time.monotonic()
        self.request = Request(scope)
        self.response = Response()
        self.client_left = False
        self.told = False

    async def run(self) -> None:
        watching = self.watching
        if watching.before is not None:
            watching.before(watching.worker, self.request)
        try:
            await watching.app(self.scope, self.receive, self.send)
        finally:
            self._tell_the_end()

    async def receive(self) -> Any:
        message = await self.inner_receive()
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            self.client_left = True
        return message

    async def send(self, message: dict[str, Any]) -> None:
        try:
            await self.inner_send(message)
        except ClientDisconnected:
            self.client_left = True
            raise
        # What the server refused isn't noted.
        self.response.note(message)
        if self.response.complete:
            self._tell()

    def _tell_the_end(self) -> None:
        if not self.response.begun:
            if self.client_left:
                return
            # The server answers for an app that failed or said nothing.
            self.response.start(500, ())
        self._tell()

    def _tell(self) -> None:
        if self.told:
            return
        self.told = True
        watching, request, response = self.watching, self.request, self.response
        if request.method == "HEAD":
            response.sent = 0
        environ = request.environ()
        if watching.access is not None:
            took = datetime.timedelta(seconds=time.monotonic() - self.began)
            watching.access(response, request, environ, took)
        if watching.after is not None:
            try:
                watching.after(watching.worker, request, environ, response)
            except Exception:
                watching.worker.log.exception("Exception in post_request hook")
