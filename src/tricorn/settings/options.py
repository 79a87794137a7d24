"""Every option, once.

The command line, the environment, the config file, `Config`, `run` and
docs/options.md are made from this table. Options that Uvicorn has keep its name,
type, default and meaning; `uvicorn` says where one departs, and docs/uvicorn.md
why. The order is the order of `--help`.
"""

from __future__ import annotations

from typing import Final

from tricorn.product import PRODUCTS, TRICORN
from tricorn.settings.option import Group, Kind, Option, Scope

DEFAULT_LOG_CONFIG: Final = "default"
"""Stands for tricorn's own logging configuration, which lives in `tricorn.watch`."""

TLS_SERVER: Final = 17
"""`ssl.PROTOCOL_TLS_SERVER`, without the cost of importing ssl."""

SOCKET_NUMBER: Final = 2**31 - 1

# fmt: off
APPLICATION = (
    Option("app", Group.APPLICATION, Kind.OBJECT, None,
           "What to serve: `module:attribute`, or `module` to try `app` and `application` in it.",
           flag="APP"),
    Option("app_dir", Group.APPLICATION, Kind.TEXT, "",
           "Directory to import APP from; it goes first on the import path. Empty: the working"
           " directory. `run()` leaves the import path alone unless this is given.",
           scope=Scope.PROGRAM),
    Option("factory", Group.APPLICATION, Kind.BOOLEAN, False,
           "APP is a function without arguments that returns the application."),
    Option("interface", Group.APPLICATION, Kind.CHOICE, "auto",
           "How APP is called. `auto` looks at it.",
           choices=("auto", "asgi3", "asgi2", "wsgi"),
           uvicorn="`wsgi` needs no package; see docs/uvicorn.md."),
    Option("wsgi_threads", Group.APPLICATION, Kind.NUMBER, 10,
           "Threads of a process that run a WSGI app: so many of its requests run at a time,"
           " and further ones wait.",
           least=1, ours=True),
    Option("root_path", Group.APPLICATION, Kind.TEXT, "",
           "Path under which a proxy mounts the application, such as `/api`."),
    Option("reset_contextvars", Group.APPLICATION, Kind.BOOLEAN, False,
           "Run each request in an empty context, without the variables set during lifespan"
           " startup."),
    Option("demo", Group.APPLICATION, Kind.BOOLEAN, False,
           "Serve the demo application that comes with tricorn.",
           scope=Scope.LINE, ours=True),
)

LISTENING = (
    Option("host", Group.LISTENING, Kind.TEXT, "127.0.0.1",
           "Address or host name to listen on. 0.0.0.0 is every IPv4 address, :: every address.",
           nullable=True,
           uvicorn="`::` always takes IPv4 connections too."),
    Option("port", Group.LISTENING, Kind.NUMBER, 8000,
           "TCP port to listen on. 0 picks a free one.",
           least=0, most=65535,
           uvicorn="The environment variable PORT alone means 0.0.0.0:$PORT."),
    Option("bind", Group.LISTENING, Kind.LIST, None,
           "Address to listen on: `host:port`, `[v6]:port`, `unix:/path` or `fd://N`. Repeat it"
           " for several. It replaces --host, --port, --uds and --fd.",
           nullable=True, ours=True),
    Option("uds", Group.LISTENING, Kind.TEXT, None,
           "Path of a Unix domain socket to listen on, instead of host and port.",
           nullable=True,
           uvicorn="The file is removed on every kind of exit; a live socket is never replaced."),
    Option("uds_mode", Group.LISTENING, Kind.MODE, 0o666,
           "Permissions of the Unix domain socket, in octal.",
           least=0, most=0o777, ours=True),
    Option("uds_owner", Group.LISTENING, Kind.TEXT, None,
           "Owner of the Unix domain socket: `user`, `user:group` or `:group`.",
           nullable=True, ours=True),
    Option("fd", Group.LISTENING, Kind.NUMBER, None,
           "Number of an inherited listening socket, instead of host and port.",
           least=0, most=SOCKET_NUMBER, nullable=True),
    Option("backlog", Group.LISTENING, Kind.NUMBER, 2048,
           "Connections that the system queues until they are accepted.",
           least=0, most=SOCKET_NUMBER),
    Option("reuse_port", Group.LISTENING, Kind.BOOLEAN, False,
           "Let several processes listen on the same port (SO_REUSEPORT). With workers each has a"
           " socket of its own, on Linux, and the system spreads connections evenly.",
           ours=True),
)

