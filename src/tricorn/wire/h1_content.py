"""Reading a message's content (RFC 9112 §6 and §7): by its length, or in chunks.

What has arrived is held here, for the head as well (`h1_head`).
"""

from __future__ import annotations

import re
from typing import Final

from tricorn.wire.errors import Refusal
from tricorn.wire.fields import FORBIDDEN_TRAILERS, SPECIALS, TOKEN_BYTES, Fields
from tricorn.wire.scan import cut, find_head_end, has_isolated_line_end, scan_fields

# What `next()` answers.
NEED_DATA: Final = 0
HEAD: Final = 1
DATA: Final = 2
END: Final = 3

# States of the reader.
HEAD_WAIT: Final = 0
LENGTH: Final = 1  # content with a known length
CHUNK_SIZE: Final = 2
CHUNK_DATA: Final = 3
CHUNK_END: Final = 4  # the CRLF behind a chunk's data
TRAILERS: Final = 5
NO_CONTENT: Final = 6  # or all of it read: END comes next
ENDED: Final = 7

# A chunk's size line, extensions and CRLF included (RFC 9112 §7.1.1).
CHUNK_LINE_LIMIT: Final = 256
# Extension bytes a message may carry for free; beyond that, one per byte of data.
# A flood of one-byte chunks with long extensions is refused, not parsed.
CHUNK_EXTENSION_TOTAL: Final = 4096
# A trailer section has the head's bounds, and no more bytes than this.
TRAILER_SECTION_LIMIT: Final = 8192

_NEED_DATA: Final = NEED_DATA
_DATA: Final = DATA
_END: Final = END
_HEAD_WAIT: Final = HEAD_WAIT
_LENGTH: Final = LENGTH
_CHUNK_SIZE: Final = CHUNK_SIZE
_CHUNK_DATA: Final = CHUNK_DATA
_CHUNK_END: Final = CHUNK_END
_TRAILERS: Final = TRAILERS
_NO_CONTENT: Final = NO_CONTENT
_ENDED: Final = ENDED
_TRAILER_LIMIT: Final = TRAILER_SECTION_LIMIT

_HEX: Final = b"0123456789abcdefABCDEF"
_TOO_LARGE: Final = 1 << 63
_TOKEN: Final = rb"[" + re.escape(TOKEN_BYTES) + rb"]+"
_QUOTED: Final = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"'
# chunk-size *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
_CHUNK_LINE: Final = re.compile(
    rb"([0-9a-fA-F]+)(?:[ \t]*;[ \t]*"
    + _TOKEN
    + rb"(?:[ \t]*=[ \t]*(?:"
    + _TOKEN
    + rb"|"
    + _QUOTED
    + rb"))?)*"
)


