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
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from tricorn.wire.errors import Http2Preface, Refusal
from tricorn.wire.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    FORBIDDEN_TRAILERS,
    FORWARDED,
    HOST,
    REPEATED,
    SPECIALS,
    TE,
    TOKEN_BYTES,
    TRANSFER_ENCODING,
    UPGRADE,
    Fields,
    tokens,
)
from tricorn.wire.scan import (
    cut,
    find_byte,
    find_head_end,
    find_line_end,
    has_isolated_line_end,
    is_same,
    scan_fields,
    scan_request_line,
)
from tricorn.wire.target import authority_of, host_is_valid

# What `next()` answers.
NEED_DATA: Final = 0
HEAD: Final = 1
DATA: Final = 2
END: Final = 3

# States of the reader.
_HEAD_WAIT: Final = 0
_LENGTH: Final = 1  # content with a known length
_CHUNK_SIZE: Final = 2
_CHUNK_DATA: Final = 3
_CHUNK_END: Final = 4  # the CRLF behind a chunk's data
_TRAILERS: Final = 5
_NO_CONTENT: Final = 6  # or all of it read: END comes next
_ENDED: Final = 7

# A chunk's size line, extensions and CRLF included (RFC 9112 §7.1.1).
CHUNK_LINE_LIMIT: Final = 256
# Extension bytes a message may carry for free; beyond that, one per byte of data.
# A flood of one-byte chunks with long extensions is refused, not parsed.
CHUNK_EXTENSION_TOTAL: Final = 4096
# A trailer section has the head's bounds, and no more bytes than this.
TRAILER_SECTION_LIMIT: Final = 8192
METHOD_LIMIT: Final = 64

_TRAILER_LIMIT: Final = TRAILER_SECTION_LIMIT
_METHOD_LIMIT: Final = METHOD_LIMIT

_KNOWN_CODINGS: Final = frozenset(
    {b"chunked", b"gzip", b"deflate", b"compress", b"x-gzip", b"x-compress"}
)
_HEX: Final = b"0123456789abcdefABCDEF"
_DIGITS: Final = b"0123456789"
_TOO_LARGE: Final = 1 << 63
# Field sections up to this many bytes are remembered, see `RequestReader.forget`.
_REMEMBERED: Final = 1024
_TOKEN_START: Final = TOKEN_BYTES
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


class HeadLimits(NamedTuple):
    """Bounds on a request's head. A trailer section has the last two as well."""

    request_line: int = 8192  # bytes, without its CRLF; more is 414
    field_section: int = 65536  # bytes of all field lines, CRLFs included; more is 431
    fields: int = 100  # lines; more is 431


# The tests that each request goes through, as integers of C when compiled.
_HOST: Final = HOST
_LENGTH_FIELD: Final = CONTENT_LENGTH
_CODING_FIELD: Final = TRANSFER_ENCODING
_LENGTH_TWICE: Final = 1 << CONTENT_LENGTH + REPEATED
_CONNECTION: Final = CONNECTION
_EXPECT: Final = EXPECT
_UPGRADE: Final = UPGRADE
_TE: Final = TE
_OPTIONS: Final = 1 << CONNECTION | 1 << EXPECT | 1 << UPGRADE | 1 << TE
_HOST_TWICE: Final = 1 << HOST + REPEATED
_NO_FIELDS: Final[Fields] = []  # for what is only replaced
_NO_OPTIONS: Final[list[bytes]] = []
_NO_SPECIAL: Final[list[bytes | None]] = []
# The Host that was valid last, whoever sent it: what is valid doesn't depend on the connection.
_valid_host = b""
# The field section that was read last, on any connection, and what it said. Clients that make
# a connection for each request are often alike.
_read_section = b""
_read_fields: Fields = _NO_FIELDS
_read_special: list[bytes | None] = []
_read_flags = 0
_IS_FORWARDED: Final = 1 << FORWARDED
_PLAIN: Final = 1 << HOST | 1 << FORWARDED | 1 << FORWARDED + REPEATED


