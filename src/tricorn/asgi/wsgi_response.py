"""What a WSGI app answers, by the rules of PEP 3333. All of it runs in the app's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, Protocol

from tricorn.asgi.wsgi_file import FileWrapper, Region

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]
WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# A list up to this size, in bytes, is sent as one piece.
_JOINED: Final = 65536

# Names and statuses met so far. Apps may invent names, so no more than these are kept.
_KEPT: Final = 512
_NAMES: dict[str, bytes] = {}
_CODES: dict[str, int] = {}


class Way(Protocol):
    """The way to the client. Raises ConnectionAbortedError once the client has gone."""

    sends_files: bool

    def put_head(self, code: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Take the head, which leaves with the first piece of content."""

    def put(self, content: bytes) -> None:
        """Send a piece of content; wait while many are under way."""

    def put_last(self, content: bytes) -> None:
        """Send the last piece of content."""

    def put_file(self, region: Region) -> None:
        """Send a file as the rest of the content, and don't wait until it is sent."""


class Response:
    """One answer of an app."""

    def __init__(self, way: Way, is_head: bool) -> None:
        self.way = way
        self.is_head = is_head
        self.bodiless = False  # HEAD, 204, 304: whatever the app gives, no content is sent
        self.code = 0  # 0: start_response wasn't called
        self.fields: list[tuple[bytes, bytes]] = []
        self.length = -1  # the app's Content-Length; -1 without one
        self.sent = 0
        self.begun = False
        self.complete = False

    def run(self, app: WSGIApp, environ: dict[str, Any]) -> Callable[[], object] | None:
        """Call the app and send what it answers.

        Closes what the app returned, unless a file is under way: then it returns what
        has to be called when the file is sent.
        """
        chunks = app(environ, self.start)
        kind = type(chunks)
        if kind is list or kind is tuple:
            self._send_sequence(chunks)  # type: ignore[arg-type]
            return None
        close = getattr(chunks, "close", None)
        try:
            if type(chunks) is FileWrapper and self._send_file(chunks):
                left_open, close = close, None
                return left_open
            self._send_iterable(chunks)
        finally:
            if close is not None:
                close()
        return None

    # What the app calls

    def start(
        self, status: str, fields: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        """`start_response`. Raises TypeError or ValueError for arguments it can't use.

        A second call needs `exc_info`; it replaces the head if that wasn't sent, and
        raises the app's exception again if it was.
        """
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # a cycle through this frame
        elif self.code:
            raise RuntimeError("start_response was called twice without exc_info")
        code = _CODES.get(status)
        if code is None:
            code = _new_code(status)
        self.fields, self.length = _encode(fields)
        self.code = code
        self.bodiless = self.is_head or code in (204, 304)
        return self.write

    def write(self, content: bytes) -> None:
        """What `start_response` returns. The content goes before what the app returns."""
        _check(content)
        if content:
            self._send(content)

    # Sending

    def _send_sequence(self, chunks: list[bytes]) -> None:
        if len(chunks) == 1:
            content = chunks[0]
            _check(content)
        else:
            for chunk in chunks:
                _check(chunk)
            size = sum(map(len, chunks))
            if size > _JOINED:
                self._set_length(size)
                self._send_iterable(chunks)
                return
            content = b"".join(chunks)
        if not self.complete:
            self._finish(content)
        elif content:
            self._send(content)

    def _send_iterable(self, chunks: Iterable[bytes]) -> None:
        is_only = _counts(chunks) == 1
        for chunk in _iterate(chunks):
            _check(chunk)
            if not chunk:
                continue
            if is_only:
                self._set_length(len(chunk))
            self._send(chunk)
            if self.complete and self.bodiless:
                return
        if not self.complete:
            self._finish(b"")

    def _send(self, content: bytes) -> None:
        if self.complete:
            if self.bodiless:
                return
            raise self._wrong_length("more")
        if self.bodiless or self.sent + len(content) == self.length:
            # Nothing may follow, so the client needn't wait for what the app still does.
            self._finish(content)
            return
        self.sent += len(content)
        if self.sent > self.length >= 0:
            raise self._wrong_length("more")
        if not self.begun:
            self._begin()
        self.way.put(content)

    def _finish(self, content: bytes) -> None:
        if not self.bodiless:
            self.sent += len(content)
            if self.sent != self.length and self.length >= 0:
                raise self._wrong_length("more" if self.sent > self.length else "less")
        if not self.begun:
            self._begin()
        self.complete = True
        self.way.put_last(content)

    def _begin(self) -> None:
        if not self.code:
            raise RuntimeError("the app gave content, or returned, without calling start_response")
        self.begun = True
        self.way.put_head(self.code, self.fields)

    def _send_file(self, wrapper: FileWrapper) -> bool:
        if not self.way.sends_files or self.bodiless or self.complete or not self.code:
            return False
        region = wrapper.region()
        if region is None:
            return False
        if self.length >= 0:
            size = min(self.length - self.sent, region.size)
            if size <= 0:
                return False
            region = region._replace(size=size)
        self._set_length(region.size)
        if not self.begun:
            self._begin()
        self.complete = True
        self.way.put_file(region)
        return True

    def _set_length(self, size: int) -> None:
        """Take the size of the whole content where the app didn't say it."""
        if self.length < 0 and not self.begun and self.code and not self.bodiless:
            self.length = size
            self.fields.append((b"content-length", b"%d" % size))

    def _wrong_length(self, relation: str) -> RuntimeError:
        return RuntimeError(
            f"the app gave {relation} content than its Content-Length of {self.length}"
        )


def _iterate(chunks: Any) -> Iterable[bytes]:
    if isinstance(chunks, bytes | bytearray | str):
        kind = type(chunks).__name__
        raise TypeError(f"the app returned {kind}; it must return an iterable of bytes: [b'...']")
    try:
        chunk_iterator: Iterable[bytes] = iter(chunks)
        return chunk_iterator
    except TypeError:
        what = "None" if chunks is None else f"an object of type {type(chunks).__name__}"
        raise TypeError(f"the app returned {what}, not an iterable of bytes") from None


def _counts(chunks: Any) -> int:
    """How many chunks there are; -1 where that can't be told."""
    return len(chunks) if hasattr(type(chunks), "__len__") else -1


def _check(content: Any) -> None:
    if not isinstance(content, bytes):
        kind = type(content).__name__
        raise TypeError(f"the app gave {kind} as content; WSGI content is bytes (PEP 3333)")


def _new_code(status: Any) -> int:
    """The number of a status such as `200 OK`. Its phrase isn't used, and may be missing."""
    if not isinstance(status, str):
        raise TypeError(f"start_response: the status must be text like '200 OK', not {status!r}")
    code, _, _ = status.partition(" ")
    if len(code) != 3 or not code.isascii() or not code.isdigit():
        raise ValueError(f"start_response: the status must begin like '200 OK', not {status!r}")
    if len(_CODES) < _KEPT:
        _CODES[status] = int(code)
    return int(code)


def _encode(fields: Any) -> tuple[list[tuple[bytes, bytes]], int]:
    """The fields as ASGI wants them, and the Content-Length among them or -1."""
    encoded = []
    length = -1
    for field in fields:
        try:
            name, value = field
            name = _NAMES.get(name) or _new_name(name)
            value = value.encode("latin-1")
        except (AttributeError, TypeError, ValueError):
            raise _field_error(field) from None
        if name == b"content-length":
            length = int(value) if value.isdigit() else -1
        encoded.append((name, value))
    return encoded, length


def _new_name(name: str) -> bytes:
    encoded = name.lower().encode("latin-1")
    if len(_NAMES) < _KEPT:
        _NAMES[name] = encoded
    return encoded


def _field_error(field: Any) -> Exception:
    if isinstance(field, tuple) and len(field) == 2 and all(isinstance(x, str) for x in field):
        return ValueError(f"start_response: {field!r} has characters that no field can carry")
    return TypeError(f"start_response: a field must be a tuple of two texts, not {field!r}")
