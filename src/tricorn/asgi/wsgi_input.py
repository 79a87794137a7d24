"""`wsgi.input`: the request's content as a file, read in the app's thread."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, Final

_BUFFER: Final = 65536

Fetch = Callable[[], tuple[bytes, bool]]


def content_file(data: bytes, more: bool, fetch: Fetch) -> BinaryIO:
    """A file of the content that begins with `data`.

    When there is `more`, `fetch` waits for the next piece and says whether another one
    follows; it raises OSError when the client has gone before the content's end.
    """
    if not more:
        return io.BytesIO(data)
    return io.BufferedReader(_Content(data, fetch), _BUFFER)


class _Content(io.RawIOBase):
    """Content that is still on its way."""

    def __init__(self, data: bytes, fetch: Fetch) -> None:
        self._piece = memoryview(data)
        self._more = True
        self._fetch = fetch

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._piece and self._more:
            self._next()
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def readall(self) -> bytes:
        pieces = [self._piece]
        while self._more:
            self._next()
            pieces.append(self._piece)
        self._piece = memoryview(b"")
        return b"".join(pieces)

    def _next(self) -> None:
        data, self._more = self._fetch()
        self._piece = memoryview(data)
