"""Sends who comes over plain HTTP to the same place over https."""

from __future__ import annotations

from typing import Any, Final

_HTTPS: Final = 443


class HttpsRedirect:
    """An ASGI app that answers each request with a 308 to https.

    308 (RFC 9110 §15.4.9) rather than 301, so that a POST stays one. `port` is the one that
    clients reach https at. Host must be a valid one, as servers check it: it is what the
    redirect leads to.
    """

    def __init__(self, port: int = _HTTPS) -> None:
        self.suffix = b"" if port == _HTTPS else b":%d" % port

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise ValueError(f"there is nothing to redirect in a {scope['type']!r} scope")
        # Who comes here goes on to another port, so this connection has done its work.
        fields = [(b"connection", b"close")]
        host = _host(scope["headers"])
        if not host:
            # HTTP/1.0 needs no Host, and an empty one is allowed.
            body = b"this port redirects to https, and the request says no host\n"
            fields += [(b"content-type", b"text/plain; charset=utf-8")]
            status = 400
        else:
            body = b""
            fields += [(b"location", b"https://" + host + self.suffix + _path(scope))]
            status = 308
        fields += [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})


def _host(fields: list[tuple[bytes, bytes]]) -> bytes:
    """The request's host without its port."""
    for name, value in fields:
        if name == b"host":
            # The colons within brackets are an IPv6 address's.
            name_end = value.rfind(b"]") + 1
            colon = value.find(b":", name_end)
            return value if colon < 0 else value[:colon]
    return b""


def _path(scope: Any) -> bytes:
    path: bytes = scope["raw_path"]
    if not path.startswith(b"/"):
        path = b"/"  # OPTIONS *
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
