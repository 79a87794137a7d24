"""The messages that ASGI's extensions add to a response: early hints, trailers and files.

What each of them does to the response. A file is copied to the client by the system, where
the wire has it so (`http.response.pathsend`, `http.response.zerocopysend`).
"""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import Any, BinaryIO, Protocol

from tricorn.asgi.failure import ClientDisconnected
from tricorn.asgi.message import Message, unknown_kind
from tricorn.asgi.phase import BODY, EXPECT_START, FILE, HELD, TRAILERS, out_of_order
from tricorn.asgi.ready import READY
from tricorn.asgi.stream import FieldLines, Stream
from tricorn.wire.errors import ResponseError


class Response(Protocol):
    """What an extension needs of its exchange."""

    stream: Stream
    phase: int
    status: int
    fields: FieldLines
    promises_trailers: bool
    gone: bool

    def head_sent(self) -> None:
        """The head is on its way."""

    def content_sent(self) -> None:
        """So is the last content."""

    def completed(self) -> None:
        """So is all of it."""


def take_extension(response: Response, kind: str, message: Message) -> Coroutine[Any, Any, None]:
    """Take a message of an extension; return what `send()` returns."""
    if kind == "http.response.trailers":
        _take_trailers(response, message)
    elif kind == "http.response.early_hint":
        _take_early_hint(response, message)
    elif kind == "http.response.pathsend":
        return _send_path(response, message["path"])
    elif kind == "http.response.zerocopysend":
        return _send_open_file(response, message["file"], message)
    else:
        raise unknown_kind(kind)
    return READY  # type: ignore[return-value]


def _take_trailers(response: Response, message: Message) -> None:
    if response.phase != TRAILERS:
        raise RuntimeError(
            "the app sent 'http.response.trailers' but its 'http.response.start' did not "
            "promise trailers, or the content isn't complete"
        )
    if response.gone:
        raise ClientDisconnected("the client has disconnected")
    fields = [*response.fields, *message.get("headers", ())]
    if message.get("more_trailers", False):
        response.fields = fields
        return
    response.stream.write_trailers(fields)
    response.completed()


def _take_early_hint(response: Response, message: Message) -> None:
    if response.phase != EXPECT_START:
        raise RuntimeError("'http.response.early_hint' goes before 'http.response.start'")
    if response.gone:
        raise ClientDisconnected("the client has disconnected")
    response.stream.inform(103, [(b"link", link) for link in message["links"]])


async def _send_path(response: Response, path: str) -> None:
    # open() takes a number for a descriptor, and closes it: the listener's, perhaps.
    with open(os.fspath(path), "rb") as file:
        await _send_file(response, file, 0, os.fstat(file.fileno()).st_size, False)


async def _send_open_file(response: Response, open_file: Any, message: Message) -> None:
    with _borrowed(open_file) as file:
        offset = _whole(message, "offset")
        if offset is None:
            offset = os.lseek(file.fileno(), 0, os.SEEK_CUR)
        rest = max(os.fstat(file.fileno()).st_size - offset, 0)
        count = _whole(message, "count")
        count = rest if count is None else min(count, rest)
        await _send_file(response, file, offset, count, bool(message.get("more_body", False)))


async def _send_file(
    response: Response, file: BinaryIO, offset: int, count: int, more: bool
) -> None:
    if response.phase != HELD and response.phase != BODY:
        raise out_of_order(response.phase, "a file")
    if response.gone:
        raise ClientDisconnected("the client has disconnected")
    keep_open = more or response.promises_trailers
    try:
        if response.phase == HELD:
            fields = response.fields
            if not keep_open and not _has_length(fields):
                fields = [*fields, (b"content-length", str(count).encode())]
            response.stream.start(response.status, fields, b"", True)
            response.head_sent()
        response.phase = FILE
        await response.stream.write_file(file, offset, count, keep_open)
        response.phase = BODY
    except ResponseError as error:
        raise RuntimeError(str(error)) from None
    finally:
        if response.phase == FILE:
            # Only part of it was sent, perhaps because the app's task was cancelled.
            response.stream.abort()
    if not more:
        response.content_sent()


def _whole(message: Message, name: str) -> int | None:
    """Return a part's offset or count, None where the message doesn't say."""
    value = message.get(name)
    if value is None or (type(value) is int and value >= 0):
        return value
    raise ValueError(f"{name!r} must be a whole number from 0 up, not {value!r}")


def _has_length(fields: FieldLines) -> bool:
    return any(bytes(name).lower() == b"content-length" for name, _ in fields)


def _borrowed(file: Any) -> BinaryIO:
    """Open what the app handed over, so that closing ours leaves its own open."""
    if not isinstance(file, int) and not hasattr(file, "fileno"):
        raise TypeError(f"'file' must be an open file, not {type(file).__name__}")
    number = file if isinstance(file, int) else file.fileno()
    return os.fdopen(os.dup(number), "rb", buffering=0)
