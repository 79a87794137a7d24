"""How each server is started. One worker, each with the settings its own documentation gives for
speed; only what a scenario asks for differs from one scenario to the next."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from benchmarks.scenarios import DEFLATED, GROUPS, Scenario

HOST = "127.0.0.1"


class Launch(NamedTuple):
    """What a command line is made from: the folder of the environment's programs, the scenario,
    a free port, and a folder with `cert.pem` and `key.pem`, in which files may be made."""

    programs: Path
    scenario: Scenario
    port: int
    scratch: Path = Path()

    def program(self, name: str) -> str:
        """The path of an installed program."""
        return str(self.programs / name)

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{HOST}:{self.port}"

    def tls(self, certificate: str, key: str) -> list[str]:
        """The two options by their names, with the files, where the scenario is over TLS."""
        if not self.scenario.tls:
            return []
        return [certificate, str(self.scratch / "cert.pem"), key, str(self.scratch / "key.pem")]


@dataclass(frozen=True)
class Server:
    """One row of the tables.

    `package` is the distribution that must be installed (empty: none). `unsupported` maps the key
    of a scenario to why it can't be run. `environment` is "main" or "interpreted".
    """

    key: str
    title: str
    package: str
    command: Callable[[Launch], list[str]]
    unsupported: Mapping[str, str] = field(default_factory=dict)
    environment: str = "main"

    @property
    def ours(self) -> bool:
        """Whether this is tricorn or a variant of it, which tricorn can't lose to."""
        return self.package == "tricorn"

    @property
    def is_peer(self) -> bool:
        """Whether tricorn competes with it: the floor and nginx are yardsticks."""
        return bool(self.package) and not self.ours


