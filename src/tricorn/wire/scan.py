"""Leaf: the loops over single bytes, as Python runs them fastest.

`scan.pyx` is the same module for the compiler. The compiled one wins at import;
both answer alike, and one test class and a differential test run on both. What
may go in here: functions over bytes that have no state and call nothing of ours
but the field tables and the errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from tricorn.wire.errors import Refusal, ResponseError
from tricorn.wire.fields import (
    COMMON_NAMES,
    CONNECTION_SPECIFIC,
    HAS_CONTENT_LENGTH,
    HAS_DATE,
    HAS_SERVER,
    REPEATED,
    SPECIAL_FIELDS,
    TOKEN_BYTES,
    WANTS_CLOSE,
    Fields,
    tokens,
)

_TOKEN: Final = re.compile(rb"[" + re.escape(TOKEN_BYTES) + rb"]+")
_LOWER_NAME: Final = re.compile(rb":?[" + re.escape(TOKEN_BYTES.lower()) + rb"]+")
# RFC 9110 §5.5: VCHAR, obs-text, SP and HTAB. Everything else is refused.
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BAD_TARGET: Final = re.compile(rb"[^\x21\x22\x24-\x7e]")
_VERSION: Final = re.compile(rb"HTTP/([0-9])\.([0-9])")
_LENGTH: Final = re.compile(rb"[0-9]{1,19}")

_METHODS: Final = {
    name.encode(): name
    for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT")
}
_NAMES: Final = {name: name for name in COMMON_NAMES} | {
    name.title(): name for name in COMMON_NAMES
}


def scan_request_line(data: bytes, start: int, end: int) -> tuple[str, bytes, int]:
    """Read `method SP request-target SP HTTP-version` (RFC 9112 §3) in `data[start:end]`.

    Returns the method, the request target as sent, and the version as major * 10 +
    minor. Raises `Refusal` 400 when it isn't exactly that.
    """
    parts = data[start:end].split(b" ")
    if len(parts) != 3:
        raise Refusal(400, "malformed request line")
    method, target, version = parts
    if _TOKEN.fullmatch(method) is None:
        raise Refusal(400, "malformed method")
    if not target or _BAD_TARGET.search(target) is not None:
        raise Refusal(400, "request target has a character that is not allowed")
    match = _VERSION.fullmatch(version)
    if match is None:
        raise Refusal(400, "malformed HTTP version")
    name = _METHODS.get(method) or method.decode("ascii")
    return name, target, int(match[1]) * 10 + int(match[2])


def scan_fields(
    data: bytes, start: int, end: int, fields: Fields, special: list[bytes | None], most: int
) -> int:
    """Read the field lines (RFC 9112 §5) in `data[start:end]`, each with its CRLF.

    Appends (lower-case name, value) to `fields`, puts the values HTTP/1.1 acts on
    into `special` at the places `fields.py` names (repeated lines joined by a
    comma), and returns the flags described there. Raises `Refusal` 400 on bad
    grammar, 431 for more than `most` lines.
    """
    flags = 0
    if start == end:
        return flags
    lines = data[start : end - 2].split(b"\r\n")
    for line in lines:
        if len(fields) >= most:
            raise Refusal(431, f"more than {most} fields")
        raw, colon, value = line.partition(b":")
        if not colon:
            raise _bad_line(line)
        name = _NAMES.get(raw)
        if name is None:
            if _TOKEN.fullmatch(raw) is None:
                raise _bad_line(line)
            name = raw.lower()
        value = value.strip(b" \t")
        if _BAD_VALUE.search(value) is not None:
            raise Refusal(400, "control character in a field value")
        fields.append((name, value))
        place = SPECIAL_FIELDS.get(name)
        if place is not None:
            before = special[place]
            if before is None:
                special[place] = value
                flags |= 1 << place
            else:
                special[place] = before + b"," + value
                flags |= 1 << place + REPEATED
    return flags


def _bad_line(line: bytes) -> Refusal:
    if line[:1] in (b" ", b"\t"):
        return Refusal(400, "obsolete line folding")
    name, colon, _ = line.partition(b":")
    if not colon:
        return Refusal(400, "field line without a colon")
    if not name:
        return Refusal(400, "empty field name")
    if name[-1:] in (b" ", b"\t"):
        return Refusal(400, "white space before the colon of a field")
    return Refusal(400, "malformed field name")


def find_head_end(data: bytes | bytearray, start: int) -> int:
    """Return the index just past the empty line that ends a head, or -1."""
    index = data.find(b"\r\n\r\n", start)
    return -1 if index < 0 else index + 4


def find_line_end(data: bytes | bytearray, start: int) -> int:
    """Return the index of the next CRLF, or -1."""
    return data.find(b"\r\n", start)


def find_byte(data: bytes, byte: int) -> int:
    """Return the index of the first such byte, or -1."""
    return data.find(byte)


def is_same(data: bytes, start: int, end: int, other: bytes) -> bool:
    """Say whether `data[start:end]` equals `other`."""
    return end - start == len(other) and data.startswith(other, start)


def cut(data: bytes, start: int, end: int) -> bytes:
    """Return `data[start:end]`. Raises IndexError where `data` has less."""
    if start < 0 or end > len(data) or end < start:
        raise IndexError("outside the data")
    return data[start:end]


def taken(room: bytearray, size: int) -> bytes:
    """Return the first `size` bytes of a buffer. Raises IndexError where it has less."""
    if size < 0 or size > len(room):
        raise IndexError("outside the data")
    return bytes(room[:size])


def has_isolated_line_end(data: bytes | bytearray, start: int) -> bool:
    """Say whether a CR or LF stands alone in `data[start:]` (RFC 9112 §2.2).

    A CR that is the last byte so far may still be half of a CRLF.
    """
    # Counting is many times as fast as a regular expression with look-arounds.
    pairs = data.count(b"\r\n", start)
    returns = data.count(b"\r", start)
    if start < len(data) and data[-1] == 13:
        returns -= 1
    feeds = data.count(b"\n", start)
    if 0 < start < len(data) and data[start] == 10 and data[start - 1] == 13:
        feeds -= 1
    return returns != pairs or feeds != pairs


def joined(first: bytes, second: bytes, third: bytes, fourth: bytes, body: bytes) -> bytes:
    """Join the parts of a response that are always the same number."""
    return b"".join((first, second, third, fourth, body))


def encode_chunks(before: bytes, chunks: list[bytes], behind: bytes) -> bytes:
    """Serialise chunks (RFC 9112 §7.1), none of them empty, between other bytes."""
    parts = [before]
    for data in chunks:
        parts += (b"%x\r\n" % len(data), data, b"\r\n")
    parts.append(behind)
    return b"".join(parts)


# What the server has to know of an app's fields.
_FLAGS: Final = {
    b"content-length": HAS_CONTENT_LENGTH,
    b"date": HAS_DATE,
    b"server": HAS_SERVER,
}


# What was encoded last: an app's responses are mostly alike. The pairs are those that were checked,
# which nobody can change meanwhile. One object, so that another thread never sees parts of two.
_last_encoded: tuple[Fields, tuple[bytes, int, int]] = ([], (b"", 0, -1))
_REMEMBERED: Final = 1024  # bytes of an encoded block; more isn't kept


def encode_fields(fields: Iterable[Iterable[bytes]]) -> tuple[bytes, int, int]:
    """Serialise an app's response fields, names in lower case.

    Returns the field lines, the HAS_/WANTS_ flags of `fields.py`, and the
    Content-Length (-1 when there is none). Transfer-Encoding, and what the
    Connection field says but `close`, are dropped: framing is the server's. Raises
    `ResponseError` for a name that isn't a token, a value with CR, LF, NUL or
    another control, and for a bad or second Content-Length (RFC 9110 §5.5, §8.6).
    """
    global _last_encoded
    last = _last_encoded
    if fields == last[0]:
        return last[1]
    pairs: Fields = []
    lines: list[bytes] = []
    flags = 0
    length = -1
    for pair in fields:
        checked = _checked_pair(pair)
        pairs.append(checked)
        name, value = checked
        if name == b"transfer-encoding":
            continue
        if name == b"connection":
            if b"close" in tokens(value):
                flags |= WANTS_CLOSE
            continue
        flag = _FLAGS.get(name, 0)
        flags |= flag
        if flag == HAS_CONTENT_LENGTH:
            length = _only_length(value, length)
        lines += (name, b": ", value, b"\r\n")
    block = b"".join(lines)
    encoded = block, flags, length
    if len(block) <= _REMEMBERED:
        _last_encoded = pairs, encoded
    return encoded


def list_fields(fields: Iterable[Iterable[bytes]], into: Fields) -> tuple[int, int]:
    """Append an app's response fields to `into`, as HTTP/2 has them: names in lower case.

    Returns the HAS_ flags of `fields.py` and the Content-Length (-1 when there is none).
    What is about one connection is dropped (RFC 9113 §8.2.2), and so is white space around
    a value. Raises `ResponseError` as `encode_fields` does.
    """
    flags = 0
    length = -1
    for pair in fields:
        name, value = _checked_pair(pair)
        if name in CONNECTION_SPECIFIC:
            continue
        flag = _FLAGS.get(name, 0)
        flags |= flag
        if flag == HAS_CONTENT_LENGTH:
            length = _only_length(value, length)
        into.append((name, value.strip(b" \t")))
    return flags, length


def are_same_fields(one: Sequence[Any], other: Sequence[Any], but: int) -> bool:
    """Say whether two lists or tuples of fields are alike, but for the value of number `but`.

    Only pairs of bytes are, which nobody can change.
    """
    if len(one) != len(other):
        return False
    for index, pair in enumerate(one):
        known = other[index]
        if not _is_plain(pair) or (pair is not known and not _is_plain(known)):
            return False
        if pair[0] != known[0] or (index != but and pair[1] != known[1]):
            return False
    return True


def _is_plain(pair: Any) -> bool:
    return (
        type(pair) is tuple and len(pair) == 2 and type(pair[0]) is bytes and type(pair[1]) is bytes
    )


def is_target(target: bytes) -> bool:
    """Say whether each byte may stand in a request target (RFC 9112 §3.2), of one at least."""
    return bool(target) and _BAD_TARGET.search(target) is None


def is_lower_name(name: bytes) -> bool:
    """Say whether HTTP/2 lets a field have this name (RFC 9113 §8.2.1): a token in lower case.

    That of a pseudo-field has a colon before it.
    """
    return _LOWER_NAME.fullmatch(name) is not None


def is_field_value(value: bytes) -> bool:
    """Say whether HTTP/2 lets a field have this value (RFC 9113 §8.2.1, RFC 9110 §5.5).

    It has no control character but tabs, and white space neither before nor behind it.
    """
    return _BAD_VALUE.search(value) is None and value == value.strip(b" \t")


def method_of(method: bytes) -> str:
    """Return a method as text. Raises `Refusal` 400 when it isn't a token."""
    known = _METHODS.get(method)
    if known is not None:
        return known
    if _TOKEN.fullmatch(method) is None:
        raise Refusal(400, "malformed method")
    return method.decode("ascii")


