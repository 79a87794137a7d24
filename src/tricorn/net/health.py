"""What the health path answers, in the app's place, on every version of HTTP."""

from __future__ import annotations

from email.utils import formatdate
from typing import Final

from tricorn.net.service import Service
from tricorn.wire.fields import Fields
from tricorn.wire.h1_response import DefaultFields, ResponseWriter

_PLAIN: Final = (b"content-type", b"text/plain; charset=utf-8")
_NO_STORE: Final = (b"cache-control", b"no-store")
_ALLOW: Final = (b"allow", b"GET, HEAD")

Answer = tuple[int, Fields, bytes]


def health_answer(service: Service, method: str) -> Answer:
    """Return status, fields and content: 200 while the server serves, 503 once it is to stop."""
    if method not in ("GET", "HEAD"):
        return _answer(405, b"method not allowed\n", _ALLOW)
    if service.draining or service.leaving:
        return _answer(503, b"draining\n")
    return _answer(200, b"ready\n")


def starting_answer(is_head: bool) -> bytes:
    """The whole answer before there is a service: 503, and the connection ends."""
    defaults = DefaultFields(None, [])
    defaults.set_date(formatdate(usegmt=True).encode("ascii"))
    writer = ResponseWriter(defaults)
    writer.start_request("HEAD" if is_head else "GET", True, False)
    return writer.head(*_answer(503, b"starting\n"), False)


def _answer(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    length = (b"content-length", str(len(body)).encode())
    return status, [_PLAIN, _NO_STORE, *more, length], body
