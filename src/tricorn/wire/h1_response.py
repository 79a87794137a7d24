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
    HAS_CONTENT_LENGTH,
    HAS_DATE,
    HAS_SERVER,
    WANTS_CLOSE,
    Fields,
    check_handshake_fields,
)
from tricorn.wire.scan import encode_chunks, encode_fields, joined, list_fields

# What an app gives for its fields: any iterable of pairs.
FieldLines = Iterable[Iterable[bytes]]

_STATUS_LINES: Final = {
    code: f"HTTP/1.1 {code} ".encode() + b"\r\n" for code in range(100, 600)
} | {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

# The same in their places, those below 200 left out: `head()` asks for every response.
_FINAL_STATUS_LINES: Final = [_STATUS_LINES[code] if code >= 200 else b"" for code in range(600)]
_GET: Final = "GET"

_CLOSE: Final = b"connection: close\r\n\r\n"
_CLOSE_UPGRADE: Final = b"connection: close, upgrade\r\n\r\n"
_KEEP: Final = b"connection: keep-alive\r\n\r\n"
_NOTHING: Final = b""
_END: Final = b"\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"

# A chunk of so many bytes goes apart: copying it costs more than naming it to the system.
APART: Final = 16384
# Content of so many bytes isn't copied to its head into an object of their own: the transport
# puts both together, or names both to the system.
APART_FROM_HEAD: Final = 4096
# What a chunk that is held costs beside its bytes, about.
_BESIDE: Final = 64

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
        self.extra_pairs: Fields = []  # the same as HTTP/2 has them
        list_fields(list(extra), self.extra_pairs)
        self.server = b""
        if server is not None and b"server" not in names:
            self.server = encode_fields([(b"server", server)])[0]
        self.server_pair = (b"server", server or b"") if self.server else None
        self.with_date = with_date and b"date" not in names
        self.date = b""
        self.date_pair: tuple[bytes, bytes] | None = None
        self.block = self.server + self.extra

    def set_date(self, value: bytes) -> None:
        """Take the current time as an IMF-fixdate (RFC 9110 §5.6.7)."""
        if self.with_date:
            self.date = b"date: " + value + b"\r\n"
            self.date_pair = (b"date", value)
            self.block = self.date + self.server + self.extra

    def without(self, flags: int) -> bytes:
        """Return the fields that the app did not set itself."""
        date = b"" if flags & HAS_DATE else self.date
        server = b"" if flags & HAS_SERVER else self.server
        return date + server + self.extra

    def add_to(self, fields: Fields, flags: int) -> None:
        """Append the fields that the app did not set itself, as HTTP/2 has them."""
        if self.date_pair is not None and not flags & HAS_DATE:
            fields.append(self.date_pair)
        if self.server_pair is not None and not flags & HAS_SERVER:
            fields.append(self.server_pair)
        if self.extra_pairs:
            fields += self.extra_pairs


class ResponseWriter:
    """Serialises the response to one request.

    `keep_alive` is what the request and the server want; after `head()` it is what
    was decided. `complete` becomes true with the last byte.

    `head()` and `body()` return bytes to write. Content of `APART_FROM_HEAD` bytes or more may be
    left in `apart`, to be written behind them as it is. Chunks are held, so that those of one step
    of the app are serialised at once: `is_held` tells that there are some, of `held_size`
    bytes, and `settle()` gives them.
    """

    def __init__(self, defaults: DefaultFields) -> None:
        self.defaults = defaults
        self.held: list[bytes] = []
        self.held_size = 0
        self.start_request("GET", True, True)

    def start_request(self, method: str, is_1_1: bool, keep_alive: bool) -> None:
        """Get ready for the response to the next request."""
        self.is_head = method is not _GET and method == "HEAD"
        self.is_1_1 = is_1_1
        self.keep_alive = keep_alive
        self.framing = _UNSTARTED
        self.left = 0
        self.apart = b""
        self.is_held = False
        self.has_large = False  # a chunk that is held isn't worth a copy
        self.last = _NOTHING  # what ends the chunks that are held

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
        if type(status) is not int or not 200 <= status <= 599:
            raise ResponseError(f"status must be a whole number from 200 to 599, not {status!r}")
        code = status
        line = _FINAL_STATUS_LINES[code]
        block, flags, length = encode_fields(fields)
        size = len(body)
        if size == length and not more and flags == _LENGTH_ALONE and size < APART_FROM_HEAD:
            if self.keep_alive and self.is_1_1 and not self.is_head and code not in (204, 304):
                # Most responses. What follows does the same, for less.
                self.left = 0
                self.framing = _COMPLETE
                return joined(line, self.defaults.block, block, _END, body)
        added = b""
        framing: int = _BY_LENGTH
        if self.is_head or code == 204 or code == 304:
            framing = _NO_CONTENT
            if code == 204 and length >= 0:
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
        if flags & _WANTS_CLOSE:
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
        if framing == _CHUNKED:
            if size:
                self._hold(body)
            body = b""
        elif size >= APART_FROM_HEAD and framing != _NO_CONTENT:
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
            if data:
                self._hold(data)
            if not more:
                self.framing = _COMPLETE
                self.last = _LAST_CHUNK
                self.is_held = True
            return b""
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

    def _hold(self, data: bytes) -> None:
        size = len(data)
        self.held.append(data)
        self.held_size += size + _BESIDE
        self.is_held = True
        if size >= APART:
            self.has_large = True

    def settle(self, out: list[bytes]) -> None:
        """Serialise what is held behind what is in `out`."""
        # A head and the chunks behind it become one piece.
        before = out.pop() if out and len(out[-1]) < APART else b""
        held = self.held
        self.held = []
        self.held_size = 0
        if self.has_large:
            before, held = _large_apart(before, held, out)
            self.has_large = False
        out.append(encode_chunks(before, held, self.last))
        self.last = _NOTHING
        self.is_held = False

    def trailers(self, fields: FieldLines) -> None:
        """Hold the last chunk and a trailer section (RFC 9112 §7.1.2)."""
        fields = list(fields)
        block = encode_fields(fields)[0]
        for name, _ in fields:
            if bytes(name).lower() in FORBIDDEN_TRAILERS:
                raise ResponseError(f"{name!r} can't be a trailer: it belongs into the head")
        self.framing = _COMPLETE
        self.last = b"0\r\n" + block + b"\r\n"
        self.is_held = True

    def pieces(self, data: bytes) -> list[bytes]:
        """Return `data`, which `head()` or `body()` returned, and all that goes behind it."""
        out = [data] if data else []
        if self.apart:
            out.append(self.apart)
            self.apart = b""
        if self.is_held:
            self.settle(out)
        return out

    def interim(self, status: int, fields: FieldLines) -> bytes:
        """Serialise a 1xx response (RFC 9110 §15.2), which has no content."""
        return _STATUS_LINES[status] + encode_fields(fields)[0] + b"\r\n"

    def file_frame(self, size: int) -> tuple[int, bytes, bytes]:
        """Account for `size` bytes of content that the system will copy.

        Returns how many to copy, and the bytes that go before and behind them. Nothing may
        be held.
        Raises `ResponseError` for more than the Content-Length.
        """
        framing = self.framing
        if framing == _NO_CONTENT or not size:
            return 0, b"", b""
        if framing == _CHUNKED:
            return size, b"%x\r\n" % size, _END
        if framing == _BY_LENGTH:
            self.left -= size
            if self.left < 0:
                self.keep_alive = False
                raise ResponseError(_too_long(self.left + size))
        return size, b"", b""


_OVERRIDES: Final = HAS_DATE | HAS_SERVER
_WANTS_CLOSE: Final = WANTS_CLOSE
_LENGTH_ALONE: Final = HAS_CONTENT_LENGTH


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
    check_handshake_fields(pairs)
    default = defaults.without(flags) if flags & _OVERRIDES else defaults.block
    upgrade = b"upgrade: %b\r\nconnection: Upgrade\r\n" % protocol
    return b"".join((_STATUS_LINES[101], upgrade, encode_fields(own)[0], default, block, _END))


def _large_apart(before: bytes, chunks: list[bytes], out: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Put `before` and `chunks` into `out` up to the last large one, as it is.

    Returns what goes before the chunks behind that, and those.
    """
    small: list[bytes] = []
    for data in chunks:
        if len(data) < APART:
            small.append(data)
        else:
            out.append(encode_chunks(before, small, b"%x\r\n" % len(data)))
            out.append(data)
            before = _END
            small = []
    return before, small


def _too_long(left: int) -> str:
    return f"the app sent more content than its Content-Length ({left} bytes were left)"


def _without_length(fields: FieldLines) -> bytes:
    kept = [(name, value) for name, value in fields if bytes(name).lower() != b"content-length"]
    return encode_fields(kept)[0]