class RequestReader:
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
        self.line_limit, self.section_limit, self.field_limit = limits
        self.trailer_limit = min(self.section_limit, _TRAILER_LIMIT)
        self.body_limit = body_limit
        self.state = _HEAD_WAIT
        self.refusal: Refusal | None = None
        self.bytes_in = b""
        self.at = 0
        # An unfinished head or trailer section. Bytes are added in place, and each is
        # searched once: what arrives byte by byte costs linear time.
        self.partial: bytearray | None = None
        self.searched = 0
        self.line_end = -1  # where the request line of `partial` ends, -1: not yet
        self.skipped_line = False
        self.left = 0
        self.content_read = 0
        self.extension_bytes = 0
        self.data = b""
        self.method = ""
        self.target = b""
        self.raw_path = b""
        self.path = ""
        self.query = b""
        self.version = "1.1"
        self.fields: Fields = _NO_FIELDS
        self.keep_alive = False
        self.chunked = False
        self.content_length = 0
        self.expect_continue = False
        self.upgrade = b""
        self.te_trailers = False
        self.forwarded = False
        self.is_1_1 = True
        self.same_line = False  # as in the request before
        self.last_line = b""
        self.last_section = _read_section
        self.last_fields: Fields = _read_fields
        self.last_special: list[bytes | None] = _read_special
        # The limits of who has read them may have been wider.
        self.last_flags = _read_flags if len(_read_fields) <= self.field_limit else 0

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet consumed."""
        return self.unread()

    def unread(self) -> int:
        """Return `buffered`."""
        waiting = len(self.bytes_in) - self.at
        return waiting if self.partial is None else waiting + len(self.partial)

    def forget(self) -> None:
        """Drop what is remembered of the last head.

        A client's requests are alike: the same field section, often the same request
        line. What equals the last one isn't read again. An idle connection should
        not pay for that with memory.
        """
        self.last_line = self.last_section = b""
        self.last_fields = _NO_FIELDS
        self.last_special = _NO_SPECIAL
        self.last_flags = 0

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
        try:
            return self._step()
        except Refusal as refusal:
            # The one raised has a traceback, which holds this reader: a cycle.
            self.refusal = Refusal(refusal.status, refusal.reason)
            self.bytes_in = b""
            self.at = 0
            self.partial = None
            raise

    def take_rest(self) -> bytes:
        """Return what came behind the last message, for the protocol that is spoken next."""
        rest = self.bytes_in[self.at :]
        self.bytes_in = b""
        self.at = 0
        return rest

    def start_next(self) -> None:
        """Begin the request behind the one whose END was answered."""
        if self.state != _ENDED:
            raise RuntimeError("start_next() before END")
        self.state = _HEAD_WAIT
        self.skipped_line = False

    def ends_here(self) -> bool:
        """Whether nothing follows the HEAD or DATA that was answered; then this stands for END."""
        if self.state != _NO_CONTENT:
            return False
        self.state = _ENDED
        return True

    def _step(self) -> int:
        state = self.state
        if state == _HEAD_WAIT:
            return self._read_head()
        if state == _NO_CONTENT:
            self.state = _ENDED
            return END
        if state == _LENGTH:
            return self._read_data(_NO_CONTENT)
        if state == _ENDED:
            return NEED_DATA
        return self._read_chunked()

    # The head

    def _read_head(self) -> int:
        if self.partial is not None:
            return self._read_partial_head()
        if self.at >= len(self.bytes_in):
            return NEED_DATA
        start = self.at
        end = find_head_end(self.bytes_in, start)
        if end < 0 or (self.bytes_in[start] == 13 and self._may_skip_line()):
            self._gather()
            return self._read_partial_head()
        try:
            self._take_head(end)
        except Refusal:
            self.line_end = -1
            self._check_partial(self.bytes_in[start : end - 1], 0)
            raise
        return HEAD

    def _read_partial_head(self) -> int:
        partial = self.partial
        assert partial is not None
        if not self.skipped_line and partial.startswith(b"\r\n"):
            # RFC 9112 §2.2: one empty line before a request is ignored.
            del partial[:2]
            self.searched = 0
            self.skipped_line = True
        if find_head_end(partial, self.searched) >= 0:
            self._settle()
            return self._read_head()
        self._check_partial(partial, max(self.searched - 1, 0))
        self.searched = max(len(partial) - 3, 0)
        return NEED_DATA

    def _may_skip_line(self) -> bool:
        return not self.skipped_line and self.bytes_in.startswith(b"\r\n", self.at)

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

    def _check_partial(self, head: bytes | bytearray, start: int) -> None:
        """Refuse an unfinished head by its first fault; `start` bytes were checked."""
        if not head or (head == b"\r" and not self.skipped_line):
            return
        if head[0] not in _TOKEN_START:
            raise _not_a_request(head[0])
        if self.line_end < 0:
            self.line_end = head.find(b"\r\n", start)
        if 0 <= self.line_end <= self.line_limit:
            most = self.line_end + 2 + self.section_limit + 2
            _check_line_ends(head, start, most)
            if len(head) > most:
                raise self._section_too_long()
        else:
            most = _with_cr(head, self.line_limit)
            _check_line_ends(head, start, most)
            if len(head) > most:
                raise self._line_too_long()

    def _line_too_long(self) -> Refusal:
        return Refusal(414, f"request line longer than {self.line_limit} bytes")

    def _section_too_long(self) -> Refusal:
        return Refusal(431, f"field section longer than {self.section_limit} bytes")

    def _take_head(self, end: int) -> None:
        """Read the head that ends (its empty line included) at `end`."""
        data = self.bytes_in
        start = self.at
        if data[start] not in _TOKEN_START:
            raise _not_a_request(data[start])
        line_end = find_line_end(data, start)
        if line_end - start > self.line_limit:
            raise self._line_too_long()
        section = line_end + 2
        if end - 2 - section > self.section_limit:
            raise self._section_too_long()
        self.same_line = is_same(data, start, line_end, self.last_line)
        if not self.same_line:
            self._take_line(start, line_end)
        if self.last_flags and is_same(data, section, end - 2, self.last_section):
            self.fields = self.last_fields[:]
            if self.same_line:
                self._repeat(end)
                return
            flags = self.last_flags
            special = self.last_special
        else:
            special = [None, None, None, None, None, None, None, None]
            flags = self._take_fields(section, end - 2, special)
        self.at = end
        self._check_host(flags, special[_HOST])
        if self.target[0] != 47 and self.target != b"*":
            self._use_authority()
        self.forwarded = (flags & _IS_FORWARDED) != 0
        self.keep_alive = self.is_1_1
        self.expect_continue = False
        self.upgrade = b""
        self.te_trailers = False
        # Most requests say nothing more that HTTP/1.1 acts on.
        if flags & ~_PLAIN:
            self._take_framing(flags, special)
        else:
            self.chunked = False
            self.content_length = 0
            self.state = _NO_CONTENT

    def _repeat(self, end: int) -> None:
        """Read a head, up to `end`, that is the last one again: its facts stand."""
        self.at = end
        if self.target[0] != 47 and self.target != b"*":
            self._use_authority()
        self._expect_content()

    def _take_line(self, start: int, end: int) -> None:
        """Read the request line in `bytes_in[start:end]`."""
        self.last_line = b""
        self.method, self.target, version = scan_request_line(self.bytes_in, start, end)
        if version // 10 != 1:
            self._refuse_version(start, version)
        # RFC 9110 §2.5: a higher minor version is read as the highest known.
        self.is_1_1 = version != 10
        self.version = "1.1" if version != 10 else "1.0"
        self._take_target()
        self.last_line = cut(self.bytes_in, start, end)

    def _refuse_version(self, start: int, version: int) -> None:
        reason = "only HTTP/1.0 and HTTP/1.1 are spoken here"
        if version == 20 and self.method == "PRI" and self.target == b"*":
            raise Http2Preface(505, reason, self.bytes_in[start:])
        raise Refusal(505, reason)

    def _take_fields(self, start: int, end: int, special: list[bytes | None]) -> int:
        """Read the field section in `bytes_in[start:end]`; return the scan's flags."""
        global _read_section, _read_fields, _read_special, _read_flags
        fields: Fields = []
        flags = scan_fields(self.bytes_in, start, end, fields, special, self.field_limit)
        self.fields = fields
        self.last_flags = 0
        if end - start <= _REMEMBERED:
            self.last_section = cut(self.bytes_in, start, end)
            self.last_fields = fields.copy()
            self.last_special = special
            self.last_flags = flags
            _read_section = self.last_section
            _read_fields = self.last_fields
            _read_special = special
            _read_flags = flags
        return flags

    def _take_target(self) -> None:
        target = self.target
        if len(self.method) > _METHOD_LIMIT:
            raise Refusal(501, f"method longer than {METHOD_LIMIT} bytes")
        if self.method == "CONNECT":
            raise Refusal(501, "CONNECT is not offered")
        if target[0] != 47:  # "/": origin-form
            if target == b"*":
                if self.method != "OPTIONS":
                    raise Refusal(400, "the target * is for OPTIONS only")
            else:
                target = authority_of(target)[1]
        question = find_byte(target, 63)  # "?"
        if question < 0:
            self.raw_path = target
            self.query = b""
        else:
            self.raw_path = cut(target, 0, question)
            self.query = cut(target, question + 1, len(target))
        if find_byte(self.raw_path, 37) >= 0:  # "%"
            self.path = unquote_to_bytes(self.raw_path).decode("utf-8", "replace")
        else:
            self.path = self.raw_path.decode("ascii")

    def _use_authority(self) -> None:
        """Replace Host by an absolute-form target's authority (RFC 9112 §3.2.2)."""
        authority = authority_of(self.target)[0]
        hosts = [index for index, field in enumerate(self.fields) if field[0] == b"host"]
        if len(hosts) == 1:
            self.fields[hosts[0]] = (b"host", authority)
        elif not hosts and self.version == "1.0":
            self.fields.insert(0, (b"host", authority))

    def _check_host(self, flags: int, host: bytes | None) -> None:
        """RFC 9112 §3.2: exactly one valid Host in HTTP/1.1, never two."""
        global _valid_host
        if flags & _HOST_TWICE:
            raise Refusal(400, "more than one Host field")
        if host is None:
            if self.is_1_1:
                raise Refusal(400, "no Host field")
        elif host != _valid_host:
            if not host_is_valid(host):
                raise Refusal(400, "malformed Host field")
            _valid_host = host

    # How long the content is, and what the connection does afterwards

    def _take_framing(self, flags: int, special: list[bytes | None]) -> None:
        coding = special[_CODING_FIELD]
        length = special[_LENGTH_FIELD]
        self.chunked = False
        self.content_length = 0
        if coding is not None:
            self._check_coding(coding, flags, length)
            self.chunked = True
            self.content_length = -1
        elif length is not None:
            self.content_length = self._parse_length(length, flags)
        self._expect_content()
        if flags & _OPTIONS:
            self._take_connection(special)

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

    def _check_coding(self, coding: bytes, flags: int, length: bytes | None) -> None:
        """RFC 9112 §6.1: Transfer-Encoding is `chunked` alone, or refused."""
        if length is not None:
            raise Refusal(400, "both Content-Length and Transfer-Encoding")
        if self.version == "1.0":
            raise Refusal(400, "Transfer-Encoding in HTTP/1.0")
        if flags & 1 << TRANSFER_ENCODING + REPEATED:
            raise Refusal(400, "more than one Transfer-Encoding field")
        if coding.lower() == b"chunked":
            return
        codings = coding.lower().split(b",")
        known = [member.strip(b" \t") in _KNOWN_CODINGS for member in codings]
        if all(known) and codings[0].strip(b" \t") != b"chunked":
            raise Refusal(501, "no transfer coding but chunked is offered")
        raise Refusal(400, "Transfer-Encoding must be chunked")

    def _parse_length(self, value: bytes, flags: int) -> int:
        """RFC 9112 §6.3: one Content-Length of ASCII digits, 19 of them at most."""
        if flags & _LENGTH_TWICE:
            raise Refusal(400, "more than one Content-Length field")
        if not value or len(value) > 19 or value.strip(_DIGITS):
            raise Refusal(400, "malformed Content-Length")
        length = int(value)
        if length >= _TOO_LARGE:
            raise Refusal(400, "Content-Length is too large")
        if self.body_limit and length > self.body_limit:
            raise self._too_much_content()
        return length

    def _too_much_content(self) -> Refusal:
        return Refusal(413, f"content longer than {self.body_limit} bytes")

    def _take_connection(self, special: list[bytes | None]) -> None:
        options = special[_CONNECTION]
        named: list[bytes] = _NO_OPTIONS
        if options is not None:
            if options == b"keep-alive":
                self.keep_alive = True
            elif options == b"close":
                self.keep_alive = False
            else:
                named = tokens(options)
                # RFC 9112 §9.3: close wins over keep-alive.
                self.keep_alive = b"close" not in named and (
                    self.keep_alive or b"keep-alive" in named
                )
        upgrade = special[_UPGRADE]
        if upgrade and b"upgrade" in named:
            offer = upgrade.lower().split(b",")[0].strip(b" \t")
            # A proxy may pass a WebSocket handshake on as HTTP/1.0; RFC 9110 §7.8
            # has any other offer in 1.0 ignored.
            if self.version == "1.1" or offer == b"websocket":
                self.upgrade = offer
        expect = special[_EXPECT]
        if expect is not None and self.version == "1.1" and self.state != _NO_CONTENT:
            self.expect_continue = expect.lower() == b"100-continue"
        te = special[_TE]
        if te is not None:
            self.te_trailers = b"trailers" in tokens(te)

    # Content

    def _read_data(self, after: int) -> int:
        """Hand on what has arrived of the `left` bytes; then go to state `after`."""
        available = len(self.bytes_in) - self.at
        if available <= 0:
            return NEED_DATA
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
        return DATA

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
                return NEED_DATA

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
        return END

    def _read_partial_trailers(self) -> int:
        partial = self.partial
        assert partial is not None
        if partial.startswith(b"\r\n") or find_head_end(partial, self.searched) >= 0:
            self._settle()
            return self._read_trailers()
        self._check_partial_trailers(partial, max(self.searched - 1, 0))
        self.searched = max(len(partial) - 3, 0)
        return NEED_DATA

    def _check_partial_trailers(self, section: bytes | bytearray, start: int) -> None:
        """Refuse an unfinished trailer section by its first fault."""
        most = self.trailer_limit + 2
        _check_line_ends(section, start, most)
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


