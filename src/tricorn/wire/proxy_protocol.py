"""The PROXY protocol: what a proxy says of a connection before its first byte.

Both versions of HAProxy's proxy-protocol.txt, whose sections are cited. Nothing is kept between
two calls: `read_header` is asked again with all that has come whenever more has.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final, NamedTuple

from tricorn.wire.errors import ProxyHeaderError

VERSIONS: Final = frozenset({1, 2})
MOST_BYTES: Final = 16384
"""Of a header of version 2 at most, its first 16 included: room for a client's certificate."""

# §2.1: the longest line, with its CRLF; of what says version 1, and of what says version 2.
_LINE: Final = 107
_WORD: Final = b"PROXY "
_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED: Final = 16

_LINE_END: Final = b"\r\n"
_PORT: Final = re.compile(rb"(?:0|[1-9][0-9]{0,4})\Z")
_PROTOCOLS: Final = {b"TCP4": 4, b"TCP6": 6}

# §2.2: version and command, family and protocol, and how long the addresses are.
_LOCAL: Final = 0x20
_PROXY: Final = 0x21
_UNSPECIFIED: Final = 0x00
_STREAMS: Final = {0x11: (4, 12), 0x21: (6, 36), 0x31: (0, 216)}
_DATAGRAMS: Final = frozenset({0x12, 0x22, 0x32})
_PATH: Final = 108

# §2.2.1: types of TLVs.
_CHECKSUM: Final = 0x03
_TLS: Final = 0x20
_CLIENT_TLS: Final = 0x01  # §2.2.5, of the first byte: the client came over TLS

# The Castagnoli polynomial, its bits reversed (RFC 3720 §B.4).
_CASTAGNOLI: Final = 0x82F63B78

Address = tuple[str, int]


class ProxyHeader(NamedTuple):
    """What a header says.

    `addresses` is False where the connection's own hold (LOCAL, UNKNOWN, UNSPEC). `client` is None
    for one that came over a Unix socket; `server` is then its path and None, or None without a
    path. `secure`: the client came over TLS, as the proxy's TLV says.
    """

    addresses: bool = False
    client: Address | None = None
    server: tuple[str, int | None] | None = None
    secure: bool = False


def read_header(data: bytes, versions: frozenset[int] = VERSIONS) -> tuple[ProxyHeader, int] | None:
    """Read the header that `data` begins with.

    Returns it and its size in bytes, or None where more is to come: then all of `data` belongs to
    the header. Raises `ProxyHeaderError` as early as the bytes tell.
    """
    for version, start, read in ((1, _WORD, _read_line), (2, _SIGNATURE, _read_binary)):
        if data[: len(start)] == start[: len(data)]:
            if len(data) >= len(start) and version not in versions:
                raise ProxyHeaderError(f"its header is of version {version}, which isn't taken")
            return read(data)
    raise ProxyHeaderError("it sent no header")


# Version 1: a line of text (§2.1)


def _read_line(data: bytes) -> tuple[ProxyHeader, int] | None:
    head = data[:_LINE]
    end = head.find(_LINE_END)
    if end < 0:
        # What comes may still be the LF of a last CR.
        _refuse_controls(head[:-1] if head.endswith(b"\r") else head)
        if len(head) >= _LINE:
            raise ProxyHeaderError(f"the line is longer than {_LINE} bytes")
        return None
    line = head[:end]
    _refuse_controls(line)
    return _line_header(line[len(_WORD) :].split(b" ")), end + len(_LINE_END)


def _refuse_controls(line: bytes) -> None:
    if b"\n" in line or b"\r" in line or b"\0" in line:
        raise ProxyHeaderError("the line isn't ended by CRLF")


def _line_header(words: list[bytes]) -> ProxyHeader:
    if words[0] == b"UNKNOWN":
        # §2.1: whatever stands behind it must be ignored.
        return ProxyHeader()
    family = _PROTOCOLS.get(words[0])
    if family is None:
        raise ProxyHeaderError("the line names no protocol that is known")
    if len(words) != 5:
        raise ProxyHeaderError("the line doesn't have two addresses and two ports")
    source, target = (_text_address(word, family) for word in words[1:3])
    return ProxyHeader(True, (source, _text_port(words[3])), (target, _text_port(words[4])))


