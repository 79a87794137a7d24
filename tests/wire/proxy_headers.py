"""Writes headers of the PROXY protocol, version 2, as a proxy does."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from tricorn.wire.proxy_protocol import crc32c

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_AFTER_LENGTH = len(SIGNATURE) + 4


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


def header_of(
    client: tuple[str, int],
    server: tuple[str, int],
    tlvs: Iterable[bytes] = (),
    summed: bool = False,
) -> bytes:
    """What a proxy says of a TCP connection; `summed`: with a checksum."""
    hosts = [ipaddress.ip_address(host) for host, _ in (client, server)]
    block = b"".join(host.packed for host in hosts)
    block += b"".join(port.to_bytes(2, "big") for _, port in (client, server))
    block += b"".join(tlvs)
    if summed:
        block += tlv(3, bytes(4))
    family = 0x11 if hosts[0].version == 4 else 0x21
    data = SIGNATURE + bytes([0x21, family]) + len(block).to_bytes(2, "big") + block
    return data[:-4] + crc32c(data).to_bytes(4, "big") if summed else data


def from_words(text: str) -> bytes:
    """Bytes from pairs of digits and the words that `proxy_protocol.toml` explains."""
    data = b""
    length = checksum = None
    for word in text.split():
        if word == "SIG":
            data += SIGNATURE
        elif word == "LEN":
            length = len(data)
            data += bytes(2)
        elif word == "CRC":
            checksum = len(data)
            data += bytes(4)
        elif match := re.fullmatch(r"([0-9a-f]{2})\*(\d+)", word):
            data += bytes.fromhex(match[1]) * int(match[2])
        else:
            assert re.fullmatch(r"[0-9a-f]{2}", word), word
            data += bytes.fromhex(word)
    if length is not None:
        data = data[:length] + (len(data) - _AFTER_LENGTH).to_bytes(2, "big") + data[length + 2 :]
    if checksum is not None:
        data = data[:checksum] + crc32c(data).to_bytes(4, "big") + data[checksum + 4 :]
    return data