def _check_line_ends(text: bytes | bytearray, start: int, most: int) -> None:
    """Refuse a CR or LF alone, unless it stands behind the byte that breaks a limit.

    `start` bytes were checked before; `most` bytes are within the limit.
    """
    if has_isolated_line_end(text if len(text) <= most else text[: most + 1], start):
        raise Refusal(400, "a line must end in CR LF")


def _with_cr(line: bytes | bytearray, limit: int) -> int:
    """Return how many bytes an unfinished line may have: its CR doesn't count."""
    return limit + 1 if len(line) > limit and line[limit] == 13 else limit


def _check_size_line(line: bytes) -> None:
    """Refuse an unfinished chunk size line by its first fault."""
    if line and line[0] not in _HEX:
        raise Refusal(400, "malformed chunk size")
    most = _with_cr(line, CHUNK_LINE_LIMIT)
    _check_line_ends(line, 0, most)
    if len(line) > most:
        raise Refusal(400, f"chunk size line longer than {CHUNK_LINE_LIMIT} bytes")


def _bad_chunk_line(line: bytes) -> Refusal:
    _check_size_line(line + b"\r")
    size = line.partition(b";")[0].rstrip(b" \t")
    if not size or size.strip(_HEX):
        return Refusal(400, "malformed chunk size")
    return Refusal(400, "malformed chunk extension")


def _not_a_request(first: int) -> Refusal:
    if first == 0x16:
        return Refusal(400, "this looks like TLS, and this port speaks plain HTTP")
    if first == 13 or first == 10:
        return Refusal(400, "empty line before the request")
    return Refusal(400, "malformed method")
