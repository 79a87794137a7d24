"""The validated values of all options, as `Config`.

`Config` holds values and answers what follows from them. It loads no app, opens no
socket and configures no logging: `tricorn.serve` does.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tricorn.settings.environment import counts, load_env_file
from tricorn.settings.errors import ConfigError
from tricorn.settings.options import (
    BY_NAME,
    CONFIG_PARAMETERS,
    DEFAULT_LOG_CONFIG,
    TLS_SERVER,
)
from tricorn.settings.rules import SPEAKS_TLS, refuse_contradictions
from tricorn.settings.values import convert

if TYPE_CHECKING:
    import ssl
    from configparser import RawConfigParser
    from typing import IO

    from tricorn.net.address import Bind

PathText = str | os.PathLike[str]


IDLE_RELOAD: Final = "Files to watch are given, but not --reload: nothing will be reloaded."


@dataclass(eq=False, repr=False)
class Config:
    """Every option that a server takes, checked.

    The positional order is Uvicorn's; tricorn's own options are keyword-only. The meaning
    and unit of each is in docs/options.md. Attributes may be reassigned until the server
    starts; `check()` judges them again.

    Raises ConfigError with one line for a value that can't be used.
    """

    app: Any
    host: str | None = "127.0.0.1"
    port: int = 8000
    uds: PathText | None = None
    fd: int | None = None
    loop: Any = "auto"
    http: Any = "auto"
    http2: Literal["auto", "tls", "all", "off"] | bool = "auto"
    ws: Any = "auto"
    ws_max_size: int = 16777216
    ws_max_queue: int = 32
    ws_ping_interval: float | None = 20.0
    ws_ping_timeout: float | None = 20.0
    ws_per_message_deflate: bool = True
    lifespan: Literal["auto", "on", "off"] = "auto"
    env_file: PathText | None = None
    log_config: dict[str, Any] | PathText | RawConfigParser | IO[Any] | None = DEFAULT_LOG_CONFIG
    log_level: str | int | None = None
    access_log: bool = True
    use_colors: bool | None = None
    interface: Literal["auto", "asgi3", "asgi2", "wsgi"] = "auto"
    reload: bool = False
    reload_dirs: Sequence[PathText] | PathText | None = None
    reload_delay: float = 0.25
    reload_includes: Sequence[str] | str | None = None
    reload_excludes: Sequence[str] | str | None = None
    workers: int | None = None
    proxy_headers: bool = True
    server_header: bool = True
    date_header: bool = True
    forwarded_allow_ips: Sequence[str] | str | None = None
    root_path: str = ""
    limit_concurrency: int | None = None
    limit_max_requests: int | None = None
    limit_max_requests_jitter: int = 0
    backlog: int = 2048
    timeout_keep_alive: float = 5
    timeout_notify: float = 30
    timeout_graceful_shutdown: float | None = 30
    timeout_worker_healthcheck: float = 5
    callback_notify: Callable[..., Awaitable[None]] | None = None
    ssl_keyfile: PathText | None = None
    ssl_certfile: PathText | None = None
    ssl_keyfile_password: str | None = None
    ssl_version: int = TLS_SERVER
    ssl_cert_reqs: int = 0
    ssl_ca_certs: PathText | None = None
    ssl_ciphers: str | None = None
    ssl_context_factory: Callable[[Any, Callable[[], ssl.SSLContext]], ssl.SSLContext] | None = None
    headers: Sequence[tuple[str, str]] | Mapping[str, str] | None = None
    factory: bool = False
    h11_max_incomplete_event_size: int | None = None
    reset_contextvars: bool = False
    _: KW_ONLY
    bind: Sequence[str] | str | None = None
    uds_mode: int | str = 0o666
    uds_owner: str | None = None
    reuse_port: bool = False
    wsgi_threads: int = 10
    limit_connections: int | None = None
    limit_request_line: int = 8192
    limit_field_section: int = 65536
    limit_fields: int = 100
    limit_body_size: int | None = None
    limit_body_rate: int = 240
    ssl_certificates: Sequence[str] | str | None = None
    dev_https: bool = False
    https_redirect: int | None = None
    https_port: int | None = None
    hsts: int | str | None = None
    pid: str | None = None
    user: str | None = None
    group: str | None = None
    umask: int | str | None = None
    preload: bool = False
    control: str | None = None
    restart_parallel: int = 1
    limit_worker_lifetime: float | None = None
    limit_worker_memory: int | None = None
    timeout_idle: float = 30.0
    timeout_head: float = 30.0
    timeout_body: float = 20.0
    timeout_write: float = 60.0
    timeout_lifespan_startup: float | None = None
    timeout_lifespan_shutdown: float | None = 30.0
    timeout_ws_handshake: float = 30.0
    limit_ws_fragments: int = 65536
    limit_ws_controls: int = 200
    forwarded_hops: int | None = None
    forwarded_fields: Sequence[str] | str | None = None
    health_path: str | None = None
    drain_delay: float = 0.0
    proxy_protocol: Literal["off", "auto", "v1", "v2"] | bool = "off"
    product: str = "tricorn"

    def __post_init__(self) -> None:
        self.check()
        if isinstance(self.env_file, str):
            load_env_file(self.env_file, "env_file")
        self._take_variables()

    def check(self) -> None:
        """Judge all values, and bring each to its one form (a path to str, headers to a list).

        Raises ConfigError.
        """
        for name in CONFIG_PARAMETERS:
            option = BY_NAME[name]
            value = convert(option, getattr(self, name), name)
            setattr(self, name, value)
        refuse_contradictions(vars(self))
        self.headers = self.headers or []

    def _take_variables(self) -> None:
        """WEB_CONCURRENCY and FORWARDED_ALLOW_IPS, for what the caller left open."""
        for name in ("workers", "forwarded_allow_ips"):
            option = BY_NAME[name]
            if getattr(self, name) is not None:
                continue
            variable = option.env[0]
            text = os.environ.get(variable, "")
            value: object = option.default
            if variable in os.environ and counts(option, variable, text):
                value = convert(option, text, f"{variable} in the environment")
            setattr(self, name, value)
        self.workers = self.workers or 1

    def options(self) -> dict[str, Any]:
        """The values by option name, `app` excepted: what makes an equal Config."""
        return {name: getattr(self, name) for name in CONFIG_PARAMETERS if name != "app"}

    @property
    def is_ssl(self) -> bool:
        """Whether connections speak TLS."""
        return any(getattr(self, name) for name in SPEAKS_TLS)

    @property
    def alpn(self) -> tuple[str, ...]:
        """What the server offers to speak over TLS (RFC 7301), the favourite first."""
        return ("http/1.1",) if self.http2 == "off" else ("h2", "http/1.1")

    @property
    def should_reload(self) -> bool:
        """Whether changed code restarts the app, which needs its import string."""
        return isinstance(self.app, str) and self.reload

    @property
    def has_idle_reload_options(self) -> bool:
        """Whether something says what to watch, and nothing that there is to be a reload."""
        what = self.reload_dirs or self.reload_includes or self.reload_excludes
        return bool(what) and not self.should_reload

    @property
    def use_subprocess(self) -> bool:
        """Whether a parent process starts others that serve."""
        return bool(self.reload or (self.workers or 1) > 1 or self.control)

    @property
    def asgi_version(self) -> Literal["2.0", "3.0"]:
        """What the scope says. Known once `interface` is; KeyError while it is `auto`."""
        versions: dict[str, Literal["2.0", "3.0"]] = {"asgi2": "2.0", "asgi3": "3.0", "wsgi": "3.0"}
        return versions[self.interface]

    @property
    def encoded_headers(self) -> list[tuple[bytes, bytes]]:
        """The fields of `headers` as they go out: lower-case names, Latin-1.

        Neither date nor server is among them, unless `headers` names it.
        """
        pairs = self.headers.items() if isinstance(self.headers, Mapping) else self.headers or ()
        return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]

    @property
    def head_limits(self) -> tuple[int, int, int]:
        """Bounds of a request's head: request line in bytes, field section in bytes, fields.

        `h11_max_incomplete_event_size` takes the place of a byte limit left at its default.
        """
        line, section = self.limit_request_line, self.limit_field_section
        whole = self.h11_max_incomplete_event_size
        if whole is not None:
            line = whole if line == BY_NAME["limit_request_line"].default else line
            section = whole if section == BY_NAME["limit_field_section"].default else section
        return line, section, self.limit_fields

    def redirect_addresses(self) -> list[Bind]:
        """Where redirects to https are answered: that port of each host that is listened on."""
        from tricorn.net.address import Bind

        port = self.https_redirect
        if port is None:
            return []
        hosts = [bind.host for bind in self.listen_addresses() if bind.kind == "tcp"]
        # Sockets that somebody else has opened, or of no host, say nothing of it.
        found = dict.fromkeys(hosts or [self.host or None])
        return [Bind("tcp", host=host, port=port, redirects=True) for host in found]

    def listen_addresses(self) -> list[Bind]:
        """Where to listen: `bind`, else `fd`, else `uds`, else `host` and `port`."""
        from tricorn.net.address import Bind, parse_bind

        if self.bind:
            texts = [self.bind] if isinstance(self.bind, str) else self.bind
            return [parse_bind(text) for text in texts]
        if self.fd is not None:
            return [Bind("fd", fd=self.fd)]
        if self.uds:
            return [Bind("unix", path=os.fspath(self.uds))]
        return [Bind("tcp", host=self.host or None, port=self.port)]


def build(app: Any, options: Mapping[str, Any], make: type[Config] = Config) -> Config:
    """The config of a program that serves `app`: what `run(app, **options)` starts.

    `make` is the class to build. `app_dir` isn't part of a config: the caller puts it on the
    import path. Raises ConfigError, and TypeError for a name that is no option.
    """
    from tricorn.settings.files import nearest
    from tricorn.settings.options import RUN_PARAMETERS

    values = dict(options)
    values.pop("app_dir", None)
    for name in values:
        if name not in RUN_PARAMETERS:
            raise TypeError(f"run() has no option {name!r}{nearest(name, RUN_PARAMETERS)}")
    return make(app, **values)


__all__ = ["Config", "ConfigError", "build"]
