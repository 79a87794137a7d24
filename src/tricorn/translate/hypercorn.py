"""Hypercorn: command line, TOML and Python files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tricorn.translate import alike
from tricorn.translate.addresses import to_binds
from tricorn.translate.errors import Untranslatable
from tricorn.translate.files import import_object, run_file
from tricorn.translate.reader import Setting
from tricorn.translate.row import (
    Anyway,
    Asked,
    Became,
    Default,
    Missing,
    Outcome,
    Row,
    Takes,
    Value,
    anyway,
    becomes,
    by,
    missing,
)
from tricorn.translate.source import Application, FromFiles, Source

_VERIFY = {"CERT_NONE": 0, "CERT_OPTIONAL": 1, "CERT_REQUIRED": 2}


def _bind(value: Value, asked: Asked) -> Outcome:
    return Became({"bind": to_binds(value)})


def _insecure_bind(value: Value, asked: Asked) -> Outcome:
    if "certfile" not in asked:
        return Anyway("Without a certificate Hypercorn doesn't listen there either.")
    return Missing(
        "TLS counts for all addresses. `--https-redirect PORT` answers plain HTTP with redirects;"
        " to serve it, start a second tricorn."
    )


def _access_log(value: Value, asked: Asked) -> Outcome:
    if not value:
        return Became({"access_log": False})
    return alike.access_log(value, asked)


def _log_config(value: Value, asked: Asked) -> Outcome:
    path = str(value).removeprefix("json:").removeprefix("toml:")
    return Became(
        {"log_config": path},
        alike.loggers("hypercorn.error", "hypercorn.access"),
    )


def _verify(value: Value, asked: Asked) -> Outcome:
    number = _VERIFY.get(str(getattr(value, "name", value)))
    if number is None:
        number = _VERIFY.get(str(value).rpartition(".")[2])
    return Became({"ssl_cert_reqs": value if number is None else number})


def _worker_class(value: Value, asked: Asked) -> Outcome:
    if value in ("asyncio", "uvloop"):
        return Became({"loop": value})
    return Missing("tricorn runs apps on asyncio.")


def _owner(value: Value, asked: Asked) -> Outcome:
    if "user" in asked and "group" in asked:
        return Became({"uds_owner": f"{asked['user']}:{asked['group']}"})
    return Anyway("Hypercorn gives a socket away only if both user and group are given.")


def _umask(value: Value, asked: Asked) -> Outcome:
    """Hypercorn's command line reads the number as decimal."""
    if not str(value).isdecimal():
        raise Untranslatable(f"--umask: {value!r} is not a whole number")
    mode = 0o777 & ~int(value)
    note = (
        f"Hypercorn reads {value} as decimal." if isinstance(value, str) and len(value) > 1 else ""
    )
    return Became({"uds_mode": mode}, note)


def _debug(value: Value, asked: Asked) -> Outcome:
    if not value:
        return Anyway("Off by default.")
    return Missing("Set PYTHONASYNCIODEBUG=1 in the environment, or `--log-level debug`.")


def _alpn(value: Value, asked: Asked) -> Outcome:
    if "h2" in value:
        return Anyway("Both versions are offered by default.")
    return Became({"http2": "off"})


def _max_requests(value: Value, asked: Asked) -> Outcome:
    return Became({"limit_max_requests": value}) if value else Anyway("No limit is the default.")


def _interval(value: Value, asked: Asked) -> Outcome:
    return Became({"ws_ping_interval": "none" if value is None else value})


def _application(text: str, asked: Asked) -> Application:
    options: dict[str, object] = {}
    mode, colon, rest = text.partition(":")
    if colon and text.count(":") == 2:
        options["interface"] = "wsgi" if mode == "wsgi" else "asgi3"
        text = rest
    target, _, attribute = text.partition(":")
    folder, _, name = target.rpartition("/")
    if folder:
        options["app_dir"] = folder
    attribute = attribute or "app"
    if attribute.endswith("()"):
        options["factory"] = True
        attribute = attribute.removesuffix("()")
    return Application(f"{name.removesuffix('.py')}:{attribute}", options)


