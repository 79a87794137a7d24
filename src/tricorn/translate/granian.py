"""Granian: Rust's threads have no counterpart, and nearly all else has."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tricorn.translate import alike
from tricorn.translate.errors import Untranslatable
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
    Turn,
    Value,
    anyway,
    becomes,
    by,
    missing,
)
from tricorn.translate.source import Application, FromFiles, Source

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SECONDS = (86400, 3600, 60, 1)
_VARIABLE = "GRANIAN_"
_RSGI = (
    "RSGI is Granian's own interface, and its default. tricorn serves ASGI and WSGI: give the"
    " app's ASGI side, and `--interface asgi` to Granian to try it there first."
)
_LEVELS = {"warn": "warning", "notset": "trace"}
_STATIC = "Let the proxy serve files, or mount Starlette's StaticFiles."
_WATCHED = "Watching has no such step; see docs/reload.md."


def _seconds(text: str, flag: str) -> int:
    if text.isdecimal():
        return int(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise Untranslatable(f"{flag}: {text!r} is not a duration such as 90 or 1h30m")
    return sum(int(part or 0) * size for part, size in zip(match.groups(), _SECONDS, strict=True))


def _duration(flag: str, option: str, note: str = "") -> Turn:
    return lambda value, asked: Became({option: _seconds(str(value), flag)}, note)


def _scaled(flag: str, option: str, factor: float, note: str = "") -> Turn:
    def turn(value: Value, asked: Asked) -> Outcome:
        if not str(value).isdecimal():
            raise Untranslatable(f"{flag}: {value!r} is not a whole number")
        scaled = int(value) * factor
        return Became({option: int(scaled) if scaled == int(scaled) else scaled}, note)

    return turn


def _permissions(value: Value, asked: Asked) -> Outcome:
    """Octal where it begins with 0, as Granian reads it, and else decimal."""
    text = str(value)
    if not text.isdecimal():
        raise Untranslatable(f"--uds-permissions: {text!r} is not a number such as 0660")
    return Became({"uds_mode": int(text, 8 if text.startswith("0") else 10)})


def _interface(value: Value, asked: Asked) -> Outcome:
    if value == "asgi":
        return Became({"interface": "asgi3"})
    if value == "asginl":
        return Became({"interface": "asgi3", "lifespan": "off"})
    if value == "wsgi":
        return Became({"interface": "wsgi"})
    if value == "rsgi":
        return Missing(_RSGI)
    raise Untranslatable(f"--interface: {value!r} is not one of asgi, asginl, rsgi, wsgi")


def _http(value: Value, asked: Asked) -> Outcome:
    if value == "auto":
        return Became({"http2": "all"})
    if value == "1":
        return Became({"http2": "off"})
    if value == "2":
        return Became({"http2": "all"}, "HTTP/1.1 is served too.")
    raise Untranslatable(f"--http: {value!r} is not one of auto, 1, 2")


def _ws(value: Value, asked: Asked) -> Outcome:
    return Became({"ws": "auto" if _true(value) else "none"})


def _threads(value: Value, asked: Asked) -> Outcome:
    if asked.get("interface") == "wsgi":
        return Became({"wsgi_threads": value})
    return Anyway("An ASGI app runs in one thread, the event loop's.")


def _loop(value: Value, asked: Asked) -> Outcome:
    if value in ("auto", "asyncio", "uvloop"):
        return Became({"loop": value})
    return Missing(f"{value} isn't among --loop's names; `module:factory` takes any loop.")


def _buffer(value: Value, asked: Asked) -> Outcome:
    return Became({"limit_request_line": value, "limit_field_section": value})


def _keep_alive(value: Value, asked: Asked) -> Outcome:
    if _true(value):
        return Anyway("On by default.")
    return Became({"timeout_keep_alive": 0})


def _log(value: Value, asked: Asked) -> Outcome:
    if _true(value):
        return Anyway("On by default.")
    return Became({"log_level": "critical", "access_log": False})


def _log_level(value: Value, asked: Asked) -> Outcome:
    level = str(value).lower()
    return Became({"log_level": _LEVELS.get(level, level)})


def _protocol(value: Value, asked: Asked) -> Outcome:
    if str(value).lower() == "tls1.3":
        return Missing("TLS 1.2 is accepted too; an `ssl_context_factory` in Python can refuse it.")
    return Anyway("TLS 1.2 is the lowest.")


def _client_verify(value: Value, asked: Asked) -> Outcome:
    return Became({"ssl_cert_reqs": 2 if _true(value) else 0})


def _working_dir(value: Value, asked: Asked) -> Outcome:
    return Became({"app_dir": value})


def _env_files(value: Value, asked: Asked) -> Outcome:
    more = "It takes one file: put the others into it." if len(value) > 1 else ""
    return Became({"env_file": value[0]}, more)


def _true(value: Value) -> bool:
    return value is True or str(value).lower() in ("1", "true", "t", "yes", "y", "on")


def _switch(name: str, *flags: str, to: str = "", note: str = "") -> Row:
    """A flag with a `--no-` twin, or a variable that says true or false."""
    option = to or name

    def turn(value: Value, asked: Asked) -> Outcome:
        return Became({option: _true(value)}, note)

    return by(turn, name, *flags, to=(option,), note=note, **_twin(flags[0]))


def _twin(flag: str) -> dict[str, Any]:
    return {"takes": Takes.NOTHING, "off": ("--no-" + flag[2:],)}


def _application(text: str, asked: Asked) -> Application:
    # A colon before a slash belongs to a path.
    target, attribute = [*re.split(r":(?![\\/])", text, maxsplit=1), ""][:2]
    folder, _, name = target.rpartition("/")
    name = name.removesuffix(".py")
    options: dict[str, object] = {"app_dir": folder} if folder else {}
    note = _RSGI if asked.get("interface", "rsgi") == "rsgi" else ""
    return Application(f"{name}:{attribute or 'app'}", options, note)


def _from_variables(given: Sequence[Setting], environment: Mapping[str, str]) -> FromFiles:
    settings = []
    for row in ROWS:
        variable = _VARIABLE + row.name.upper()
        text = environment.get(variable)
        if text:
            value: Value = text.split() if row.many else text
            settings.append(Setting(row, value, f"{variable}={text}", "the environment"))
    return FromFiles(settings)


def _is_wsgi(asked: Asked) -> bool:
    return asked.get("interface") == "wsgi"


# fmt: off
ROWS = (
    becomes("host", "--host"),
    becomes("port", "--port"),
    becomes("uds", "--uds"),
    by(_permissions, "uds_permissions", "--uds-permissions", to=("uds_mode",)),
    by(_interface, "interface", "--interface", to=("interface", "lifespan"),
       note="`asginl` is `--lifespan off`. RSGI, Granian's default, isn't served."),
    by(_http, "http", "--http", to=("http2",), note="`auto` and `2` are `all`, `1` is `off`."),
    by(_ws, "websockets", "--ws", to=("ws",), **_twin("--ws")),
    becomes("workers", "--workers"),
    by(_threads, "blocking_threads", "--blocking-threads", to=("wsgi_threads",),
       note="For WSGI. An ASGI app runs in the event loop's thread."),
    anyway("blocking_threads_idle_timeout", "--blocking-threads-idle-timeout",
           note="Threads of WSGI stay; they are few."),
    anyway("runtime_threads", "--runtime-threads",
           note="tricorn has no threads beside the app's; more workers use more cores."),
    anyway("runtime_blocking_threads", "--runtime-blocking-threads",
           note="tricorn has no threads beside the app's."),
    anyway("runtime_mode", "--runtime-mode", note="tricorn has no threads beside the app's."),
    by(_loop, "loop", "--loop", to=("loop",), note="Not `rloop` and `winloop`."),
    anyway("task_impl", "--task-impl", note="Apps run in asyncio's tasks."),
    becomes("backlog", "--backlog"),
    becomes("backpressure", "--backpressure", to="limit_connections",
            note="A worker's connections; more wait in the backlog."),
    by(_buffer, "http1_buffer_size", "--http1-buffer-size",
       to=("limit_request_line", "limit_field_section")),
    by(_scaled("--http1-header-read-timeout", "timeout_head", 0.001),
       "http1_header_read_timeout", "--http1-header-read-timeout", to=("timeout_head",),
       note="In seconds."),
    by(_keep_alive, "http1_keep_alive", "--http1-keep-alive", to=("timeout_keep_alive",),
       note="Off is 0.", **_twin("--http1-keep-alive")),
    anyway("http1_pipeline_flush", "--http1-pipeline-flush",
           note="Responses of one turn of the loop leave together.",
           **_twin("--http1-pipeline-flush")),
    anyway("http2_adaptive_window", "--http2-adaptive-window", note=alike.FIXED,
           **_twin("--http2-adaptive-window")),
    anyway("http2_initial_connection_window_size", "--http2-initial-connection-window-size",
           note=alike.FIXED),
    anyway("http2_initial_stream_window_size", "--http2-initial-stream-window-size",
           note=alike.FIXED),
    anyway("http2_keep_alive_interval", "--http2-keep-alive-interval",
           note="A connection that rests ends by --timeout-keep-alive."),
    anyway("http2_keep_alive_timeout", "--http2-keep-alive-timeout",
           note="A connection that rests ends by --timeout-keep-alive."),
    anyway("http2_max_concurrent_streams", "--http2-max-concurrent-streams", note=alike.FIXED),
    anyway("http2_max_frame_size", "--http2-max-frame-size", note=alike.FIXED),
    becomes("http2_max_headers_size", "--http2-max-headers-size", to="limit_field_section",
            note=alike.COUNTS_FOR_HTTP1),
    anyway("http2_max_send_buffer_size", "--http2-max-send-buffer-size", note=alike.FIXED),
    by(_log, "log_enabled", "--log", to=("log_level", "access_log"),
       note="`--no-log` is `critical`, without access log.", **_twin("--log")),
    by(_log_level, "log_level", "--log-level", to=("log_level",)),
    becomes("log_config", "--log-config",
            note=alike.loggers("_granian", "granian.access")),
    _switch("log_access_enabled", "--access-log", to="access_log"),
    missing("log_access_fmt", "--access-log-fmt",
            note=alike.FORMATS),
    becomes("ssl_certificate", "--ssl-certificate", to="ssl_certfile"),
    becomes("ssl_keyfile", "--ssl-keyfile"),
    becomes("ssl_keyfile_password", "--ssl-keyfile-password"),
    by(_protocol, "ssl_protocol_min", "--ssl-protocol-min", to=(), fate="none",
       note="TLS 1.2 is the lowest. An `ssl_context_factory` in Python can demand 1.3."),
    becomes("ssl_ca", "--ssl-ca", to="ssl_ca_certs"),
    missing("ssl_crl", "--ssl-crl", many=True,
            note="Revocation lists can be loaded by an `ssl_context_factory` in Python."),
    by(_client_verify, "ssl_client_verify", "--ssl-client-verify", to=("ssl_cert_reqs",),
       note="On is 2.", **_twin("--ssl-client-verify")),
    alike.root_path("url_path_prefix", "--url-path-prefix"),
    anyway("respawn_failed_workers", "--respawn-failed-workers",
           note="Workers that end are always replaced.", **_twin("--respawn-failed-workers")),
    anyway("respawn_interval", "--respawn-interval",
           note="A worker is replaced when the new one is ready."),
    anyway("rss_sample_interval", "--rss-sample-interval", note="tricorn looks by itself."),
    anyway("rss_samples", "--rss-samples", note="One look is enough."),
    by(_duration("--workers-lifetime", "limit_worker_lifetime"), "workers_lifetime",
       "--workers-lifetime", to=("limit_worker_lifetime",)),
    by(_scaled("--workers-max-rss", "limit_worker_memory", 2**20), "workers_max_rss",
       "--workers-max-rss", to=("limit_worker_memory",), note="In bytes."),
    by(_duration("--workers-kill-timeout", "timeout_graceful_shutdown"), "workers_kill_timeout",
       "--workers-kill-timeout", to=("timeout_graceful_shutdown",)),
    _switch("factory", "--factory"),
    by(_working_dir, "working_dir", "--working-dir", to=("app_dir",)),
    by(_env_files, "env_files", "--env-files", to=("env_file",), many=True, note="One file."),
    missing("static_path_route", "--static-path-route", note=_STATIC, many=True),
    missing("static_path_mount", "--static-path-mount", note=_STATIC, many=True),
    missing("static_path_dir_to_file", "--static-path-dir-to-file", note=_STATIC),
    missing("static_path_expires", "--static-path-expires", note=_STATIC),
    missing("metrics_enabled", "--metrics", **_twin("--metrics"),
            note="Count in the app, as prometheus-client does. `tricorn ctl status` shows the"
                 " workers."),
    missing("metrics_scrape_interval", "--metrics-scrape-interval", note="There are no metrics."),
    missing("metrics_address", "--metrics-address", note="There are no metrics."),
    missing("metrics_port", "--metrics-port", note="There are no metrics."),
    _switch("reload", "--reload"),
    becomes("reload_paths", "--reload-paths", to="reload_dirs", many=True),
    becomes("reload_ignore_dirs", "--reload-ignore-dirs", to="reload_excludes", many=True),
    missing("reload_ignore_patterns", "--reload-ignore-patterns", many=True,
            note="--reload-exclude takes glob patterns, not regular expressions."),
    becomes("reload_ignore_paths", "--reload-ignore-paths", to="reload_excludes", many=True),
    by(_scaled("--reload-tick", "reload_delay", 0.001), "reload_tick", "--reload-tick",
       to=("reload_delay",), note="In seconds."),
    anyway("reload_ignore_worker_failure", "--reload-ignore-worker-failure",
           note="An app that can't be imported is waited for, and explained in the browser.",
           **_twin("--reload-ignore-worker-failure")),
    missing("process_name", "--process-name",
            note=alike.PROCESS_NAME),
    becomes("pid_file", "--pid-file", to="pid"),
    alike.asks_for_version("--version"),
)

GRANIAN = Source(
    name="granian",
    title="Granian",
    version="2.8",
    rows=ROWS,
    defaults=(
        Default(("log_access_enabled", "log_enabled"), "Granian writes no access log by default.",
                {"access_log": False}),
        Default(("blocking_threads",),
                "WSGI apps get 10 threads, where Granian counts by its backlog: see"
                " `--wsgi-threads`.", when=_is_wsgi),
        Default(("backpressure",),
                "A worker takes as many connections as it may open files, where Granian takes"
                " backlog / workers: see `--limit-connections`."),
        Default(("http",),
                alike.cleartext("Granian")),
        Default(("http1_keep_alive",),
                "A connection that rests for 5 seconds is closed: see `--timeout-keep-alive`."),
        Default(("workers_kill_timeout",),
                "Requests that run at shutdown get 30 seconds, not for ever."),
        Default(("ssl_protocol_min",), "TLS 1.2 is accepted; Granian's default is 1.3 alone.",
                when=lambda asked: "ssl_certificate" in asked),
        Default((), "Forwarding fields of trusted proxies are believed: those of this machine,"
                " unless `--forwarded-allow-ips` names others. Granian leaves that to the app."),
    ),
    application=_application,
    more=_from_variables,
    ignores=("PORT", "WEB_CONCURRENCY"),
    drops=(_VARIABLE,),
)
# fmt: on
