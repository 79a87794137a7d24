"""Reading HTTP/1.x requests (RFC 9112): bytes in, codes out, no I/O.

One strict grammar. A message that two readers could take differently is refused,
never repaired, and nothing behind a refusal is read.

```
           feed()                      feed()                    start_next()
 HEAD_WAIT ───────► HEAD ─► content? ─────────► DATA … ─► END ───────────────► HEAD_WAIT
     │                          │ none                     ▲
     │                          └──────────────────────────┘
     └── any fault ─► REFUSED (the same Refusal for ever)
```

An unfinished head, size line or trailer section is refused at the first byte that
can't become a good one. A whole one is refused for the same fault, so that a
verdict never depends on how the bytes were cut.

Requests behind the current one wait as bytes until `start_next()`, so that a
pipelining client costs its buffer and nothing else.

The head is read in `h1_head`, content in `h1_content`. Here is their order.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tricorn.wire.errors import Refusal
from tricorn.wire.h1_content import (
    CHUNK_EXTENSION_TOTAL,
    CHUNK_LINE_LIMIT,
    DATA,
    END,
    ENDED,
    HEAD,
    HEAD_WAIT,
    LENGTH,
    NEED_DATA,
    NO_CONTENT,
    TRAILER_SECTION_LIMIT,
)
from tricorn.wire.h1_head import METHOD_LIMIT, HeadReader

__all__ = [
    "CHUNK_EXTENSION_TOTAL",
    "CHUNK_LINE_LIMIT",
    "DATA",
    "END",
    "HEAD",
    "METHOD_LIMIT",
    "NEED_DATA",
    "TRAILER_SECTION_LIMIT",
    "HeadLimits",
    "RequestReader",
    "open_reader",
]

_NEED_DATA: Final = NEED_DATA
_HEAD: Final = HEAD
_END: Final = END
_HEAD_WAIT: Final = HEAD_WAIT
_LENGTH: Final = LENGTH
_NO_CONTENT: Final = NO_CONTENT
_ENDED: Final = ENDED


class HeadLimits(NamedTuple):
    """Bounds on a request's head. A trailer section has the last two as well."""

    request_line: int = 8192  # bytes, without its CRLF; more is 414
    field_section: int = 65536  # bytes of all field lines, CRLFs included; more is 431
    fields: int = 100  # lines; more is 431


class RequestReader(HeadReader):
    """Reads the requests of one connection in order.

    `limits` bounds heads and trailer sections; `body_limit` bounds a request's
    content in bytes (0: no bound; more is refused with 413).

    After `next()` answered HEAD the request's facts stand in the attributes:
    `method`, `target` (as sent), `raw_path` (without query, undecoded), `path`
    (percent-decoded, UTF-8 with replacement), `query`, `version` ("1.0", "1.1"),
    `fields` (lower-case names, in order; a fresh list), `keep_alive`, `chunked`,
    `content_length` (-1 when chunked), `expect_continue`, `upgrade` (the protocol
    offered, lower case, or empty), `te_trailers`, `forwarded` (a forwarding field
    is present). After DATA, `data` holds the piece. `buffered` counts the bytes
    fed and not yet consumed.
    """

    def __init__(self, limits: HeadLimits, body_limit: int = 0) -> None:
        self.prepare(limits, body_limit)

    def prepare(self, limits: HeadLimits, body_limit: int) -> None:
        """Do what `__init__` does."""
        line, section, fields = limits
        self.prepare_content(section, fields, body_limit)
        self.prepare_head(line, section)
        self.refusal: Refusal | None = None

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet consumed."""
        return self.unread()

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection. Behind a refusal they are dropped."""
        if self.refusal is not None:
            return
        if self.partial is not None:
            self.partial += data
        elif self.at >= len(self.bytes_in):
            self.bytes_in = data
            self.at = 0
        else:
            self.bytes_in = self.bytes_in[self.at :] + data
            self.at = 0

    def next(self) -> int:
        """Answer what comes next: NEED_DATA, HEAD, DATA or END.

        Raises `Refusal` for a message that must not be taken, and an equal one at
        every later call.
        """
        if self.refusal is not None:
            raise Refusal(self.refusal.status, self.refusal.reason)
        last = self.last_head
        if last and self.state == _HEAD_WAIT and self.bytes_in.startswith(last, self.at):
            self._repeat(self.at + len(last))
            return _HEAD
        try:
            return self._step()
        except Refusal as refusal:
            # The one raised has a traceback, which holds this reader: a cycle.
            self.refusal = Refusal(refusal.status, refusal.reason)
            self.bytes_in = b""
            self.at = 0
            self.partial = None
            raise

    def start_next(self) -> None:
        """Begin the request behind the one whose END was answered."""
        if self.state != _ENDED:
            raise RuntimeError("start_next() before END")
        self.state = _HEAD_WAIT
        self.skipped_line = False

    def _step(self) -> int:
        state = self.state
        if state == _HEAD_WAIT:
            return self._read_head()
        if state == _NO_CONTENT:
            self.state = _ENDED
            return _END
        if state == _LENGTH:
            return self._read_data(_NO_CONTENT)
        if state == _ENDED:
            return _NEED_DATA
        return self._read_chunked()


def open_reader(limits: HeadLimits, body_limit: int) -> RequestReader:
    """Make a reader, for less than calling the class costs."""
    reader = RequestReader.__new__(RequestReader)
    reader.prepare(limits, body_limit)
    return reader