def _from_files(given: Sequence[Setting], environment: Mapping[str, str]) -> FromFiles:
    location = next((str(one.value) for one in given if one.row.name == "config"), None)
    if location is None:
        return FromFiles()
    remarks = []
    if location.startswith(("python:", "file:")):
        kind, _, place = location.partition(":")
        found = _public(import_object(place)) if kind == "python" else run_file(place)
        remarks.append(f"{place} was run, as Hypercorn does, to see what it says.")
    else:
        place, found = location, _toml(location)
    return FromFiles(settings_in(found, place), remarks)


def _public(holder: object) -> dict[str, Any]:
    return {name: getattr(holder, name) for name in dir(holder) if not name.startswith("__")}


def settings_in(found: Mapping[str, Any], place: str) -> list[Setting]:
    """The settings among the names of a file. Others are the file's own, which Hypercorn ignores
    in Python files, and takes over without effect in TOML."""
    aliases = {alias: row for row in ROWS for alias in (row.name, *_ALIASES.get(row.name, ()))}
    return [
        Setting(aliases[name], value, f"{name} = {value!r}", place)
        for name, value in found.items()
        if name in aliases and value is not None and not isinstance(value, ModuleType)
    ]


def _toml(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise Untranslatable(f"{path!r} can't be read: {error.strerror}") from None
    except ValueError as error:
        reason = str(error).splitlines()[0]
        hint = f"; Hypercorn wants a Python file as file:{path}" if path.endswith(".py") else ""
        raise Untranslatable(f"{path!r} isn't valid TOML: {reason}{hint}") from None


# fmt: off
ROWS: tuple[Row, ...] = (
    by(_access_log, "accesslog", "--access-log", "--access-logfile", to=("access_log",),
       note=alike.ONLY_STDOUT),
    missing("access_log_format", "--access-logformat",
            note=alike.FORMATS),
    becomes("backlog", "--backlog"),
    by(_bind, "bind", "-b", "--bind", to=("bind",), many=True),
    becomes("ca_certs", "--ca-certs", to="ssl_ca_certs"),
    becomes("certfile", "--certfile", to="ssl_certfile"),
    by(_verify, "cert_reqs", "--cert-reqs", to=("ssl_cert_reqs",)),
    becomes("ciphers", "--ciphers", to="ssl_ciphers"),
    anyway("config", "-c", "--config", note="What it says is translated too."),
    anyway("daemon", "-D", "--daemon", takes=Takes.NOTHING,
           note="Workers never outlive their parent."),
    by(_debug, "debug", "--debug", takes=Takes.NOTHING, to=(), fate="none",
       note="Set PYTHONASYNCIODEBUG=1 in the environment, or `--log-level debug`."),
    by(alike.error_log, "errorlog", "--error-log", "--error-logfile", "--log-file", to=(),
       fate="none", note=alike.NO_FILE),
    becomes("graceful_timeout", "--graceful-timeout", to="timeout_graceful_shutdown"),
    missing("read_timeout", "--read-timeout",
            note="Each phase of a request has its own time: see `--timeout-idle`,"
                 " `--timeout-head` and `--timeout-body`."),
    by(_max_requests, "max_requests", "--max-requests", to=("limit_max_requests",)),
    becomes("max_requests_jitter", "--max-requests-jitter", to="limit_max_requests_jitter"),
    by(_owner, "group", "-g", "--group", to=("uds_owner",)),
    by(_worker_class, "worker_class", "-k", "--worker-class", to=("loop",),
       note="`asyncio` and `uvloop`. There is no trio."),
    becomes("keep_alive_timeout", "--keep-alive", to="timeout_keep_alive"),
    becomes("keyfile", "--keyfile", to="ssl_keyfile"),
    becomes("keyfile_password", "--keyfile-password", to="ssl_keyfile_password"),
    by(_insecure_bind, "insecure_bind", "--insecure-bind", to=(), many=True,
       fate="none", note="TLS counts for all addresses. `--https-redirect PORT` answers plain HTTP"
            " with redirects."),
    by(_log_config, "logconfig", "--log-config", to=("log_config",),
       note="Its loggers are called `tricorn.error` and `tricorn.access`."),
    becomes("loglevel", "--log-level", to="log_level"),
    becomes("pid_path", "-p", "--pid", to="pid"),
    missing("quic_bind", "--quic-bind", note="There is no HTTP/3.", many=True),
    becomes("use_reloader", "--reload", to="reload", takes=Takes.NOTHING),
    alike.root_path("root_path", "--root-path"),
    missing("server_names", "--server-name", many=True,
            note="Have the app check the host, as Starlette's TrustedHostMiddleware does, or"
                 " the proxy."),
    missing("statsd_host", "--statsd-host", note="gunicorn with tricorn's worker has statsd."),
    missing("statsd_prefix", "--statsd-prefix",
            note="gunicorn with tricorn's worker has statsd."),
    by(_umask, "umask", "-m", "--umask", to=("uds_mode",),
       note="The permissions themselves, not what is taken away."),
    by(_owner, "user", "-u", "--user", to=("uds_owner",)),
    by(_verify, "verify_mode", "--verify-mode", to=("ssl_cert_reqs",)),
    by(_interval, "websocket_ping_interval", "--websocket-ping-interval",
       to=("ws_ping_interval",)),
    becomes("workers", "-w", "--workers"),
    alike.asks_for_help("-h", "--help"),
    # In files only.
    by(_alpn, "alpn_protocols", to=("http2",), note="Without `h2` it is `off`."),
    missing("alt_svc_headers", note="Add them with --header."),
    missing("dogstatsd_tags", note="gunicorn with tricorn's worker has statsd."),
    becomes("h11_max_incomplete_size", to="h11_max_incomplete_event_size"),
    anyway("h11_pass_raw_headers", note="Names go out in lower case."),
    anyway("h2_max_concurrent_streams", note=alike.FIXED),
    becomes("h2_max_header_list_size", to="limit_field_section",
            note=alike.COUNTS_FOR_HTTP1),
    anyway("h2_max_inbound_frame_size", note=alike.FIXED),
    becomes("include_date_header", to="date_header"),
    becomes("include_server_header", to="server_header"),
    missing("keep_alive_max_requests", note="A connection may bring as many as it likes."),
    missing("logconfig_dict", note=alike.LOG_CONFIG_DICT),
    missing("logger_class", note=alike.LOGGER_CLASS),
    becomes("max_app_queue_size", to="ws_max_queue",
            note="For WebSockets; content is counted in bytes."),
    becomes("shutdown_timeout", to="timeout_lifespan_shutdown"),
    becomes("startup_timeout", to="timeout_lifespan_startup"),
    anyway("ssl_handshake_timeout", note="A handshake has its bound."),
    missing("verify_flags", note="An `ssl_context_factory` in Python may set them."),
    becomes("websocket_max_message_size", to="ws_max_size"),
    becomes("wsgi_max_body_size", to="limit_body_size", note="Counts for ASGI apps too."),
)
# Names that Hypercorn's Config has beside those of its options.
_ALIASES = {"bind": ("_bind",)}

HYPERCORN = Source(
    name="hypercorn",
    title="Hypercorn",
    version="0.18",
    rows=ROWS,
    defaults=(
        Default(("accesslog",), "Hypercorn writes no access log by default.",
                {"access_log": False}),
        Default(("graceful_timeout",),
                "Requests that run at shutdown get 30 seconds, not 3."),
        Default(("websocket_ping_interval",),
                "Clients of WebSockets are pinged every 20 seconds; Hypercorn doesn't ping."
                " `--ws-ping-interval none` turns that off."),
        Default(("worker_class",), "The event loop is uvloop's; `--loop asyncio` is Hypercorn's."),
        Default(("h11_max_incomplete_size",),
                "A request's head may have 64 KiB, not 16."),
        Default(("startup_timeout",), "The app's startup has no limit; Hypercorn's is 60 seconds:"
                " see `--timeout-lifespan-startup`."),
        Default((), alike.cleartext("Hypercorn")),
        Default((), "Forwarding fields of trusted proxies are believed: those of this machine,"
                " unless `--forwarded-allow-ips` names others. With Hypercorn's"
                " ProxyFixMiddleware around your app, take it away."),
    ),
    application=_application,
    more=_from_files,
    abbreviates=True,
    ignores=("PORT", "WEB_CONCURRENCY"),
)
# fmt: on