HTTP = (
    Option("http", Group.HTTP, Kind.NAME, "auto",
           "Kept so that existing commands run. tricorn has one HTTP/1.1 engine, whatever the"
           " name.",
           choices=("auto", "h11", "httptools", "zttp"),
           uvicorn="Accepted and without effect; so are import strings and protocol classes."),
    Option("headers", Group.HTTP, Kind.FIELDS, None,
           "Field to add to each response, as `Name:Value`. Repeat it for several.",
           flag="--header", nullable=True,
           uvicorn="Names and values are checked when the server starts."),
    Option("server_header", Group.HTTP, Kind.BOOLEAN, True,
           "Send the field `server`, with the product's name.",
           negative=True,
           uvicorn="The product is `tricorn`; see --product."),
    Option("date_header", Group.HTTP, Kind.BOOLEAN, True,
           "Send the date.",
           negative=True),
    Option("h11_max_incomplete_event_size", Group.HTTP, Kind.NUMBER, None,
           "Bound of a request's head. Where --limit-request-line or --limit-field-section is"
           " not given, this takes its place.",
           least=1, nullable=True, unit="bytes",
           uvicorn="Works whatever --http is. Prefer the two limits."),
)

LIMITS = (
    Option("limit_concurrency", Group.LIMITS, Kind.NUMBER, None,
           "Connections or requests at a time; above it the answer is 503.",
           least=1, nullable=True,
           uvicorn="The connection that asks isn't counted, so 1 serves one client."),
    Option("limit_connections", Group.LIMITS, Kind.NUMBER, None,
           "Open connections; above it new ones wait unaccepted. Not given: worked out from the"
           " number of files the process may open.",
           least=1, nullable=True, ours=True),
    Option("limit_max_requests", Group.LIMITS, Kind.NUMBER, None,
           "Requests to serve before the process ends by itself.",
           least=1, nullable=True),
    Option("limit_max_requests_jitter", Group.LIMITS, Kind.NUMBER, 0,
           "Up to so many requests are added at random to --limit-max-requests, so that"
           " processes don't end together.",
           least=0),
    Option("limit_request_line", Group.LIMITS, Kind.NUMBER, 8192,
           "Longest request line. Longer ones are answered with 414.",
           least=1, unit="bytes", ours=True),
    Option("limit_field_section", Group.LIMITS, Kind.NUMBER, 65536,
           "Longest field section of a request: all header lines together. Longer ones are"
           " answered with 431.",
           least=1, unit="bytes", ours=True),
    Option("limit_fields", Group.LIMITS, Kind.NUMBER, 100,
           "Most header lines of a request. More are answered with 431.",
           least=1, ours=True),
    Option("limit_body_size", Group.LIMITS, Kind.NUMBER, None,
           "Largest request content. Larger ones are answered with 413. Not given: no limit.",
           least=0, nullable=True, unit="bytes", ours=True),
    Option("limit_body_rate", Group.LIMITS, Kind.NUMBER, 240,
           "Slowest request content, on average, once --timeout-body has passed. Slower ones"
           " are answered with 408. 0: any rate will do.",
           least=0, unit="bytes per second", ours=True),
)

