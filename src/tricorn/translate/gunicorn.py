"""gunicorn: its command line, GUNICORN_CMD_ARGS, and its configuration in Python."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tricorn.translate import alike
from tricorn.translate import gunicorn_turns as turns
from tricorn.translate.errors import Untranslatable
from tricorn.translate.files import import_object, run_file
from tricorn.translate.gunicorn_hooks import HOOKS
from tricorn.translate.reader import Reader, Setting
from tricorn.translate.row import (
    Asked,
    Default,
    Row,
    Takes,
    anyway,
    becomes,
    by,
    missing,
)
from tricorn.translate.source import Application, FromFiles, Source

VARIABLE = "GUNICORN_CMD_ARGS"
USUAL_FILE = "gunicorn.conf.py"
_SYSLOG = "A SysLogHandler belongs into a file for --log-config."
_STRICT = "tricorn's reader is strict, and has no such switch."
_DIRTY = "Long work belongs into a task queue of its own. " + alike.WITH_WORKER


def _application(text: str, asked: Asked) -> Application:
    module, _, attribute = text.partition(":")
    attribute = attribute or "application"
    if attribute.endswith(")"):
        name, _, arguments = attribute.partition("(")
        note = f"tricorn calls {name} without arguments: write a function that passes them."
        note = "" if arguments == ")" else note
        return Application(f"{module}:{name}", {"factory": True}, note)
    return Application(f"{module}:{attribute}")


def _from_files(given: Sequence[Setting], environment: Mapping[str, str]) -> FromFiles:
    """GUNICORN_CMD_ARGS, which counts more than the configuration file."""
    variable = environment.get(VARIABLE, "")
    try:
        words = shlex.split(variable)
    except ValueError as error:
        raise Untranslatable(f"{VARIABLE} can't be split into words: {error}") from None
    args, rest = Reader("gunicorn", ROWS, abbreviates=True).read(words, VARIABLE)
    if rest:
        raise Untranslatable(f"{VARIABLE}: {rest[0]!r} is no option")
    location = _location([*args, *given])
    if location is None:
        return FromFiles(args)
    found = _run(location)
    remark = f"{location} was run, as gunicorn does, to see what it says."
    return FromFiles([*settings_in(found, location), *args], [remark])


def _location(given: Sequence[Setting]) -> str | None:
    """The configuration file: the last that is named, or the usual one if it is there."""
    named = [str(one.value) for one in given if one.row.name == "config"]
    if named:
        return named[-1]
    usual = Path(*[str(one.value) for one in given if one.row.name == "chdir"][-1:], USUAL_FILE)
    return os.fspath(usual) if usual.is_file() else None


def _run(location: str) -> Mapping[str, Any]:
    if location.startswith("python:"):
        module: dict[str, Any] = vars(import_object(location.removeprefix("python:")))
        return module
    return run_file(location.removeprefix("file:"))


def settings_in(found: Mapping[str, Any], place: str) -> list[Setting]:
    """The settings among the names of a file, whose other names are its own business."""
    return [
        Setting(row, found[row.name], _shown(row.name, found[row.name]), place)
        for row in ROWS
        if found.get(row.name) is not None and row.name != "config"
    ]


def _shown(name: str, value: object) -> str:
    return f"def {name}" if callable(value) and name in HOOKS else f"{name} = {value!r}"


# fmt: off
ROWS: tuple[Row, ...] = (
    anyway("config", "-c", "--config", note="What it says is translated too."),
    anyway("wsgi_app", note="It is the application."),
    by(turns.bind, "bind", "-b", "--bind", to=("bind",), many=True,
       note="A host alone gets port 8000."),
    becomes("backlog", "--backlog"),
    becomes("workers", "-w", "--workers"),
    by(turns.worker_class, "worker_class", "-k", "--worker-class", to=("interface", "wsgi_threads"),
       note="Uvicorn's and `asgi`: nothing. `sync` and `gthread`: WSGI in so many threads."),
    by(turns.threads, "threads", "--threads", to=("wsgi_threads",)),
    by(turns.connections, "worker_connections", "--worker-connections", to=("limit_connections",)),
    by(turns.limit("limit_max_requests"), "max_requests", "--max-requests",
       to=("limit_max_requests",)),
    becomes("max_requests_jitter", "--max-requests-jitter", to="limit_max_requests_jitter"),
    by(turns.timeout, "timeout", "-t", "--timeout", to=("timeout_worker_healthcheck",),
       note="The event loop must turn so often. A request may take its time."),
    becomes("graceful_timeout", "--graceful-timeout", to="timeout_graceful_shutdown"),
    becomes("keepalive", "--keep-alive", to="timeout_keep_alive"),
    by(turns.limit("limit_request_line"), "limit_request_line", "--limit-request-line",
       to=("limit_request_line",)),
    by(turns.limit("limit_fields"), "limit_request_fields", "--limit-request-fields",
       to=("limit_fields",)),
    by(turns.field_size, "limit_request_field_size", "--limit-request-field_size",
       to=("limit_field_section",), note="All fields together: times the number of fields."),
    becomes("reload", "--reload", takes=Takes.NOTHING),
    anyway("reload_engine", "--reload-engine", note="watchfiles is taken where it is installed."),
    becomes("reload_extra_files", "--reload-extra-file", to="reload_includes", many=True),
    missing("spew", "--spew", takes=Takes.NOTHING, note="`python -m trace --trace` does that."),
    missing("check_config", "--check-config", takes=Takes.NOTHING,
            note="`tricorn … --show-config` checks the options; it doesn't import the app."),
    becomes("print_config", "--print-config", to="show_config", takes=Takes.NOTHING),
    becomes("preload_app", "--preload", to="preload", takes=Takes.NOTHING),
    anyway("sendfile", "--no-sendfile", takes=Takes.NOTHING, means=False,
           note="Only the app can ask for it."),
    becomes("reuse_port", "--reuse-port", takes=Takes.NOTHING),
    by(turns.chdir, "chdir", "--chdir", to=(), note="Start in that directory."),
    missing("daemon", "-D", "--daemon", takes=Takes.NOTHING,
            note="Let systemd keep it, or what else starts your programs:"
                 " docs/deployment/systemd.md."),
    by(turns.raw_env, "raw_env", "-e", "--env", to=(), many=True, note="Set in the environment."),
    becomes("pidfile", "-p", "--pid", to="pid"),
    anyway("worker_tmp_dir", "--worker-tmp-dir", note="There is no heartbeat file."),
    becomes("user", "-u", "--user"),
    becomes("group", "-g", "--group"),
    by(turns.umask, "umask", "-m", "--umask", to=("umask",)),
    anyway("initgroups", "--initgroups", takes=Takes.NOTHING,
           note="--user brings all groups of that user."),
    anyway("tmp_upload_dir", note="Nothing is stored on the way."),
    missing("secure_scheme_headers", note="The scheme is read from X-Forwarded-Proto and"
                                          " Forwarded."),
    by(turns.forwarded_peers, "forwarded_allow_ips", "--forwarded-allow-ips",
       to=("forwarded_allow_ips",)),
    by(alike.access_log, "accesslog", "--access-logfile", to=("access_log",),
       note=alike.ONLY_STDOUT),
    missing("disable_redirect_access_to_syslog", "--disable-redirect-access-to-syslog",
            takes=Takes.NOTHING, note=_SYSLOG),
    missing("access_log_format", "--access-logformat",
            note=f"{alike.FORMATS} gunicorn with tricorn's worker keeps its own."),
    by(alike.error_log, "errorlog", "--error-logfile", "--log-file", to=(), fate="none",
       note=alike.NO_FILE),
    becomes("loglevel", "--log-level", to="log_level"),
    missing("capture_output", "--capture-output", takes=Takes.NOTHING,
            note="What the app prints goes where tricorn's own output does."),
    missing("logger_class", "--logger-class", note=alike.LOGGER_CLASS),
    becomes("logconfig", "--log-config", to="log_config",
            note=alike.loggers("gunicorn.error", "gunicorn.access")),
    missing("logconfig_dict", note=alike.LOG_CONFIG_DICT),
    becomes("logconfig_json", "--log-config-json", to="log_config",
            note="Its loggers are called `tricorn.error` and `tricorn.access` here."),
    missing("syslog_addr", "--log-syslog-to", note=_SYSLOG),
    missing("syslog", "--log-syslog", takes=Takes.NOTHING, note=_SYSLOG),
    missing("syslog_prefix", "--log-syslog-prefix", note=_SYSLOG),
    missing("syslog_facility", "--log-syslog-facility", note=_SYSLOG),
    anyway("enable_stdio_inheritance", "-R", "--enable-stdio-inheritance", takes=Takes.NOTHING,
           note="Workers always write where their parent does."),
    missing("statsd_host", "--statsd-host", note=alike.WITH_WORKER),
    missing("dogstatsd_tags", "--dogstatsd-tags", note=alike.WITH_WORKER),
    missing("statsd_prefix", "--statsd-prefix", note=alike.WITH_WORKER),
    missing("enable_backlog_metric", "--enable-backlog-metric", takes=Takes.NOTHING,
            note=alike.WITH_WORKER),
    missing("proc_name", "-n", "--name", note=alike.PROCESS_NAME),
    missing("default_proc_name", note=alike.PROCESS_NAME),
    by(turns.python_path, "pythonpath", "--pythonpath", to=(), note="Set PYTHONPATH."),
    missing("paste", "--paste", "--paster",
            note="Write a module that calls `paste.deploy.loadapp`, and name that."),
    *(missing(name, note=f"{hint} {alike.WITH_WORKER}".strip()) for name, hint in HOOKS.items()),
    by(turns.proxy_protocol, "proxy_protocol", "--proxy-protocol", takes=Takes.OPTIONAL,
       means="auto", to=("proxy_protocol",)),
    by(turns.proxy_peers, "proxy_allow_ips", "--proxy-allow-from", to=("forwarded_allow_ips",),
       note="One list says whose PROXY headers and forwarding fields are believed."),
    by(turns.protocol, "protocol", "--protocol", to=(), fate="anyway", note="For `http`."),
    missing("uwsgi_allow_ips", "--uwsgi-allow-from", note="Have the proxy speak HTTP."),
    becomes("keyfile", "--keyfile", to="ssl_keyfile"),
    becomes("certfile", "--certfile", to="ssl_certfile"),
    by(turns.ssl_version, "ssl_version", "--ssl-version", to=(), fate="anyway",
       note="gunicorn ignores it too."),
    by(turns.cert_reqs, "cert_reqs", "--cert-reqs", to=("ssl_cert_reqs",)),
    becomes("ca_certs", "--ca-certs", to="ssl_ca_certs"),
    anyway("suppress_ragged_eofs", "--suppress-ragged-eofs", takes=Takes.NOTHING,
           note="A client that leaves without a word ends its connection."),
    anyway("do_handshake_on_connect", "--do-handshake-on-connect", takes=Takes.NOTHING,
           note="Handshakes hold nobody up."),
    becomes("ciphers", "--ciphers", to="ssl_ciphers"),
    by(turns.protocols, "http_protocols", "--http-protocols", to=("http2",)),
    by(turns.cleartext, "http2_cleartext", "--http2-cleartext", to=("http2",),
       note="`prior-knowledge` and `both` are `all`. There is no upgrade."),
    anyway("http2_max_concurrent_streams", "--http2-max-concurrent-streams", note=alike.FIXED),
    anyway("http2_initial_window_size", "--http2-initial-window-size", note=alike.FIXED),
    anyway("http2_max_frame_size", "--http2-max-frame-size", note=alike.FIXED),
    becomes("http2_max_header_list_size", "--http2-max-header-list-size",
            to="limit_field_section", note=alike.COUNTS_FOR_HTTP1),
    missing("raw_paste_global_conf", "--paste-global", many=True,
            note="Write a module that calls `paste.deploy.loadapp`, and name that."),
    missing("permit_obsolete_folding", "--permit-obsolete-folding", takes=Takes.NOTHING,
            note=_STRICT),
    missing("strip_header_spaces", "--strip-header-spaces", takes=Takes.NOTHING, note=_STRICT),
    anyway("permit_unconventional_http_method", "--permit-unconventional-http-method",
           takes=Takes.NOTHING, note="Every token is a method."),
    missing("permit_unconventional_http_version", "--permit-unconventional-http-version",
            takes=Takes.NOTHING, note=_STRICT),
    missing("casefold_http_method", "--casefold-http-method", takes=Takes.NOTHING, note=_STRICT),
    missing("forwarder_headers", "--forwarder-headers", note="--root-path is the script name."),
    missing("header_map", "--header-map",
            note="Fields with an underscore in their name don't reach WSGI apps."),
    by(turns.loop, "asgi_loop", "--asgi-loop", to=("loop",)),
    becomes("asgi_lifespan", "--asgi-lifespan", to="lifespan"),
    anyway("asgi_disconnect_grace_period", "--asgi-disconnect-grace-period",
           note="An app whose client has left may finish."),
    by(turns.message_size, "websocket_max_message_size", "--websocket-max-message-size",
       to=("ws_max_size",)),
    anyway("http_parser", "--http-parser", note="There is one reader."),
    alike.root_path("root_path", "--root-path"),
    missing("dirty_apps", "--dirty-app", many=True, note=_DIRTY),
    missing("dirty_workers", "--dirty-workers", note=_DIRTY),
    missing("dirty_timeout", "--dirty-timeout", note=_DIRTY),
    missing("dirty_threads", "--dirty-threads", note=_DIRTY),
    missing("dirty_graceful_timeout", "--dirty-graceful-timeout", note=_DIRTY),
    by(turns.control, "control_socket", "--control-socket", to=("control",),
       note="For `tricorn ctl`."),
    anyway("control_socket_mode", "--control-socket-mode", note="It is this user's alone."),
    anyway("control_socket_disable", "--no-control-socket", takes=Takes.NOTHING,
           note="There is none unless --control asks for it."),
    alike.asks_for_help("-h", "--help"),
    alike.asks_for_version("-v", "--version"),
)

GUNICORN = Source(
    name="gunicorn",
    title="gunicorn",
    version="27",
    rows=ROWS,
    defaults=(
        Default(("worker_class", "threads"),
                "gunicorn's workers serve WSGI, one request at a time each. Most apps may have"
                " more threads: raise `--wsgi-threads`.",
                {"interface": "wsgi", "wsgi_threads": 1}),
        Default(("accesslog",), "gunicorn writes no access log by default.",
                {"access_log": False}),
        Default(("timeout",),
                "A worker whose event loop stands still for 5 seconds is replaced, not 30:"
                " see `--timeout-worker-healthcheck`.", when=turns.is_asgi),
        Default(("timeout",),
                "A request may take longer than 30 seconds: wrap it, or let the proxy cut it.",
                when=lambda asked: not turns.is_asgi(asked)),
        Default(("keepalive",),
                "A connection that rests for 5 seconds is closed; with gunicorn after 2, and after"
                " each response of a sync worker."),
        Default(("limit_request_line",),
                "A request line may have 8192 bytes, not 4094.",
                when=lambda asked: not turns.is_asgi(asked)),
        Default(("http_protocols",),
                "HTTP/2 is on, over TLS. `--http2 off` turns it off."),
        Default((), "One worker has no parent process: SIGHUP and its like need `--workers 2`, or"
                " `--control`.", when=lambda asked: str(asked.get("workers", 1)) == "1"),
    ),
    application=_application,
    more=_from_files,
    abbreviates=True,
    drops=(VARIABLE,),
)
# fmt: on
