"""gunicorn's settings as tricorn's options."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

# What gunicorn calls unlimited is still bounded here.
_ANY_SIZE = 2**20  # bytes
_MOST_FIELDS = 32768  # gunicorn's own


def options(cfg: Any, max_requests: int) -> dict[str, Any]:
    """Return tricorn's options for a gunicorn configuration, of any version from 23 on.

    `max_requests` is the worker's, its jitter added; `sys.maxsize` stands for no limit.
    """
    drain = drain_seconds(cfg.graceful_timeout)
    found: dict[str, Any] = {
        "timeout_keep_alive": cfg.keepalive,
        "timeout_graceful_shutdown": drain,
        "backlog": cfg.backlog,
        "forwarded_allow_ips": _trusted(cfg.forwarded_allow_ips),
        "proxy_protocol": proxy_protocol(cfg),
        "root_path": getattr(cfg, "root_path", ""),
        "lifespan": getattr(cfg, "asgi_lifespan", "auto"),
        "loop": getattr(cfg, "asgi_loop", "auto"),
        "ws_max_size": getattr(cfg, "websocket_max_message_size", 16777216),
        "workers": 1,
        # gunicorn's loggers write; see gunicorn_worker.
        "log_config": None,
        "access_log": False,
    }
    if max_requests < sys.maxsize:
        found["limit_max_requests"] = max_requests
    return found | _limits(cfg)


def drain_seconds(graceful_timeout: float) -> float:
    """Return how long requests may go on, so that the lifespan's shutdown can still run.

    gunicorn kills a worker `graceful_timeout` seconds after it asked it to stop.
    """
    margin = min(max(1.0, graceful_timeout / 10), graceful_timeout / 2)
    return graceful_timeout - margin


def _limits(cfg: Any) -> dict[str, int]:
    """The bounds that somebody has set.

    gunicorn's defaults aren't taken over: its request line is half of tricorn's, and 1000
    connections would stop an app that holds WebSockets open.
    """
    found = {}
    if is_set(cfg, "limit_request_line"):
        found["limit_request_line"] = cfg.limit_request_line or _ANY_SIZE
    fields = cfg.limit_request_fields or _MOST_FIELDS
    if is_set(cfg, "limit_request_fields"):
        found["limit_fields"] = fields
    if is_set(cfg, "limit_request_field_size"):
        # tricorn bounds the section as a whole, which gunicorn derives from both.
        size = cfg.limit_request_field_size
        found["limit_field_section"] = fields * (size + 2) if size else _ANY_SIZE
    if is_set(cfg, "worker_connections"):
        found["limit_connections"] = cfg.worker_connections
    return found


def is_set(cfg: Any, name: str) -> bool:
    """Whether a setting exists in this gunicorn and has another value than its default."""
    setting = cfg.settings.get(name)
    if setting is None:
        return False
    untouched = type(setting)()
    return bool(setting.get() != untouched.get())


def proxy_protocol(cfg: Any) -> str:
    """Which versions of the PROXY protocol are spoken. Before 24.1 the setting is yes or no."""
    chosen = getattr(cfg, "proxy_protocol", False)
    if chosen is True:
        # Version 2 came later there; here it takes nothing away.
        return "auto"
    return chosen or "off"


def proxy_peers(cfg: Any) -> list[str] | None:
    """Who speaks it; None where gunicorn's settings don't ask for it."""
    return None if proxy_protocol(cfg) == "off" else _trusted(cfg.proxy_allow_ips)


def _trusted(peers: Any) -> list[str]:
    """Whose word counts. gunicorn trusts whoever can open its Unix socket."""
    given = peers.split(",") if isinstance(peers, str) else [str(peer) for peer in peers or ()]
    return ["*"] if "*" in given else [*given, "unix"]


# What a setting asks for and tricorn doesn't do -> what to know about it.
_WITHOUT_EFFECT: dict[str, tuple[Callable[[Any], bool], str]] = {
    "threads": (lambda cfg: cfg.threads > 1, "the app runs in one event loop"),
    "secure_scheme_headers": (
        lambda cfg: is_set(cfg, "secure_scheme_headers"),
        "X-Forwarded-Proto and Forwarded tell the scheme",
    ),
}


def without_effect(cfg: Any) -> list[str]:
    """Return a line for each setting that is set and has no effect here."""
    return [
        f"The setting {name} has no effect with tricorn's workers: {why}."
        for name, (applies, why) in _WITHOUT_EFFECT.items()
        if applies(cfg)
    ]


def refusal(cfg: Any) -> str:
    """Return why no request could be answered with these settings; empty when all is well."""
    if getattr(cfg, "protocol", "http") != "http":
        return f"tricorn's workers speak HTTP, not {cfg.protocol}: remove the setting protocol"
    return ""