TIMEOUTS = (
    Option("timeout_keep_alive", Group.TIMEOUTS, Kind.SECONDS, 5,
           "Time a connection may rest between two requests. 0: it is closed after each response.",
           least=0,
           uvicorn="Fractions are accepted. 0 closes the connection after each response, as"
                   " there."),
    Option("timeout_idle", Group.TIMEOUTS, Kind.SECONDS, 30.0,
           "Time a new connection may say nothing. 0: off.",
           least=0, ours=True),
    Option("timeout_head", Group.TIMEOUTS, Kind.SECONDS, 30.0,
           "Time from the first byte of a request to the end of its head. 0: off.",
           least=0, ours=True),
    Option("timeout_body", Group.TIMEOUTS, Kind.SECONDS, 20.0,
           "Time spent waiting for content before --limit-body-rate counts. 0: off.",
           least=0, ours=True),
    Option("timeout_write", Group.TIMEOUTS, Kind.SECONDS, 60.0,
           "Time without progress while the client doesn't read the response. 0: off.",
           least=0, ours=True),
    Option("drain_delay", Group.TIMEOUTS, Kind.SECONDS, 0.0,
           "Time that the server goes on accepting after SIGTERM, while --health-path says"
           " `draining`, so that load balancers stop sending first. A second signal ends it.",
           least=0, ours=True),
    Option("timeout_graceful_shutdown", Group.TIMEOUTS, Kind.SECONDS, 30,
           "Time that running requests get at shutdown before they are cancelled. 0: none, they"
           " are cancelled at once. `none`: no limit.",
           least=0, nullable=True,
           uvicorn="The default there is no limit, so one endless response blocks the exit for"
                   " ever."),
)

LOGGING = (
    Option("log_level", Group.LOGGING, Kind.LEVEL, None,
           "Least serious messages to log. Not given: what the log configuration says, `info`.",
           choices=("critical", "error", "warning", "info", "debug", "trace"), nullable=True,
           uvicorn="Any case and numbers are accepted on the command line too."),
    Option("log_config", Group.LOGGING, Kind.FILE, DEFAULT_LOG_CONFIG,
           "Logging configuration file: .json, .yaml, .yml, .toml, or an ini file by any other"
           " name. `default` is tricorn's own. Python may give a dict, or None to leave logging"
           " alone.",
           nullable=True,
           uvicorn="TOML files are accepted too. The default is named rather than a dict."),
    Option("access_log", Group.LOGGING, Kind.BOOLEAN, True,
           "Log each request.",
           negative=True),
    Option("use_colors", Group.LOGGING, Kind.BOOLEAN, None,
           "Colour the log. Not given: only on a terminal.",
           negative=True, nullable=True),
    Option("product", Group.LOGGING, Kind.CHOICE, TRICORN,
           "Name under which the server appears: in the loggers, in the lines of the log and in"
           " the field `server`. `uvicorn` is for programs that expect Uvicorn there.",
           choices=PRODUCTS, ours=True),
)

PROXY = (
    Option("proxy_headers", Group.PROXY, Kind.BOOLEAN, True,
           "Believe a trusted proxy's Forwarded and X-Forwarded-* fields about client, scheme"
           " and host.",
           negative=True,
           uvicorn="Also X-Forwarded-Host, X-Forwarded-Port and RFC 7239 Forwarded."),
    Option("forwarded_allow_ips", Group.PROXY, Kind.PEERS, "127.0.0.1,::1",
           "Proxies to trust: addresses, networks such as 10.0.0.0/8, and `unix` for peers on a"
           " Unix socket, separated by commas. `*` trusts everyone.",
           env=("FORWARDED_ALLOW_IPS",), nullable=True,
           uvicorn="`unix` trusts Unix peers. A malformed address or network is an error."),
    Option("forwarded_hops", Group.PROXY, Kind.NUMBER, None,
           "Most entries of X-Forwarded-For to believe, from the right. Not given: all of"
           " trusted proxies, and one under `*`.",
           least=1, nullable=True, ours=True),
    Option("forwarded_fields", Group.PROXY, Kind.LIST, None,
           "Forwarding field to read, such as x-forwarded-for. Repeat it for several. Not given:"
           " all of them. Your proxy must set or delete each field that is read.",
           flag="--forwarded-field",
           choices=("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
                    "x-forwarded-port"),
           nullable=True, ours=True),
    Option("health_path", Group.PROXY, Kind.TEXT, None,
           "Path that the server answers itself, for load balancers: 200 `ready`, or 503"
           " `starting` before, and `draining` once it is to stop. It isn't logged, and no limit on"
           " requests counts it.",
           nullable=True, ours=True),
    Option("proxy_protocol", Group.PROXY, Kind.CHOICE, "off",
           "Version of the PROXY protocol that trusted proxies (--forwarded-allow-ips) begin each"
           " connection with; they must. `auto`, and --proxy-protocol alone: either version.",
           choices=("off", "auto", "v1", "v2"), bare="auto", ours=True),
)

