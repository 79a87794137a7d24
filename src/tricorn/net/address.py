"""Where to listen, as text and as a value. Opens nothing; see `tricorn.net.listen`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FORMS = "host:port, [v6]:port, :port, unix:/path or fd://N"


@dataclass(frozen=True, slots=True)
class Bind:
    """One place to listen on.

    `tcp` uses `host` (a name or an address; None is every interface) and `port` (0 lets the
    system choose), `unix` uses `path`, `fd` uses `fd`, a descriptor inherited from the parent.
    `str()` gives the text that `parse_bind` reads. What `redirects` answers plain HTTP with a
    redirect to https.
    """

    kind: Literal["tcp", "unix", "fd"]
    host: str | None = None
    port: int = 0
    path: str = ""
    fd: int = -1
    redirects: bool = False

    def __str__(self) -> str:
        if self.kind == "unix":
            return f"unix:{self.path}"
        if self.kind == "fd":
            return f"fd://{self.fd}"
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def parse_bind(text: str) -> Bind:
    """Read one `--bind` value.

    Raises `ValueError` with one line that says what is wrong and what to write.
    """
    if text.startswith("unix:"):
        return _parse_unix(text)
    if text.startswith("fd:"):
        return _parse_fd(text)
    if "://" in text:
        raise ValueError(f"'{text}' is a URL; write only {FORMS}")
    return _parse_tcp(text)


def _parse_unix(text: str) -> Bind:
    path = text.removeprefix("unix:")
    if path.startswith("//"):
        path = path[2:]
    if not path:
        raise ValueError(f"'{text}' has no path; write unix:/path/to/socket")
    if "\0" in path:
        raise ValueError("a socket path can't contain a NUL byte")
    return Bind("unix", path=path)


def _parse_fd(text: str) -> Bind:
    number = text.removeprefix("fd://")
    if not _is_decimal(number):
        raise ValueError(f"'{text}' names no descriptor; write fd://N with a number, as in fd://3")
    return Bind("fd", fd=int(number))


def _parse_tcp(text: str) -> Bind:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        raise ValueError(f"'{text}' has no port; write {FORMS}")
    if host.startswith("[") and host.endswith("]"):
        return Bind("tcp", host=_v6_host(host[1:-1], text), port=parse_port(port, text))
    if ":" in host:
        raise ValueError(
            f"'{text}' is ambiguous; write an IPv6 address in brackets, as in [::1]:80"
        )
    if any(c in host for c in "[]/@") or any(c.isspace() for c in host):
        raise ValueError(f"'{text}' isn't an address; write {FORMS}")
    return Bind("tcp", host=host or None, port=parse_port(port, text))


def _v6_host(host: str, text: str) -> str:
    if ":" not in host:
        raise ValueError(f"'{text}' has no IPv6 address in its brackets; write [::1]:8000")
    return host


def parse_port(port: str, text: str) -> int:
    """The number of a TCP port, 0 to 65535; `text` is what the error quotes."""
    if not _is_decimal(port) or int(port) > 65535:
        raise ValueError(f"'{text}' has a bad port '{port}'; a port is a number from 0 to 65535")
    return int(port)


def _is_decimal(text: str) -> bool:
    # int() would also take signs, underscores and the digits of other scripts.
    return text.isascii() and text.isdigit() and len(text) <= 9


def client_name(client: tuple[str, int] | None) -> str:
    """A client as log lines name it: `host:port`, and a word for one of a Unix socket."""
    if client is None:
        return "a Unix socket"
    host, port = client
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