def _text_address(word: bytes, family: int) -> str:
    try:
        text = word.decode("ascii")
        # A zone (`fe80::1%eth0`) has no meaning on another machine.
        address = ipaddress.ip_address("" if "%" in text else text)
    except ValueError:
        address = None
    if address is None or address.version != family:
        raise ProxyHeaderError(f"the line has an address that isn't IPv{family}")
    return _name(address)


def _text_port(word: bytes) -> int:
    if not _PORT.match(word) or int(word) > 65535:
        raise ProxyHeaderError("the line has a port that is none")
    return int(word)


def _name(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """As the scope has it: IPv4 inside IPv6 as IPv4 (RFC 4291 §2.5.5.2)."""
    return str(getattr(address, "ipv4_mapped", None) or address)


# Version 2: binary (§2.2)


def _read_binary(data: bytes) -> tuple[ProxyHeader, int] | None:
    if len(data) > 12 and data[12] not in (_LOCAL, _PROXY):
        raise ProxyHeaderError("its version or command isn't known")
    if len(data) > 13 and data[12] == _PROXY:
        _refuse_family(data[13])
    if len(data) < _FIXED:
        return None
    size = _FIXED + int.from_bytes(data[14:16], "big")
    if size > MOST_BYTES:
        raise ProxyHeaderError(f"the header is longer than {MOST_BYTES} bytes")
    if len(data) < size:
        return None
    if data[12] == _LOCAL:
        # §2.2: the proxy's own connection, as of a health check. The rest must be ignored.
        return ProxyHeader(), size
    return _binary_header(data[:size]), size


def _refuse_family(family: int) -> None:
    if family in _DATAGRAMS:
        raise ProxyHeaderError("it forwards datagrams")
    if family != _UNSPECIFIED and family not in _STREAMS:
        raise ProxyHeaderError("its address family isn't known")


def _binary_header(header: bytes) -> ProxyHeader:
    family, length = _STREAMS.get(header[13], (None, 0))
    if len(header) < _FIXED + length:
        raise ProxyHeaderError("the header is shorter than its addresses")
    secure = _read_tlvs(header, _FIXED + length) if family is not None else False
    if family is None:
        # What follows may be addresses of a family that nobody told us of, and no TLVs.
        return ProxyHeader()
    block = header[_FIXED : _FIXED + length]
    if not family:
        path = block[_PATH:].split(b"\0", 1)[0].decode("utf-8", "replace")
        return ProxyHeader(True, None, (path, None) if path else None, secure)
    size = 4 if family == 4 else 16
    hosts = [_name(ipaddress.ip_address(block[at : at + size])) for at in (0, size)]
    ports = [int.from_bytes(block[at : at + 2], "big") for at in (2 * size, 2 * size + 2)]
    return ProxyHeader(True, (hosts[0], ports[0]), (hosts[1], ports[1]), secure)


def _read_tlvs(header: bytes, at: int) -> bool:
    """Walk the TLVs from `at` on; return whether the client came over TLS (§2.2.5)."""
    secure = False
    seen = set()
    while at < len(header):
        value = at + 3
        end = value + int.from_bytes(header[at + 1 : value], "big")
        if value > len(header) or end > len(header):
            raise ProxyHeaderError("the header ends within a TLV")
        kind = header[at]
        if kind in (_CHECKSUM, _TLS):
            if kind in seen:
                raise ProxyHeaderError("a TLV that may come once comes twice")
            seen.add(kind)
        if kind == _CHECKSUM:
            _check_checksum(header, value, end)
        elif kind == _TLS:
            # One byte of flags, four that say whether a certificate was good, then TLVs.
            if end - value < 5:
                raise ProxyHeaderError("the TLV about TLS is too short")
            secure = bool(header[value] & _CLIENT_TLS)
        at = end
    return secure


def _check_checksum(header: bytes, start: int, end: int) -> None:
    """§2.2.4: CRC32c of the whole header, with zeros in the place of the checksum."""
    if end - start != 4:
        raise ProxyHeaderError("the checksum doesn't have four bytes")
    blank = header[:start] + b"\0\0\0\0" + header[end:]
    if crc32c(blank) != int.from_bytes(header[start:end], "big"):
        raise ProxyHeaderError("the checksum doesn't fit")


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720 §B.4, as zlib has another one."""
    table = _crc_table()
    value = 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


@lru_cache(maxsize=1)
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_CASTAGNOLI if value & 1 else 0)
        table.append(value)
    return tuple(table)


__all__ = ["MOST_BYTES", "VERSIONS", "ProxyHeader", "crc32c", "read_header"]