LIFESPAN = (
    Option("lifespan", Group.LIFESPAN, Kind.CHOICE, "auto",
           "Whether APP gets the lifespan events. `auto` goes on without them if APP fails on"
           " them.",
           choices=("auto", "on", "off")),
    Option("timeout_lifespan_startup", Group.LIFESPAN, Kind.SECONDS, None,
           "Time for the application's startup. Not given or 0: no limit.",
           least=0, nullable=True, ours=True),
    Option("timeout_lifespan_shutdown", Group.LIFESPAN, Kind.SECONDS, 30.0,
           "Time for the application's shutdown. 0 or `none`: no limit.",
           least=0, nullable=True, ours=True,
           uvicorn="No such limit there: a hung shutdown never ends."),
)

PROCESS = (
    Option("loop", Group.PROCESS, Kind.NAME, "auto",
           "Event loop: a name, or `module:factory` for a function that returns one. `auto` is"
           " uvloop where it is installed; `none` leaves the choice to asyncio.",
           choices=("auto", "uvloop", "asyncio", "none", "zuvloop"),
           uvicorn="A bad name exits with 2 instead of 3."),
    Option("env_file", Group.PROCESS, Kind.FILE, None,
           "File of environment variables for the application, read with python-dotenv."
           " Variables that are set already stay. Of settings, only WEB_CONCURRENCY,"
           " FORWARDED_ALLOW_IPS and PORT are read from it.",
           nullable=True,
           uvicorn="PORT is read from it too."),
    Option("config", Group.PROCESS, Kind.FILE, None,
           "TOML file of options. Not given: [tool.tricorn] in ./pyproject.toml, if there is"
           " one.",
           scope=Scope.LINE, nullable=True, ours=True),
    Option("show_config", Group.PROCESS, Kind.BOOLEAN, False,
           "Print each option's value and where it came from, and exit.",
           scope=Scope.LINE, ours=True),
    Option("pid", Group.PROCESS, Kind.TEXT, None,
           "File to write the process number to, once the sockets are bound. It is removed at the"
           " end.",
           nullable=True, ours=True),
    Option("user", Group.PROCESS, Kind.TEXT, None,
           "User, by name or number, to become once the sockets are bound and before the"
           " application is imported. Needs root.",
           nullable=True, ours=True),
    Option("group", Group.PROCESS, Kind.TEXT, None,
           "Group to become a member of then. Not given: the groups of --user.",
           nullable=True, ours=True),
    Option("umask", Group.PROCESS, Kind.MODE, None,
           "Permissions that files which the application makes shall not have, in octal.",
           least=0, most=0o777, nullable=True, ours=True),
    Option("timeout_notify", Group.PROCESS, Kind.SECONDS, 30,
           "Time between two calls of `callback_notify`.",
           scope=Scope.CONFIG, least=0),
    Option("callback_notify", Group.PROCESS, Kind.OBJECT, None,
           "Coroutine function to call every `timeout_notify` seconds.",
           scope=Scope.CONFIG, nullable=True),
)

WORKERS = (
    Option("workers", Group.WORKERS, Kind.WORKERS, None,
           "Worker processes, kept running by a parent; `auto`: as many as there are CPUs to use."
           " 1, the default: no parent.",
           env=("WEB_CONCURRENCY",), least=0, nullable=True,
           uvicorn="`auto` is tricorn's own. If no worker can start, the exit code is 3, not 0."),
    Option("timeout_worker_healthcheck", Group.WORKERS, Kind.SECONDS, 5,
           "Time for which a worker's event loop may stand still before the worker is killed and"
           " replaced. 0: any.",
           least=0),
    Option("preload", Group.WORKERS, Kind.BOOLEAN, False,
           "Import the application once and fork the workers from there, so that they share its"
           " memory. A restart imports it anew.", ours=True),
    Option("control", Group.WORKERS, Kind.TEXT, None,
           "Path of a Unix socket for `tricorn ctl`, private to this user. With it there is a"
           " parent process even for one worker.",
           nullable=True, ours=True),
    Option("restart_parallel", Group.WORKERS, Kind.NUMBER, 1,
           "Workers that are replaced at a time when they are restarted (SIGHUP).",
           least=1, ours=True),
    Option("limit_worker_lifetime", Group.WORKERS, Kind.SECONDS, None,
           "Time after which a worker is replaced, up to a tenth earlier so that not all go at"
           " once. Not given: never.",
           least=1, nullable=True, ours=True),
    Option("limit_worker_memory", Group.WORKERS, Kind.NUMBER, None,
           "Memory of a worker (resident set) above which it is replaced. Not given: any.",
           least=1, nullable=True, unit="bytes", ours=True),
)

