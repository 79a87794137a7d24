"""What programs import from Uvicorn's modules beside the server itself.

Small things that have no other place here. `shim/uvicorn` gives them Uvicorn's module names;
tricorn itself uses none of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import http
import inspect
import multiprocessing
import multiprocessing.process
import os
import socket
import ssl
import sys
import urllib.parse
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal, TypeVar

from tricorn.asgi.lifespan import Lifespan
from tricorn.edge.trust import TrustedPeers
from tricorn.net.tls import Certificate, TlsOptions, make_context
from tricorn.serve import importer
from tricorn.serve.loops import LoopFactory, loop_factory
from tricorn.serve.program import Config
from tricorn.serve.user_error import UserCodeError

HTTPProtocolType = Literal["auto", "h11", "httptools", "zttp"]
WSProtocolType = Literal["auto", "none", "websockets", "websockets-sansio", "wsproto"]
LifespanType = Literal["auto", "on", "off"]
LoopFactoryType = Literal["none", "auto", "asyncio", "uvloop", "zuvloop"]
InterfaceType = Literal["auto", "asgi3", "asgi2", "wsgi"]

# Name of a choice -> the import string of what it stands for. One protocol has many names.
_HTTP = "tricorn.net.http1:Http1Connection"
_WEBSOCKET = "tricorn.net.websocket:WebSocketConnection"
HTTP_PROTOCOLS: dict[str, str] = dict.fromkeys(("auto", "h11", "httptools", "zttp"), _HTTP)
WS_PROTOCOLS: dict[str, str | None] = {
    **dict.fromkeys(("auto", "websockets", "websockets-sansio", "wsproto"), _WEBSOCKET),
    "none": None,
}
LIFESPAN: dict[str, str] = dict.fromkeys(
    ("auto", "on", "off"), "tricorn.compat.uvicorn_names:LifespanOn"
)
LOOP_FACTORIES: dict[str, str | None] = {
    "none": None,
    "auto": "tricorn.compat.uvicorn_names:auto_loop_factory",
    "asyncio": "tricorn.compat.uvicorn_names:asyncio_loop_factory",
    "uvloop": "tricorn.compat.uvicorn_names:uvloop_loop_factory",
    "zuvloop": "tricorn.compat.uvicorn_names:zuvloop_loop_factory",
}
INTERFACES: list[InterfaceType] = ["auto", "asgi3", "asgi2", "wsgi"]
SSL_PROTOCOL_VERSION: int = ssl.PROTOCOL_TLS_SERVER

_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}
STATUS_PHRASES = {code: _PHRASES.get(code, "").encode() for code in range(100, 600)}
STATUS_LINE = {
    code: b"HTTP/1.1 %d %b\r\n" % (code, STATUS_PHRASES[code]) for code in range(100, 600)
}

# What a slow client may leave unread before its app has to wait, in bytes; and how a response
# tells that it is the connection's last.
HIGH_WATER_LIMIT = 65536
CLOSE_HEADER = (b"connection", b"close")

_T = TypeVar("_T")


class UvicornDeprecationWarning(UserWarning):
    """What programs filter out. tricorn never issues it."""


class ClientDisconnected(OSError):
    """What programs catch around `send()`. tricorn raises an OSError of its own kind."""


# --- Import strings ----------------------------------------------------------------------------


def import_from_string(import_str: Any) -> Any:
    """Return what an import string such as `main:app` names, or what is no string as it is.

    Raises `ImportFromStringError`, and whatever the module raises.
    """
    if not isinstance(import_str, str):
        return import_str
    try:
        return importer.import_from_string(import_str)
    except UserCodeError as error:
        raise error.__cause__ or error from None


# --- Configuration -----------------------------------------------------------------------------


def create_ssl_context(
    certfile: str | os.PathLike[str],
    keyfile: str | os.PathLike[str] | None,
    password: str | None,
    ssl_version: int,
    cert_reqs: int,
    ca_certs: str | os.PathLike[str] | None,
    ciphers: str | None,
) -> ssl.SSLContext:
    """Make a server's TLS context out of files. Raises `tricorn.net.tls.TlsError`."""
    certificate = Certificate(os.fspath(certfile), None if keyfile is None else os.fspath(keyfile))
    authorities = None if ca_certs is None else os.fspath(ca_certs)
    options = TlsOptions((certificate,), password, ssl_version, cert_reqs, authorities, ciphers)
    return make_context(options)


def auto_loop_factory(use_subprocess: bool = False) -> LoopFactory | None:
    """Return what makes the loop of `--loop auto`."""
    return loop_factory("auto")


def asyncio_loop_factory(use_subprocess: bool = False) -> LoopFactory | None:
    """Return what makes the loop of `--loop asyncio`."""
    return loop_factory("asyncio")


