"""Writing HTTP/1.1 responses: framing, and what an app may not do to it.

RFC 9112 §6 decides the framing: a length where it is known, chunks where it isn't
and the client speaks HTTP/1.1, the end of the connection otherwise. The app's own
Transfer-Encoding is dropped and its Content-Length is held to.
"""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from tricorn.wire.errors import ResponseError
from tricorn.wire.fields import (
    FORBIDDEN_TRAILERS,
    HAS_DATE,
    HAS_SERVER,
    WANTS_CLOSE,
    Fields,
)
from tricorn.wire.scan import encode_chunk, encode_fields, encode_size, joined

# What an app gives for its fields: any iterable of pairs.
FieldLines = Iterable[Iterable[bytes]]

_STATUS_LINES: Final = {
    code: f"HTTP/1.1 {code} ".encode() + b"\r\n" for code in range(100, 600)
} | {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

_CLOSE: Final = b"connection: close\r\n\r\n"
_CLOSE_UPGRADE: Final = b"connection: close, upgrade\r\n\r\n"
_KEEP: Final = b"connection: keep-alive\r\n\r\n"
_NOTHING: Final = b""
_END: Final = b"\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"
_END_AND_LAST: Final = b"\r\n0\r\n\r\n"

# Content of so many bytes goes apart: copying it to its head costs more than naming it to
# the system.
APART: Final = 1024

# How a response's content is framed.
_UNSTARTED: Final = 0
_BY_LENGTH: Final = 1
_CHUNKED: Final = 2
_BY_CLOSE: Final = 3
_NO_CONTENT: Final = 4  # HEAD, 204, 304: what the app sends is dropped
_COMPLETE: Final = 5


class DefaultFields:
    """The fields that the server adds to each response, serialised once.

    `server` is the Server field's value or None, `extra` the fields the operator
    asked for, which replace a default of the same name. `set_date` refreshes Date;
    it is off when `with_date` is false.
    """

    def __init__(self, server: bytes | None, extra: Fields, with_date: bool = True) -> None:
        names = {name.lower() for name, _ in extra}
        self.extra = encode_fields(list(extra))[0]
        self.server = b""
        if server is not None and b"server" not in names:
            self.server = encode_fields([(b"server", server)])[0]
        self.with_date = with_date and b"date" not in names
        self.date = b""
        self.block = self.server + self.extra

    def set_date(self, value: bytes) -> None:
        """Take the current time as an IMF-fixdate (RFC 9110 §5.6.7)."""
        if self.with_date:
            self.date = b"date: " + value + b"\r\n"
            self.block = self.date + self.server + self.extra

    def without(self, flags: int) -> bytes:
        """Return the fields that the app did not set itself."""
        date = b"" if flags & HAS_DATE else self.date
        server = b"" if flags & HAS_SERVER else self.server
        return date + server + self.extra


class ResponseWriter:
    """Serialises the response to one request.

    `keep_alive` is what the request and the server want; after `head()` it is what
    was decided. `complete` becomes true with the last byte.

    `head()` and `body()` return bytes to write. Content of `APART` bytes or more isn't
    among them: it is left in `apart`, to be written behind them as it is. `owed` goes
    behind what was written before the connection hands it on; else the next call
    returns it with what it returns.
    """

    def __init__(self, defaults: DefaultFields) -> None:
        self.defaults = defaults
        self.start_request("GET", True, True)

    def start_request(self, method: str, is_1_1: bool, keep_alive: bool) -> None:
        """Get ready for the response to the next request."""
        self.is_head = method == "HEAD"
        self.is_1_1 = is_1_1
        self.keep_alive = keep_alive
        self.framing = _UNSTARTED
        self.left = 0
        self.apart = b""
        self.owed = _NOTHING

    @property
    def complete(self) -> bool:
        """Whether the whole response has been serialised."""
        return self.framing == _COMPLETE

    @property
    def started(self) -> bool:
        """Whether the head has been serialised."""
        return self.framing != _UNSTARTED

    @property
    def can_have_trailers(self) -> bool:
        """Whether the response in progress is chunked (RFC 9112 §7.1.2)."""
        return self.framing == _CHUNKED

    def head(self, status: int, fields: FieldLines, body: bytes, more: bool) -> bytes:
        """Serialise the head and the first piece of content, all of it unless `more`.

        Raises `ResponseError`, with nothing of the response sent, for what HTTP
        forbids in a head, and for a body that is longer than its Content-Length.
        """
        line = _STATUS_LINES.get(status)
        if line is None or status < 200:
            raise ResponseError(f"status must be a whole number from 200 to 599, not {status!r}")
        block, flags, length = encode_fields(fields)
        size = len(body)
        added = b""
        framing: int = _BY_LENGTH
        if self.is_head or status == 204 or status == 304:
            framing = _NO_CONTENT
            if status == 204 and length >= 0:
                # RFC 9110 §8.6: no Content-Length in a 204.
                block = _without_length(fields)
            body = b""
        elif length >= 0:
            if size > length:
                raise ResponseError(_too_long(length))
            if not more and size < length:
                self.keep_alive = False
        elif not more:
            length = size
            added = b"content-length: %d\r\n" % size
        elif self.is_1_1:
            framing = _CHUNKED
            added = b"transfer-encoding: chunked\r\n"
        else:
            framing = _BY_CLOSE
            self.keep_alive = False
        if flags & WANTS_CLOSE:
            self.keep_alive = False
        default = self.defaults.without(flags) if flags & _OVERRIDES else self.defaults.block
        if not self.keep_alive:
            end = _CLOSE
        else:
            end = _END if self.is_1_1 else _KEEP
        if added:
            end = added + end
        self.left = length - size if framing == _BY_LENGTH else 0
        self.framing = framing if more else _COMPLETE
        if framing == _CHUNKED and size:
            return joined(line, default, block, end, self._chunk(body, True))
        if size >= APART and framing != _NO_CONTENT:
            self.apart = body
            body = b""
        return joined(line, default, block, end, body)

    def body(self, data: bytes, more: bool) -> bytes:
        """Serialise the next piece of content, the last one unless `more`.

        Raises `ResponseError` when the app sends more than its Content-Length; the
        response is then cut and the connection has to close.
        """
        framing = self.framing
        if framing == _CHUNKED:
            if not more:
                self.framing = _COMPLETE
            if data:
                return self._chunk(data, more)
            return b"" if more else self._last_chunk()
        if framing == _BY_LENGTH:
            self.left -= len(data)
            if self.left < 0:
                self.keep_alive = False
                raise ResponseError(_too_long(self.left + len(data)))
            if not more and self.left:
                self.keep_alive = False
        elif framing == _NO_CONTENT:
            data = b""
        if not more:
            self.framing = _COMPLETE
        return data

    def _chunk(self, data: bytes, more: bool) -> bytes:
        """Serialise a chunk, the last one with content unless `more`."""
        size = len(data)
        is_first = self.owed is _NOTHING
        if size >= APART:
            self.apart = data
            self.owed = _END if more else _END_AND_LAST
            return encode_size(size, is_first)
        chunk = encode_chunk(data) if more else encode_chunk(data) + _LAST_CHUNK
        return chunk if is_first else self.settle() + chunk

    def _last_chunk(self) -> bytes:
        if self.owed is _NOTHING:
            return _LAST_CHUNK
        self.owed = _NOTHING
        return _END_AND_LAST

    def settle(self) -> bytes:
        """Return what is owed, which is then no longer."""
        owed = self.owed
        self.owed = _NOTHING
        return owed

    def trailers(self, fields: FieldLines) -> bytes:
        """Serialise the last chunk and a trailer section (RFC 9112 §7.1.2)."""
        fields = list(fields)
        block = encode_fields(fields)[0]
        for name, _ in fields:
            if bytes(name).lower() in FORBIDDEN_TRAILERS:
                raise ResponseError(f"{name!r} can't be a trailer: it belongs into the head")
        self.framing = _COMPLETE
        return self.settle() + b"0\r\n" + block + b"\r\n"

    def interim(self, status: int, fields: FieldLines) -> bytes:
        """Serialise a 1xx response (RFC 9110 §15.2), which has no content."""
        return _STATUS_LINES[status] + encode_fields(fields)[0] + b"\r\n"

    def file_frame(self, size: int) -> tuple[int, bytes, bytes]:
        """Account for `size` bytes of content that the system will copy.

        Returns how many to copy, and the bytes that go before and behind them.
        Raises `ResponseError` for more than the Content-Length.
        """
        framing = self.framing
        if framing == _NO_CONTENT or not size:
            return 0, b"", b""
        if framing == _CHUNKED:
            return size, self.settle() + encode_size(size, True), _END
        if framing == _BY_LENGTH:
            self.left -= size
            if self.left < 0:
                self.keep_alive = False
                raise ResponseError(_too_long(self.left + size))
        return size, b"", b""


_OVERRIDES: Final = HAS_DATE | HAS_SERVER


def refusal_response(
    status: int,
    reason: str,
    defaults: DefaultFields,
    fields: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """Serialise the whole answer to a request that was refused.

    It is plain text that names the reason, and it closes the connection. `fields`
    are those of the `Refusal`.
    """
    body = reason.encode("ascii", "replace") + b"\n"
    # RFC 9110 §7.8: whoever sends Upgrade names it in Connection.
    names_upgrade = any(name.lower() == b"upgrade" for name, _ in fields)
    return b"".join(
        (
            _STATUS_LINES[status],
            defaults.block,
            encode_fields(fields)[0],
            b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n" % len(body),
            _CLOSE_UPGRADE if names_upgrade else _CLOSE,
            body,
        )
    )


def switching_response(
    protocol: bytes, own: Fields, fields: FieldLines, defaults: DefaultFields
) -> bytes:
    """Serialise a 101 (RFC 9110 §15.2.2) that changes to `protocol`.

    `own` are the fields that the new protocol asks for, `fields` those of the app. Raises
    `ResponseError` for one of the app's that HTTP forbids or that the handshake is about.
    """
    pairs = [tuple(pair) for pair in fields]
    block, flags, length = encode_fields(pairs)
    if length >= 0:
        # RFC 9110 §8.6: no Content-Length in a 1xx.
        block = _without_length(pairs)
    for name in (bytes(pair[0]).lower() for pair in pairs):
        if name == b"upgrade" or name.startswith(b"sec-websocket-"):
            instead = ": use 'subprotocol'" if name == b"sec-websocket-protocol" else ""
            field = name.decode("ascii")
            raise ResponseError(f"the handshake sets the field {field!r} itself{instead}")
    default = defaults.without(flags) if flags & _OVERRIDES else defaults.block
    upgrade = b"upgrade: %b\r\nconnection: Upgrade\r\n" % protocol
    return b"".join((_STATUS_LINES[101], upgrade, encode_fields(own)[0], default, block, _END))


def _too_long(left: int) -> str:
    return f"the app sent more content than its Content-Length ({left} bytes were left)"


def _without_length(fields: FieldLines) -> bytes:
    kept = [(name, value) for name, value in fields if bytes(name).lower() != b"content-length"]
    return encode_fields(kept)[0]