RELOAD = (
    Option("reload", Group.RELOAD, Kind.BOOLEAN, False,
           "Serve changed code at once: a new process takes over when a file has changed.",
           uvicorn="An app that can't be imported is shown in the browser too. Open WebSockets"
                   " and streams are closed and hold nothing up."),
    Option("reload_dirs", Group.RELOAD, Kind.LIST, None,
           "Directory to watch, instead of the working directory. Repeat it for several.",
           flag="--reload-dir", nullable=True),
    Option("reload_includes", Group.RELOAD, Kind.LIST, None,
           "Pattern of files to watch besides `*.py`, or a file or directory. Repeat it for"
           " several.",
           flag="--reload-include", nullable=True,
           uvicorn="Works without watchfiles too, and a file may be anywhere."),
    Option("reload_excludes", Group.RELOAD, Kind.LIST, None,
           "Pattern of files not to watch, or a directory. Repeat it for several. Hidden"
           " directories, virtual environments and node_modules never are.",
           flag="--reload-exclude", nullable=True,
           uvicorn="Works without watchfiles too. Hidden directories aren't watched."),
    Option("reload_delay", Group.RELOAD, Kind.SECONDS, 0.25,
           "Shortest time between two reloads, and between two looks at the files where"
           " watchfiles isn't installed.",
           least=0),
)

WEBSOCKETS = (
    Option("ws", Group.WEBSOCKETS, Kind.NAME, "auto",
           "Whether WebSockets are served. `none`: a handshake is an ordinary request.",
           choices=("auto", "none", "websockets", "websockets-sansio", "wsproto"),
           uvicorn="There is one engine. The names of Uvicorn's engines all choose it; so do import"
                   " strings and protocol classes."),
    Option("ws_max_size", Group.WEBSOCKETS, Kind.NUMBER, 16777216,
           "Largest message, also after inflating. Larger ones close with 1009.",
           least=1, unit="bytes"),
    Option("ws_max_queue", Group.WEBSOCKETS, Kind.NUMBER, 32,
           "Most messages that wait for the application; then reading pauses. 0: only their bytes"
           " are bounded.",
           least=0,
           uvicorn="It works. Uvicorn's usual engines ignore it."),
    Option("ws_ping_interval", Group.WEBSOCKETS, Kind.SECONDS, 20.0,
           "Time between two pings. 0 or `none`: no pings.",
           least=0, nullable=True),
    Option("ws_ping_timeout", Group.WEBSOCKETS, Kind.SECONDS, 20.0,
           "Time in which a ping has to bring an answer; else the close is 1011. `none`: for ever.",
           least=0, nullable=True,
           uvicorn="Any byte is an answer: a pong may have to wait behind a long message."),
    Option("ws_per_message_deflate", Group.WEBSOCKETS, Kind.BOOLEAN, True,
           "Compress messages for clients that offer it.",
           valued=True),
    Option("timeout_ws_handshake", Group.WEBSOCKETS, Kind.SECONDS, 30.0,
           "Time the application has to accept or deny a WebSocket; then the answer is 503."
           " 0: off.",
           least=0, ours=True),
    Option("limit_ws_fragments", Group.WEBSOCKETS, Kind.NUMBER, 65536,
           "Most frames of one message. More close with 1008.",
           least=1, ours=True),
    Option("limit_ws_controls", Group.WEBSOCKETS, Kind.NUMBER, 200,
           "Most pings and pongs that a client may send in a second. More close with 1008.",
           least=1, ours=True),
)