def uvloop_loop_factory(use_subprocess: bool = False) -> LoopFactory | None:
    """Return what makes the loop of `--loop uvloop`."""
    return loop_factory("uvloop")


def zuvloop_loop_factory(use_subprocess: bool = False) -> LoopFactory | None:
    """Return what makes the loop of `--loop zuvloop`."""
    return loop_factory("zuvloop")


def asyncio_run(
    main: Coroutine[Any, Any, _T],
    *,
    debug: bool = False,
    loop_factory: LoopFactory | None = None,
) -> _T:
    """`asyncio.run` with the `loop_factory` that it takes from Python 3.12 on."""
    with asyncio.Runner(debug=debug, loop_factory=loop_factory) as runner:
        return runner.run(main)


iscoroutinefunction: Callable[[Any], bool] = (
    inspect.iscoroutinefunction if sys.version_info >= (3, 14) else asyncio.iscoroutinefunction
)


# --- Processes ---------------------------------------------------------------------------------


def get_subprocess(
    config: Config, target: Callable[..., object], sockets: list[socket.socket]
) -> multiprocessing.process.BaseProcess:
    """Return a process, not yet started, that is to call `target(sockets=sockets)`.

    Nobody looks after it; the supervisors don't use it.
    """
    context = multiprocessing.get_context("spawn")
    return context.Process(target=subprocess_started, args=(config, target, sockets))


def subprocess_started(
    config: Config,
    target: Callable[..., object],
    sockets: list[socket.socket],
    stdin_fileno: int | None = None,
) -> None:
    """What such a process does: set up logging, and call `target`."""
    if stdin_fileno is not None:
        sys.stdin = os.fdopen(stdin_fileno)
    config.configure_logging()
    with contextlib.suppress(KeyboardInterrupt):
        target(sockets=sockets)


# --- Lifespan ----------------------------------------------------------------------------------


class LifespanOn(Lifespan):
    """The lifespan of a config, for programs that run it without a server."""

    def __init__(self, config: Config) -> None:
        if not config.loaded:
            config.load()
        super().__init__(
            config.loaded_app,
            config.lifespan,
            startup_timeout=config.timeout_lifespan_startup,
            shutdown_timeout=config.timeout_lifespan_shutdown,
            asgi_version=config.asgi_version,
        )

    @property
    def startup_failed(self) -> bool:
        """Whether the app said so, or raised, as it started."""
        return self._failed["startup"]

    @property
    def shutdown_failed(self) -> bool:
        """Whether the app said so, or raised, as it stopped."""
        return self._failed["shutdown"]


class LifespanOff:
    """No lifespan: nothing is asked of the app."""

    def __init__(self, config: Config) -> None:
        self.should_exit = False
        self.state: dict[str, Any] = {}

    async def startup(self) -> None:
        """Do nothing."""

    async def shutdown(self) -> None:
        """Do nothing."""


class TrustedHosts(TrustedPeers):
    """The proxies that are believed, to ask with `in`."""

    def __contains__(self, host: str | None) -> bool:
        return self.trusts(host)


# --- Scopes and transports ---------------------------------------------------------------------


def get_client_addr(scope: Mapping[str, Any]) -> str:
    """`host:port` of a scope's client; nothing where it has none."""
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""


def get_path_with_query_string(scope: Mapping[str, Any]) -> str:
    """A scope's path, quoted, and its query."""
    path = urllib.parse.quote(scope["path"])
    query = scope["query_string"]
    return f"{path}?{query.decode('ascii')}" if query else path


def get_remote_addr(transport: asyncio.BaseTransport) -> tuple[str, int] | None:
    """The peer's host and port; None for a Unix socket."""
    return _host_and_port(_named(transport, "getpeername", "peername"))


def get_local_addr(transport: asyncio.BaseTransport) -> tuple[str, int | None] | None:
    """Our host and port; for a Unix socket its path and None."""
    name = _named(transport, "getsockname", "sockname")
    return (name, None) if isinstance(name, str) else _host_and_port(name)


def is_ssl(transport: asyncio.BaseTransport) -> bool:
    """Whether the transport speaks TLS."""
    return bool(transport.get_extra_info("sslcontext"))


def _named(transport: asyncio.BaseTransport, method: str, key: str) -> Any:
    sock = transport.get_extra_info("socket")
    if sock is None:
        return transport.get_extra_info(key)
    try:
        return getattr(sock, method)()
    except OSError:
        return None


def _host_and_port(name: Any) -> tuple[str, int] | None:
    if not isinstance(name, list | tuple) or len(name) < 2:
        return None
    return str(name[0]), int(name[1])
