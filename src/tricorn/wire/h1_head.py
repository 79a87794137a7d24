"""Reading a request's head: its line, its fields, and what they say of its content.

RFC 9112 §2, §3, §5 and §6.3.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from tricorn.wire.errors import Http2Preface, Refusal
from tricorn.wire.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    FORWARDED,
    HOST,
    REPEATED,
    TE,
    TOKEN_BYTES,
    TRANSFER_ENCODING,
    UPGRADE,
    Fields,
    tokens,
)
from tricorn.wire.h1_content import (
    HEAD,
    NEED_DATA,
    NO_CONTENT,
    ContentReader,
    check_line_ends,
    with_cr,
)
from tricorn.wire.scan import (
    cut,
    find_byte,
    find_head_end,
    find_line_end,
    is_same,
    scan_fields,
    scan_request_line,
)
from tricorn.wire.target import authority_of, host_is_valid

METHOD_LIMIT: Final = 64

_NEED_DATA: Final = NEED_DATA
_HEAD: Final = HEAD
_NO_CONTENT: Final = NO_CONTENT
_METHOD_LIMIT: Final = METHOD_LIMIT

_KNOWN_CODINGS: Final = frozenset(
    {b"chunked", b"gzip", b"deflate", b"compress", b"x-gzip", b"x-compress"}
)
_DIGITS: Final = b"0123456789"
_TOO_LARGE: Final = 1 << 63
# Field sections up to this many bytes are remembered, see `RequestReader.forget`.
_REMEMBERED: Final = 1024
_TOKEN_START: Final = TOKEN_BYTES

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
_IS_FORWARDED: Final = 1 << FORWARDED
_PLAIN: Final = 1 << HOST | 1 << FORWARDED | 1 << FORWARDED + REPEATED

_NO_FIELDS: Final[Fields] = []  # for what is only replaced
_NO_OPTIONS: Final[list[bytes]] = []
_NO_SPECIAL: Final[list[bytes | None]] = []
# The Host that was valid last, whoever sent it: what is valid doesn't depend on the connection.
_valid_host = b""
# The field section that was read last, on any connection, and what it said: fields, special ones,
# flags. Clients that make a connection for each request are often alike. One object, so that
# another thread's server never sees parts of two.
_last_read: tuple[bytes, Fields, list[bytes | None], int] = (b"", _NO_FIELDS, _NO_SPECIAL, 0)


class HeadReader(ContentReader):
    """Reads the heads of one connection's requests, and remembers the last one."""

    def prepare_head(self, line_limit: int, section_limit: int) -> None:
        """Begin with nothing read; `prepare_content` goes before."""
        self.line_limit = line_limit
        self.section_limit = section_limit
        self.skipped_line = False
        self.method = ""
        self.target = b""
        self.raw_path = b""
        self.path = ""
        self.query = b""
        self.version = "1.1"
        self.fields: Fields = _NO_FIELDS
        self.keep_alive = False
        self.expect_continue = False
        self.upgrade = b""
        self.te_trailers = False
        self.forwarded = False
        self.is_1_1 = True
        self.is_absolute = False  # the target names an authority
        self.same_line = False  # as in the request before
        self.last_head = b""  # what came twice, line and fields
        self.last_line = b""
        self.last_section, self.last_fields, self.last_special, self.last_flags = _last_read
        if len(self.last_fields) > self.field_limit:  # that of who has read them was wider
            self.last_flags = 0

    def forget(self) -> None:
        """Drop what is remembered of the last head.

        A client's requests are alike: the same field section, often the same request
        line. What equals the last one isn't read again. An idle connection should
        not pay for that with memory.
        """
        self.last_head = self.last_line = self.last_section = b""
        self.last_fields = _NO_FIELDS
        self.last_special = _NO_SPECIAL
        self.last_flags = 0

    def _read_head(self) -> int:
        if self.partial is not None:
            return self._read_partial_head()
        if self.at >= len(self.bytes_in):
            return _NEED_DATA
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
        return _HEAD

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
        return _NEED_DATA

    def _may_skip_line(self) -> bool:
        return not self.skipped_line and self.bytes_in.startswith(b"\r\n", self.at)

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
            check_line_ends(head, start, most)
            if len(head) > most:
                raise self._section_too_long()
        else:
            most = with_cr(head, self.line_limit)
            check_line_ends(head, start, most)
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
        self.last_head = b""
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
            if self.same_line:
                self.last_head = cut(data, start, end)
                self._repeat(end)
                return
            self.fields = self.last_fields[:]
            flags = self.last_flags
            special = self.last_special
        else:
            special = [None, None, None, None, None, None, None, None]
            flags = self._take_fields(section, end - 2, special)
        self.at = end
        self._check_host(flags, special[_HOST])
        if self.is_absolute:
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
        self.fields = self.last_fields[:]
        self.same_line = True
        if self.is_absolute:
            self._use_authority()
        if self.content_length:
            self._expect_content()
        else:
            self.state = _NO_CONTENT

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
        global _last_read
        fields: Fields = []
        flags = scan_fields(self.bytes_in, start, end, fields, special, self.field_limit)
        self.fields = fields
        self.last_flags = 0
        if end - start <= _REMEMBERED:
            self.last_section = cut(self.bytes_in, start, end)
            self.last_fields = fields.copy()
            self.last_special = special
            self.last_flags = flags
            _last_read = (self.last_section, self.last_fields, special, flags)
        return flags

    def _take_target(self) -> None:
        target = self.target
        if len(self.method) > _METHOD_LIMIT:
            raise Refusal(501, f"method longer than {METHOD_LIMIT} bytes")
        if self.method == "CONNECT":
            raise Refusal(501, "CONNECT is not offered")
        self.is_absolute = False
        if target[0] != 47:  # "/": origin-form
            if target == b"*":
                if self.method != "OPTIONS":
                    raise Refusal(400, "the target * is for OPTIONS only")
            else:
                self.is_absolute = True
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


def _not_a_request(first: int) -> Refusal:
    if first == 0x16:
        return Refusal(400, "this looks like TLS, and this port speaks plain HTTP")
    if first == 13 or first == 10:
        return Refusal(400, "empty line before the request")
    return Refusal(400, "malformed method")