def _tricorn(*options: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        http2 = ["--http2", "all"] if launch.scenario.http2 else []
        return [launch.program("tricorn"), *_uvicorn_options(launch), *http2, *options]

    return command


def _uvicorn_options(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.scenario.app,
        *("--port", str(launch.port)),
        *("--interface", "wsgi" if launch.scenario.interface == "wsgi" else "asgi3"),
        *("--log-level", "info" if log else "warning"),
        "--access-log" if log else "--no-access-log",
        *launch.tls("--ssl-certfile", "--ssl-keyfile"),
    ]


def _uvicorn(launch: Launch) -> list[str]:
    engines = ["--loop", "uvloop", "--http", "httptools"]
    return [launch.program("uvicorn"), *_uvicorn_options(launch), *engines]


def _uvicorn_wsproto(launch: Launch) -> list[str]:
    return [*_uvicorn(launch), "--ws", "wsproto"]


def _granian(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.program("granian"),
        launch.scenario.app,
        *("--host", HOST, "--port", str(launch.port)),
        *("--interface", launch.scenario.interface),
        *("--workers", "1", "--runtime-threads", "1", "--runtime-mode", "st"),
        *("--loop", "uvloop", "--http", "2" if launch.scenario.http2 else "1"),
        *("--backlog", "2048"),
        *launch.tls("--ssl-certificate", "--ssl-keyfile"),
        "--ws" if launch.scenario.talk else "--no-ws",
        *("--log-level", "info" if log else "warning"),
        "--access-log" if log else "--no-access-log",
    ]


def _h2corn(launch: Launch) -> list[str]:
    return [
        launch.program("h2corn"),
        launch.scenario.app,
        *("--bind", launch.address, "--backlog", "2048"),
        *("--workers", "1", "--runtime-threads", "1", "--loop", "uvloop"),
        *launch.tls("--certfile", "--keyfile"),
        "--access-log" if launch.scenario.access_log else "--no-access-log",
    ]


def _peregrine(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.program("peregrine"),
        *("--host", HOST, "--port", str(launch.port)),
        *("--protocol", launch.scenario.interface),
        *("--log-level", "info" if log else "warning"),
        *(["--access-log"] if log else []),
        *("--max-connections", "8192"),
        *(["--ws-compress"] if launch.scenario.key in DEFLATED else []),
        *launch.tls("--tls-cert", "--tls-key"),
        launch.scenario.app,
    ]


def _fastpysgi(launch: Launch) -> list[str]:
    where = ["--host", HOST, "--port", str(launch.port)]
    return [launch.program("fastpysgi"), *where, launch.scenario.app]


def _hypercorn(launch: Launch) -> list[str]:
    log = launch.scenario.access_log
    return [
        launch.program("hypercorn"),
        *("--bind", launch.address, "--backlog", "2048"),
        *("--workers", "1", "--worker-class", "uvloop"),
        *launch.tls("--certfile", "--keyfile"),
        *("--log-level", "info" if log else "warning"),
        *(["--access-logfile", "-"] if log else []),
        # Without the prefix the interface is guessed from the app's signature.
        f"{launch.scenario.interface}:{launch.scenario.app}",
    ]


def _gunicorn(launch: Launch) -> list[str]:
    # The asgi worker takes no WSGI apps; gthread is gunicorn's worker with keep-alive for those.
    wsgi = launch.scenario.interface == "wsgi"
    worker = ["gthread", "--threads", "4"] if wsgi else ["asgi", "--asgi-loop", "uvloop"]
    return [
        launch.program("gunicorn"),
        *("--bind", launch.address, "--backlog", "2048", "--no-control-socket"),
        *("--workers", "1", "--worker-connections", "8192", "--worker-class", *worker),
        *("--log-level", "warning"),
        *(["--access-logfile", "-"] if launch.scenario.access_log else []),
        launch.scenario.app,
    ]


# What answers the key that wsload.c sends (RFC 6455 4.2.2).
WSLOAD_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def _floor(launch: Launch) -> list[str]:
    talk = launch.scenario.talk
    if talk:
        fanout = str(int(talk.mode == "fanout"))
        return [launch.program("wsfloor"), str(launch.port), WSLOAD_ACCEPT, fanout]
    content = launch.scenario.answer.decode("ascii")
    return [
        launch.program("floor"),
        str(launch.port),
        content,
        str(int(launch.scenario.closes)),
    ]


# The answer comes from memory, as an app's does, and TLS is as tricorn offers it: without TLS 1.3
# nginx before 1.23.4 would be spared its cost. Session tickets are at their default, on, as ours.
NGINX = """
{user}daemon off; worker_processes 1; pid {scratch}/nginx.pid; error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; sendfile on; default_type text/plain;
  client_body_temp_path {scratch}/nginx; proxy_temp_path {scratch}/nginx;
  fastcgi_temp_path {scratch}/nginx; uwsgi_temp_path {scratch}/nginx;
  scgi_temp_path {scratch}/nginx;
  server {{
    listen {address} backlog=2048{ssl}{http2};
    ssl_certificate {scratch}/cert.pem; ssl_certificate_key {scratch}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {ciphers}; ssl_prefer_server_ciphers on;
    http2_max_concurrent_streams 256;
    location / {{ {answer} }}
  }}
}}
"""

NGINX_WORD = 2048  # bytes of one word of its configuration, which may have 4096 of all
# As in tricorn's TLS contexts.
CIPHERS = ":".join(
    f"ECDHE-{kind}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for kind in ("ECDSA", "RSA")
)


def _nginx(launch: Launch) -> list[str]:
    folder = launch.scratch / "nginx"
    folder.mkdir(exist_ok=True)
    words = {
        "user": "user root; " if os.geteuid() == 0 else "",  # the folder is its owner's alone
        "scratch": launch.scratch,
        "address": launch.address,
        "ciphers": CIPHERS,
        "answer": _nginx_answer(launch.scenario.answer, folder),
        "ssl": " ssl" if launch.scenario.tls else "",
        "http2": " http2" if launch.scenario.http2 else "",
    }
    (folder / "nginx.conf").write_text(NGINX.format(**words))
    return [*("nginx", "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf"))]