class ContentReader:
    """Reads the content of one connection's requests, in order."""

    def prepare_content(self, section_limit: int, field_limit: int, body_limit: int) -> None:
        """Begin with nothing read."""
        self.trailer_limit = min(section_limit, _TRAILER_LIMIT)
        self.field_limit = field_limit
        self.body_limit = body_limit
        self.state = _HEAD_WAIT
        self.bytes_in = b""
        self.at = 0
        # An unfinished head or trailer section. Bytes are added in place, and each is
        # searched once: what arrives byte by byte costs linear time.
        self.partial: bytearray | None = None
        self.searched = 0
        self.line_end = -1  # where the request line of `partial` ends, -1: not yet
        self.chunked = False
        self.content_length = 0
        self.left = 0
        self.content_read = 0
        self.extension_bytes = 0
        self.data = b""

    def unread(self) -> int:
        """Return `buffered`."""
        waiting = len(self.bytes_in) - self.at
        return waiting if self.partial is None else waiting + len(self.partial)

    def take_rest(self) -> bytes:
        """Return what came behind the last message, for the protocol that is spoken next."""
        rest = self.bytes_in[self.at :]
        self.bytes_in = b""
        self.at = 0
        return rest

    def ends_here(self) -> bool:
        """Whether nothing follows the HEAD or DATA that was answered; then this stands for END."""
        if self.state != _NO_CONTENT:
            return False
        self.state = _ENDED
        return True

    # What has arrived

    def _gather(self) -> None:
        """Move what is unread to `partial`, where more bytes cost no copy of the rest."""
        self.partial = bytearray(self.bytes_in[self.at :])
        self.bytes_in = b""
        self.at = 0
        self.searched = 0
        self.line_end = -1

    def _settle(self) -> None:
        """Move `partial`, which is complete now, back to where whole messages are read."""
        assert self.partial is not None
        self.bytes_in = bytes(self.partial)
        self.at = 0
        self.partial = None

    # Content

    def _expect_content(self) -> None:
        """Get ready for what `content_length` and `chunked` say."""
        self.content_read = 0
        if self.content_length == 0:
            self.state = _NO_CONTENT
        elif self.chunked:
            self.extension_bytes = 0
            self.state = _CHUNK_SIZE
        else:
            self.left = self.content_length
            self.state = _LENGTH

    def _too_much_content(self) -> Refusal:
        return Refusal(413, f"content longer than {self.body_limit} bytes")

    def _read_data(self, after: int) -> int:
        """Hand on what has arrived of the `left` bytes; then go to state `after`."""
        available = len(self.bytes_in) - self.at
        if available <= 0:
            return _NEED_DATA
        if available <= self.left:
            whole = self.bytes_in
            self.data = whole if self.at == 0 else cut(whole, self.at, len(whole))
            self.bytes_in = b""
            self.at = 0
            self.left -= available
        else:
            self.data = cut(self.bytes_in, self.at, self.at + self.left)
            self.at += self.left
            self.left = 0
        if self.left == 0:
            self.state = after
        return _DATA

    def _read_chunked(self) -> int:
        """RFC 9112 §7.1: chunks, the last chunk, the trailer section."""
        while True:
            if self.state == _CHUNK_DATA:
                return self._read_data(_CHUNK_END)
            if self.state == _TRAILERS:
                return self._read_trailers()
            if self.state == _CHUNK_END:
                found = self._read_chunk_end()
            else:
                found = self._read_chunk_size()
            if not found:
                return _NEED_DATA

    def _read_chunk_end(self) -> bool:
        available = len(self.bytes_in) - self.at
        if available and self.bytes_in[self.at] != 13:
            raise Refusal(400, "chunk data is longer than its size")
        if available < 2:
            return False
        if self.bytes_in[self.at + 1] != 10:
            raise Refusal(400, "chunk data is longer than its size")
        self.at += 2
        self.state = _CHUNK_SIZE
        return True

    def _read_chunk_size(self) -> bool:
        data = self.bytes_in
        end = data.find(b"\r\n", self.at, self.at + CHUNK_LINE_LIMIT + 2)
        if end < 0:
            _check_size_line(data[self.at : self.at + CHUNK_LINE_LIMIT + 2])
            return False
        size = self._parse_chunk_line(data[self.at : end])
        self.at = end + 2
        if size == 0:
            self.state = _TRAILERS
            return True
        if self.body_limit and size > self.body_limit - self.content_read:
            raise self._too_much_content()
        if size >= _TOO_LARGE - self.content_read:
            raise Refusal(400, "chunk sizes add up to too much")
        self.content_read += size
        self.left = size
        self.state = _CHUNK_DATA
        return True

    def _parse_chunk_line(self, line: bytes) -> int:
        """Return the size in `chunk-size [chunk-ext]`, all but its CRLF."""
        digits = line
        if line.strip(_HEX):
            match = _CHUNK_LINE.fullmatch(line)
            if match is None:
                raise _bad_chunk_line(line)
            digits = match[1]
            self._count_extension(len(line) - len(digits))
        if not digits or len(digits) > 16:
            raise Refusal(400, "malformed chunk size")
        size = int(digits, 16)
        if size >= _TOO_LARGE:
            raise Refusal(400, "chunk size is too large")
        return size

    def _count_extension(self, size: int) -> None:
        """Bound chunk extensions, which nobody reads, against the content."""
        self.extension_bytes += size
        if self.extension_bytes > CHUNK_EXTENSION_TOTAL + self.content_read:
            raise Refusal(400, "more chunk extensions than content")

    # Trailers

    def _read_trailers(self) -> int:
        """Check the trailer section and drop it: it is never merged into the head."""
        if self.partial is not None:
            return self._read_partial_trailers()
        start = self.at
        end = start + 2
        if not self.bytes_in.startswith(b"\r\n", start):
            end = find_head_end(self.bytes_in, start)
            if end < 0:
                self._gather()
                return self._read_partial_trailers()
            try:
                self._check_trailers(start, end - 2)
            except Refusal:
                self._check_partial_trailers(self.bytes_in[start : end - 1], 0)
                raise
        self.at = end
        self.state = _ENDED
        return _END

    def _read_partial_trailers(self) -> int:
        partial = self.partial
        assert partial is not None
        if partial.startswith(b"\r\n") or find_head_end(partial, self.searched) >= 0:
            self._settle()
            return self._read_trailers()
        self._check_partial_trailers(partial, max(self.searched - 1, 0))
        self.searched = max(len(partial) - 3, 0)
        return _NEED_DATA

    def _check_partial_trailers(self, section: bytes | bytearray, start: int) -> None:
        """Refuse an unfinished trailer section by its first fault."""
        most = self.trailer_limit + 2
        check_line_ends(section, start, most)
        if len(section) > most:
            raise self._trailers_too_long()

    def _check_trailers(self, start: int, end: int) -> None:
        if end - start > self.trailer_limit:
            raise self._trailers_too_long()
        fields: Fields = []
        special: list[bytes | None] = [None] * SPECIALS
        scan_fields(self.bytes_in, start, end, fields, special, self.field_limit)
        for name, _ in fields:
            if name in FORBIDDEN_TRAILERS:
                raise Refusal(400, f"trailer field {name.decode('ascii')} is not allowed")

    def _trailers_too_long(self) -> Refusal:
        return Refusal(431, f"trailer section longer than {self.trailer_limit} bytes")


def check_line_ends(text: bytes | bytearray, start: int, most: int) -> None:
    """Refuse a CR or LF alone, unless it stands behind the byte that breaks a limit.

    `start` bytes were checked before; `most` bytes are within the limit.
    """
    if has_isolated_line_end(text if len(text) <= most else text[: most + 1], start):
        raise Refusal(400, "a line must end in CR LF")


def with_cr(line: bytes | bytearray, limit: int) -> int:
    """Return how many bytes an unfinished line may have: its CR doesn't count."""
    return limit + 1 if len(line) > limit and line[limit] == 13 else limit


def _check_size_line(line: bytes) -> None:
    """Refuse an unfinished chunk size line by its first fault."""
    if line and line[0] not in _HEX:
        raise Refusal(400, "malformed chunk size")
    most = with_cr(line, CHUNK_LINE_LIMIT)
    check_line_ends(line, 0, most)
    if len(line) > most:
        raise Refusal(400, f"chunk size line longer than {CHUNK_LINE_LIMIT} bytes")


def _bad_chunk_line(line: bytes) -> Refusal:
    _check_size_line(line + b"\r")
    size = line.partition(b";")[0].rstrip(b" \t")
    if not size or size.strip(_HEX):
        return Refusal(400, "malformed chunk size")
    return Refusal(400, "malformed chunk extension")
