"""Cuts a `Config` into what the layers below need: nothing below sees it whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from tricorn.asgi.task import TaskStarter
from tricorn.edge.forwarded import FORWARDING_FIELDS, Forwarding
from tricorn.edge.hsts import StrictTransportSecurity
from tricorn.edge.trust import TrustedPeers
from tricorn.net.proxied import ProxyProtocol
from tricorn.net.service import ConnectionLimits, Service, WebSocketOptions, seconds
from tricorn.settings.config import Config
from tricorn.settings.errors import OptionError
from tricorn.watch.access import AccessLog
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields
from tricorn.wire.proxy_protocol import VERSIONS
from tricorn.wire.ws import MessageLimits

# Descriptors kept for the app's files and the worker's own sockets.
_RESERVED_FILES = 64


def connection_limits(config: Config) -> ConnectionLimits:
    """The bounds on a connection."""
    return ConnectionLimits(
        idle=seconds(config.timeout_idle),
        head=seconds(config.timeout_head),
        # 0 is a wish to close at once, not to keep open for ever, as in Uvicorn.
        keep_alive=float(config.timeout_keep_alive),
        content=seconds(config.timeout_body),
        content_rate=config.limit_body_rate,
        write=seconds(config.timeout_write),
        concurrency=config.limit_concurrency or 0,
        connections=config.limit_connections or _connections_by_files(),
    )


def websocket_options(config: Config, interface: str) -> WebSocketOptions | None:
    """How WebSockets are served; None where they aren't, as with a WSGI app."""
    if config.ws == "none" or interface == "wsgi":
        return None
    return WebSocketOptions(
        message=MessageLimits(
            config.ws_max_size, config.limit_ws_fragments, config.limit_ws_controls
        ),
        queue=config.ws_max_queue,
        deflate=config.ws_per_message_deflate,
        ping_interval=seconds(config.ws_ping_interval),
        # 0 seconds to answer in would be none.
        ping_timeout=seconds(config.ws_ping_timeout),
        handshake=seconds(config.timeout_ws_handshake),
    )


def http2_factory(config: Config) -> Callable[[Service], Any] | None:
    """What makes an HTTP/2 connection; None where there are none."""
    if config.http2 == "off":
        return None
    if config.is_ssl or config.http2 == "all":
        # Or the first client would wait for that.
        import_module("tricorn.net.http2")
    return _http2_connection


def _http2_connection(service: Service) -> Any:
    """A new connection. Most servers without TLS never see one, and it brings 0.7 MB with it."""
    from tricorn.net.http2 import Http2Connection

    return Http2Connection(service)


def _connections_by_files() -> int:
    """As many connections as the process may have open files, less a reserve; 0: no bound."""
    try:
        import resource
    except ImportError:
        return 0
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 0
    return max(soft - max(_RESERVED_FILES, soft // 10), 1)


def default_fields(config: Config) -> DefaultFields:
    """The fields that each response gets."""
    server = config.product.encode() if config.server_header else None
    return DefaultFields(server, config.encoded_headers, config.date_header)


def _trusted(config: Config, peers: Sequence[str] | None = None) -> TrustedPeers:
    """Whose word counts. Raises `ConfigError` for a peer that is none."""
    try:
        return TrustedPeers(config.forwarded_allow_ips or () if peers is None else peers)
    except ValueError as error:
        raise OptionError("forwarded_allow_ips", wrong=f": {error}") from None


def forwarder(config: Config) -> Forwarding | None:
    """Who believes proxies, if anybody does. Raises `ConfigError` for a peer that is none."""
    if not config.proxy_headers:
        return None
    names = config.forwarded_fields
    fields = FORWARDING_FIELDS if names is None else [name.encode() for name in names]
    return Forwarding(_trusted(config), config.forwarded_hops, fields)


def proxy_protocol(config: Config, peers: Sequence[str] | None = None) -> ProxyProtocol | None:
    """Who must begin with the PROXY protocol, if anybody must: `peers`, or trusted proxies."""
    chosen = str(config.proxy_protocol)
    if chosen == "off":
        return None
    versions = VERSIONS if chosen == "auto" else frozenset({int(chosen[1:])})
    return ProxyProtocol(_trusted(config, peers).trusts, versions)


def make_service(
    config: Config, app: Any, state: dict[str, Any], loop: asyncio.AbstractEventLoop
) -> Service:
    """Everything that the connections of this worker share."""
    if config.hsts is not None:
        app = StrictTransportSecurity(app, str(config.hsts))
    service = Service(
        app,
        loop,
        connection_limits(config),
        HeadLimits(*config.head_limits),
        default_fields(config),
    )
    service.body_limit = config.limit_body_size or 0
    asgi_version = "2.0" if config.interface == "asgi2" else "3.0"
    service.use_scope(asgi_version, config.root_path)
    service.state = state
    service.health_path = config.health_path
    service.websockets = websocket_options(config, config.interface)
    service.forwarder = forwarder(config)
    service.starter = TaskStarter(loop, config.reset_contextvars)
    service.http2 = http2_factory(config)
    service.http2_for_trusted = config.http2 == "auto"
    service.http2_for_all = config.http2 == "all"
    access = AccessLog(loop.call_soon)
    service.access = access if config.access_log and access.enabled else None
    return service


__all__ = ["connection_limits", "make_service", "proxy_protocol"]