def _nginx_answer(answer: bytes, folder: Path) -> str:
    """Directives that answer with these bytes: from memory, or what is too long for that a file."""
    if len(answer) > 16 * NGINX_WORD:
        (folder / "answer").write_bytes(answer)
        return f"root {folder}; try_files /answer =404;"
    text = answer.decode("ascii")
    pieces = [text[at : at + NGINX_WORD] for at in range(0, len(text), NGINX_WORD)]
    words = "".join(f"set $piece{index} '{piece}'; " for index, piece in enumerate(pieces))
    return words + f"return 200 {''.join(f'$piece{index}' for index in range(len(pieces)))};"


_NO_WEBSOCKET = dict.fromkeys(GROUPS["ws"], "it speaks no WebSocket")
_NO_DEFLATE = dict.fromkeys(DEFLATED, "it has no permessage-deflate")
_SECURE = (*GROUPS["http2"], *GROUPS["tls"])
_NO_HTTP2 = dict.fromkeys(GROUPS["http2"], "it speaks no HTTP/2")
_FIXED = "it sends one fixed answer"
_NO_CONTENT = "it reads no content"

SERVERS = (
    Server("tricorn", "tricorn", "tricorn", _tricorn()),
    Server("tricorn-asyncio", "tricorn (asyncio loop)", "tricorn", _tricorn("--loop", "asyncio")),
    Server(
        "tricorn-interpreted",
        "tricorn (interpreted)",
        "tricorn",
        _tricorn(),
        environment="interpreted",
    ),
    Server("uvicorn", "uvicorn[standard]", "uvicorn", _uvicorn, _NO_HTTP2),
    Server(
        "uvicorn-wsproto",
        "uvicorn (wsproto)",
        "wsproto",
        _uvicorn_wsproto,
        dict.fromkeys((*GROUPS["http"], *_SECURE), "it differs from uvicorn in WebSockets only"),
    ),
    Server("granian", "granian", "granian", _granian, _NO_DEFLATE),
    Server("h2corn", "h2corn", "h2corn", _h2corn, {"wsgi": "it serves ASGI only"}),
    Server("peregrine", "peregrine-server", "peregrine-server", _peregrine),
    Server(
        "fastpysgi",
        "fastpysgi",
        "fastpysgi",
        _fastpysgi,
        {
            "log": "it has no access log",
            **_NO_WEBSOCKET,
            **dict.fromkeys(_SECURE, "it has no TLS and no HTTP/2"),
        },
    ),
    Server("hypercorn", "hypercorn", "hypercorn", _hypercorn),
    Server(
        "gunicorn",
        "gunicorn (asgi worker)",
        "gunicorn",
        _gunicorn,
        {**_NO_DEFLATE, **dict.fromkeys(_SECURE, "it isn't run with TLS here")},
    ),
    Server(
        "floor",
        "floor (C epoll loop)",
        "",
        _floor,
        {
            "stream": _FIXED,
            "post": _NO_CONTENT,
            "upload": _NO_CONTENT,
            "log": "it has no log",
            "fastapi": "it runs no app",
            "wsgi": "it runs no app",
            **_NO_DEFLATE,
            **dict.fromkeys(_SECURE, "it has no TLS and no HTTP/2"),
        },
        environment="floor",
    ),
    Server(
        "nginx",
        "nginx (fixed answers)",
        "",
        _nginx,
        {
            **dict.fromkeys(GROUPS["ws"], "it runs no app"),
            **dict.fromkeys(
                ("stream", "post", "upload", "log", "fastapi", "wsgi", "1000", "browser"),
                "it is the yardstick for TLS only",
            ),
            **dict.fromkeys(("h2c-up", "h2-up"), _NO_CONTENT),
        },
        environment="nginx",
    ),
)
