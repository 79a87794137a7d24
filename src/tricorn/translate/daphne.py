"""Daphne: Twisted's endpoints, and a few numbers."""

from __future__ import annotations

import re

from tricorn.translate import alike
from tricorn.translate.errors import Untranslatable
from tricorn.translate.row import (
    Asked,
    Became,
    Default,
    Outcome,
    Takes,
    Value,
    anyway,
    becomes,
    by,
    missing,
)
from tricorn.translate.source import Source

_LEVELS = {"0": "warning", "1": "info", "2": "debug", "3": "debug"}
# Twisted writes a colon inside a value as `\:`.
_COLON = re.compile(r"(?<!\\):")


def _host(value: Value, asked: Asked) -> Outcome:
    return Became({"bind": [_tcp(str(value), str(asked.get("port", "8000")))]})


def _port(value: Value, asked: Asked) -> Outcome:
    return Became({"bind": [_tcp(str(asked.get("host", "127.0.0.1")), str(value))]})


def _tcp(host: str, port: str) -> str:
    host = host.strip("[]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unix(value: Value, asked: Asked) -> Outcome:
    return Became({"bind": [f"unix:{value}"]})


def _descriptor(value: Value, asked: Asked) -> Outcome:
    return Became({"bind": [f"fd://{value}"]})


def _endpoints(value: Value, asked: Asked) -> Outcome:
    options: dict[str, object] = {"bind": [_endpoint(str(one)) for one in value]}
    for one in value:
        words = _words(str(one))
        if words.get("0") == "ssl":
            options["ssl_certfile"] = words.get("certKey") or words.get("privateKey", "server.pem")
            options["ssl_keyfile"] = words.get("privateKey", "server.pem")
    secure = "ssl_certfile" in options and (len(value) > 1 or "host" in asked or "port" in asked)
    return Became(options, "TLS counts for all addresses." if secure else "")


def _endpoint(text: str) -> str:
    """`tcp:8000:interface=0.0.0.0` as `0.0.0.0:8000`."""
    words = _words(text)
    kind = words.get("0")
    if kind in ("tcp", "tcp4", "tcp6", "ssl"):
        port = words.get("port") or words.get("1") or ""
        return _tcp(words.get("interface", "0.0.0.0"), port)
    if kind == "unix":
        return "unix:" + (words.get("address") or words.get("1") or "")
    if kind == "fd":
        return f"fd://{words.get('fileno') or words.get('1')}"
    if kind == "systemd":
        raise Untranslatable(
            f"--endpoint {text}: leave it out; tricorn takes systemd's sockets by itself"
        )
    raise Untranslatable(f"--endpoint {text}: tricorn listens on tcp, ssl, unix and fd only")


def _words(text: str) -> dict[str, str]:
    """An endpoint's parts, by keyword or place."""
    found: dict[str, str] = {}
    for place, part in enumerate(_COLON.split(text)):
        key, equals, value = part.replace(r"\:", ":").partition("=")
        found[key if equals else str(place)] = value if equals else key
    return found


def _verbosity(value: Value, asked: Asked) -> Outcome:
    level = _LEVELS.get(str(value))
    if level is None:
        raise Untranslatable(f"--verbosity: {value!r} is not a number from 0 to 3")
    options: dict[str, object] = {"log_level": level}
    if str(value) == "0" and "access_log" not in asked:
        options["access_log"] = False
    return Became(options)


def _proxy_headers(value: Value, asked: Asked) -> Outcome:
    return Became(
        {"proxy_headers": True, "forwarded_allow_ips": "*"},
        "Daphne believes everybody. Name your proxy in place of `*`.",
    )


def _maximum(value: Value, asked: Asked) -> Outcome:
    if str(value) == "0":
        return Became({"ws_max_size": 2**31 - 1}, "There is always a limit.")
    return Became({"ws_max_size": value})


def _server_name(value: Value, asked: Asked) -> Outcome:
    if value in (False, ""):
        return Became({"server_header": False})
    return Became({"headers": [f"server:{value}"]})


# fmt: off
DAPHNE = Source(
    name="daphne",
    title="Daphne",
    version="4.2",
    rows=(
        by(_port, "port", "-p", "--port", to=("bind",)),
        by(_host, "host", "-b", "--bind", to=("bind",)),
        missing("websocket_timeout", "--websocket_timeout",
                note="A WebSocket that answers pings stays. Close it in the app."),
        becomes("websocket_connect_timeout", "--websocket_connect_timeout",
                to="timeout_ws_handshake"),
        by(_unix, "unix_socket", "-u", "--unix-socket", to=("bind",)),
        by(_descriptor, "file_descriptor", "--fd", to=("bind",)),
        by(_endpoints, "socket_strings", "-e", "--endpoint", many=True,
           to=("bind", "ssl_certfile", "ssl_keyfile")),
        by(_verbosity, "verbosity", "-v", "--verbosity", to=("log_level", "access_log"),
           note="0 is `warning` without access log, 1 `info`, 2 and 3 `debug`."),
        missing("http_timeout", "-t", "--http-timeout",
                note="An app may take its time: wrap it in `asyncio.timeout()`. How long clients"
                     " may take has bounds, see docs/limits.md."),
        by(alike.access_log, "access_log", "--access-log", to=("access_log",),
           note=alike.ONLY_STDOUT),
        missing("log_fmt", "--log-fmt", note="Formats belong into a file for --log-config."),
        becomes("ping_interval", "--ping-interval", to="ws_ping_interval"),
        becomes("ping_timeout", "--ping-timeout", to="ws_ping_timeout"),
        by(_maximum, "websocket_max_message_size", "--websocket-max-message-size",
           to=("ws_max_size",)),
        anyway("websocket_max_frame_size", "--websocket-max-frame-size",
               note="A message has a limit, and with it each frame."),
        missing("application_close_timeout", "--application-close-timeout",
                note="An app whose client has left may finish. Wrap what is long in a timeout."),
        alike.root_path("root_path", "--root-path"),
        by(_proxy_headers, "proxy_headers", "--proxy-headers", takes=Takes.NOTHING,
           to=("proxy_headers", "forwarded_allow_ips"),
           note="Daphne believes everybody; name your proxy in place of `*`."),
        missing("proxy_headers_host", "--proxy-headers-host",
                note="tricorn reads X-Forwarded-For or Forwarded: have the proxy set one."),
        missing("proxy_headers_port", "--proxy-headers-port",
                note="The client's port isn't known behind a proxy."),
        by(_server_name, "server_name", "-s", "--server-name", off=("--no-server-name",),
           to=("headers", "server_header")),
        alike.asks_for_help("-h", "--help"),
    ),
    defaults=(
        Default(("proxy_headers",),
                "Forwarding fields of a proxy on this machine are believed; Daphne's default"
                " believes none. `--no-proxy-headers` turns that off."),
        Default(("websocket_max_message_size",),
                "The largest WebSocket message is 16 MiB, not 1 MiB."),
        Default(("websocket_connect_timeout",),
                "The app has 30 seconds to accept a WebSocket, not 5."),
        Default(("websocket_timeout",),
                "WebSockets aren't closed after a day."),
    ),
    abbreviates=True,
    ignores=("PORT", "WEB_CONCURRENCY"),
)
# fmt: on