def _checked_pair(pair: Iterable[Any]) -> tuple[bytes, bytes]:
    try:
        name, value = pair
    except (TypeError, ValueError):
        raise ResponseError(f"a header must be a (name, value) pair, not {pair!r}") from None
    if not isinstance(name, bytes):
        name = _as_bytes(name, "name")
    if not isinstance(value, bytes):
        value = _as_bytes(value, "value")
    known = _NAMES.get(name)
    if known is None:
        if _TOKEN.fullmatch(name) is None:
            raise ResponseError(f"header name {name!r} is not a token")
        known = name.lower()
    if _BAD_VALUE.search(value) is not None:
        raise ResponseError(f"value of header {name!r} has a control character: {value!r}")
    return known, value


def _as_bytes(value: object, part: str) -> bytes:
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise ResponseError(f"a header's {part} must be bytes, not {type(value).__name__}: {value!r}")


def _only_length(value: bytes, before: int) -> int:
    """Return a response's Content-Length; `before` is that of an earlier field, -1 for none."""
    if before >= 0:
        raise ResponseError("a response has one Content-Length, the app sent two")
    # The content is counted in 64 bits.
    if _LENGTH.fullmatch(value) is None or int(value) >= 1 << 63:
        raise ResponseError(f"Content-Length must be a whole number below 2**63, not {value!r}")
    return int(value)