TLS = (
    Option("ssl_keyfile", Group.TLS, Kind.TEXT, None,
           "Private key file. It and the certificate are read again when they change.",
           nullable=True),
    Option("ssl_certfile", Group.TLS, Kind.TEXT, None,
           "Certificate file; it may hold the key too.",
           nullable=True),
    Option("ssl_certificates", Group.TLS, Kind.LIST, None,
           "Certificate for clients that ask for a server name, as `NAME=CERTFILE,KEYFILE`. Repeat"
           " it for several. NAME may be `*.example.com`.",
           flag="--ssl-certificate", nullable=True, ours=True),
    Option("ssl_keyfile_password", Group.TLS, Kind.TEXT, None,
           "Password of the private key.",
           nullable=True, secret=True),
    Option("ssl_version", Group.TLS, Kind.NUMBER, TLS_SERVER,
           "Protocol constant of Python's ssl module.",
           least=0),
    Option("ssl_cert_reqs", Group.TLS, Kind.NUMBER, 0,
           "Whether clients need a certificate: 0 no, 1 optional, 2 required.",
           least=0, most=2),
    Option("ssl_ca_certs", Group.TLS, Kind.TEXT, None,
           "File of the authorities that sign client certificates.",
           nullable=True),
    Option("ssl_ciphers", Group.TLS, Kind.TEXT, None,
           "Ciphers of TLS 1.2 in OpenSSL's notation. Not given: those of Mozilla's intermediate"
           " profile.",
           nullable=True,
           uvicorn="The default there is all that OpenSSL offers."),
    Option("ssl_context_factory", Group.TLS, Kind.OBJECT, None,
           "Function of the config and of a function that makes the default context; returns"
           " the SSLContext to use.",
           scope=Scope.PYTHON, nullable=True),
    Option("dev_https", Group.TLS, Kind.BOOLEAN, False,
           "Speak TLS with the certificate for localhost that `tricorn dev-cert` makes. It is"
           " made when it is missing.",
           ours=True),
    Option("https_redirect", Group.TLS, Kind.NUMBER, None,
           "Port on which plain HTTP is answered with a redirect to https. 0 picks a free one.",
           least=0, most=65535, nullable=True, ours=True),
    Option("https_port", Group.TLS, Kind.NUMBER, None,
           "Port that redirects lead to, where clients reach https at another one than is"
           " listened on, as behind a container's port mapping.",
           least=1, most=65535, nullable=True, ours=True),
    Option("hsts", Group.TLS, Kind.HSTS, None,
           "Send Strict-Transport-Security over https: browsers then come by https only, for so"
           " many seconds. The whole value may be given too, as `max-age=31536000;"
           " includeSubDomains`. Alone: two years.",
           bare="63072000", nullable=True, ours=True),
)

HTTP2 = (
    Option("http2", Group.HTTP2, Kind.CHOICE, "auto",
           "Who may speak HTTP/2. `tls`: who asks for it in the TLS handshake. `all`, and --http2"
           " alone: also who begins with it without TLS. `auto`: as `tls`, and trusted proxies"
           " (--forwarded-allow-ips) without TLS.",
           choices=("auto", "tls", "all", "off"), bare="all",
           uvicorn="On by default. It needs no engine to be chosen, and true or the flag alone"
                   " mean what they mean there."),
)
# fmt: on

OPTIONS: Final[tuple[Option, ...]] = (
    *APPLICATION,
    *LISTENING,
    *HTTP,
    *LIMITS,
    *TIMEOUTS,
    *LOGGING,
    *PROXY,
    *LIFESPAN,
    *PROCESS,
    *WORKERS,
    *RELOAD,
    *WEBSOCKETS,
    *TLS,
    *HTTP2,
)

BY_NAME: Final[dict[str, Option]] = {option.name: option for option in OPTIONS}

CONFIG_PARAMETERS: Final[tuple[str, ...]] = tuple(o.name for o in OPTIONS if o.in_config)
"""Names that `Config` takes, `app` among them."""

RUN_PARAMETERS: Final[tuple[str, ...]] = tuple(o.name for o in OPTIONS if o.in_run)
"""Names that `run` takes, `app` among them."""
