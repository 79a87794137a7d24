"""The page and what belongs to it, read once and answered from memory."""

from hashlib import sha256
from importlib.resources import files

from tricorn.demo.asgi import Receive, Scope, Send, field_value
from tricorn.demo.responses import respond, start

_CONTENT_TYPES = {
    "html": b"text/html; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}


class Page:
    """An ASGI application that answers with one file of the package's `static` folder.

    A browser may keep the file, but asks each time whether it is still current (RFC 9111
    5.2.2.4), so a new version shows at once and an old one costs no content.
    """

    def __init__(self, name: str) -> None:
        self._content = (files(__package__) / "static" / name).read_bytes()
        self._etag = b'"%s"' % sha256(self._content).hexdigest()[:32].encode()
        self._type = (b"content-type", _CONTENT_TYPES[name.rpartition(".")[2]])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        validators = [(b"etag", self._etag), (b"cache-control", b"no-cache")]
        if self._is_current(field_value(scope, b"if-none-match")):
            await start(send, 304, validators)
            await send({"type": "http.response.body"})
        else:
            await respond(scope, send, self._content, [self._type, *validators])

    def _is_current(self, if_none_match: bytes) -> bool:
        """Compare weakly, as RFC 9110 13.1.2 asks: a proxy may have added the `W/`."""
        tags = [tag.strip().removeprefix(b"W/") for tag in if_none_match.split(b",")]
        return self._etag in tags or tags == [b"*"]
