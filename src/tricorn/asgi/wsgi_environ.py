"""The environment of a WSGI app, out of an ASGI scope (PEP 3333, "environ Variables")."""

from __future__ import annotations

import sys
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from tricorn.asgi.wsgi_file import FileWrapper
from tricorn.wire.fields import COMMON_NAMES

Environ = dict[str, Any]

# Field names and their variables. Clients invent names, so no more than these are kept.
_VARIABLES_LIMIT: Final = 512
_DROPPED: Final = ""

# Variables that every request has. A copy of a dict with all keys costs less than filling one.
_ALWAYS: Final = (
    *("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "RAW_URI", "REQUEST_URI"),
    *("SERVER_PROTOCOL", "SERVER_NAME", "SERVER_PORT", "REMOTE_ADDR", "REMOTE_PORT"),
    *("wsgi.url_scheme", "wsgi.errors", "wsgi.input"),
)
_ROOM: Final = 22  # keys; one more than fits a dict of 32 places


def _variable(name: bytes) -> str:
    """The variable that holds a field; empty for a field that is dropped.

    `X_Real-Ip` and `X-Real-Ip` would be the same variable, so a client could pass off a
    field of its own as one that a proxy sets. Names with an underscore are dropped.
    """
    if b"_" in name:
        return _DROPPED
    variable = name.decode("latin-1").upper().replace("-", "_")
    return variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + variable


_VARIABLES: Final = {name: _variable(name) for name in COMMON_NAMES}


def shared_variables(threads: int) -> Environ:
    """The variables that are the same for all requests of an app with that many threads."""
    variables = {
        **dict.fromkeys(_ALWAYS, ""),
        "SERVER_SOFTWARE": "tricorn",
        "wsgi.version": (1, 0),
        "wsgi.multithread": threads > 1,
        # Other worker processes may run the same app; an adapter can't know.
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        # The input ends where the content does, so apps need no Content-Length to read it.
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
    }
    # Makes the dict, and with it each copy, large enough for a browser's fields.
    room = [f"room {number}" for number in range(_ROOM - len(variables))]
    variables |= dict.fromkeys(room, "")
    for name in room:
        del variables[name]
    return variables


def environ_of(scope: Any, shared: Environ) -> Environ:
    """The environment of one request, without `wsgi.input`. Text is latin-1 that holds bytes."""
    environ = shared.copy()
    root = scope.get("root_path", "")
    path = scope["path"]
    if root or not path.isascii():
        root, path = _split_path(scope, root, path)
    query = scope["query_string"].decode("latin-1")
    raw_path = scope.get("raw_path")
    target = path if raw_path is None else raw_path.decode("latin-1")
    environ["REQUEST_METHOD"] = scope["method"]
    environ["SCRIPT_NAME"] = root
    environ["PATH_INFO"] = path
    environ["QUERY_STRING"] = query
    # Not in PEP 3333; the path as it was sent, under gunicorn's and Apache's names.
    environ["RAW_URI"] = environ["REQUEST_URI"] = f"{target}?{query}" if query else target
    environ["SERVER_PROTOCOL"] = "HTTP/" + scope["http_version"]
    environ["wsgi.url_scheme"] = scope["scheme"]
    environ["wsgi.errors"] = sys.stderr
    _put_addresses(environ, scope)
    _put_fields(environ, scope["headers"])
    return environ


def _put_addresses(environ: Environ, scope: Any) -> None:
    server = scope.get("server")
    if server is None or server[1] is None:
        # A Unix socket. Both variables are required, and apps go by the Host field.
        environ["SERVER_NAME"] = "localhost"
        environ["SERVER_PORT"] = "443" if scope["scheme"] == "https" else "80"
    else:
        environ["SERVER_NAME"] = server[0]
        environ["SERVER_PORT"] = str(server[1])
    client = scope.get("client")
    if client is None:
        environ["REMOTE_ADDR"] = ""  # RFC 3875 §4.1.8 requires it, and many apps rely on it
    else:
        environ["REMOTE_ADDR"] = client[0]
        environ["REMOTE_PORT"] = str(client[1])


def _put_fields(environ: Environ, fields: Any) -> None:
    for name, value in fields:
        variable = _VARIABLES.get(name)
        if variable is None:
            variable = _variable(name)
            if len(_VARIABLES) < _VARIABLES_LIMIT:
                _VARIABLES[name] = variable
        if variable is _DROPPED:
            continue
        text = value.decode("latin-1")
        if variable in environ:
            # RFC 6265 §5.4 and RFC 9110 §5.3: how repeated fields become one.
            between = "; " if variable == "HTTP_COOKIE" else ","
            text = environ[variable] + between + text
        environ[variable] = text


def _split_path(scope: Any, root: str, path: str) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO: bytes as latin-1 text (PEP 3333, "Unicode Issues")."""
    content = path.encode("utf-8", "surrogateescape")
    raw_path = scope.get("raw_path")
    if "\ufffd" in path and raw_path is not None:
        # The path isn't UTF-8. The app shall see the bytes, unless something changed the path.
        exact = unquote_to_bytes(raw_path)
        if exact.decode("utf-8", "replace") == path:
            content = exact
    prefix = root.encode("utf-8", "surrogateescape").rstrip(b"/")
    # In ASGI the path includes the root path.
    if prefix and content.startswith(prefix) and content[len(prefix) :][:1] in (b"", b"/"):
        content = content[len(prefix) :]
    return prefix.decode("latin-1"), content.decode("latin-1")
