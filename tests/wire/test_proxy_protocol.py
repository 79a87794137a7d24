"""The PROXY protocol's reader: the data file, and what holds for any header and any bytes."""

from __future__ import annotations

import tomllib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wire.proxy_headers import SIGNATURE, from_words, header_of, tlv
from tricorn.wire.errors import ProxyHeaderError
from tricorn.wire.proxy_protocol import VERSIONS, ProxyHeader, crc32c, read_header

FILE = Path(__file__).with_name("proxy_protocol.toml")
KEYS = {"title", "clause", "text", "hex", "each", "versions", "client", "server", "secure"}
KEYS |= {"local", "refused", "incomplete"}
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclass(frozen=True)
class Case:
    title: str
    data: bytes
    versions: frozenset[int]
    header: ProxyHeader | None
    refused: str


def cases() -> Iterator[Case]:
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["case"]
    for row in rows:
        assert not set(row) - KEYS, row
        assert row["clause"]
        for each in row.get("each", [None]):
            yield case(row, each)


def case(row: dict[str, Any], each: str | None) -> Case:
    written = row["text"] if "text" in row else row["hex"]
    written = written if each is None else written.replace("{each}", each)
    data = written.encode("latin-1") if "text" in row else from_words(written)
    title = row["title"] if each is None else f"{row['title']}: {each!r}"
    header = None
    if "refused" not in row and not row.get("incomplete"):
        client, server = row.get("client"), row.get("server")
        header = ProxyHeader(
            not row.get("local", False),
            None if client is None else tuple(client),
            None if server is None else (server[0], server[1] if server[1:] else None),
            row.get("secure", False),
        )
    versions = frozenset(row.get("versions", VERSIONS))
    return Case(title, data, versions, header, row.get("refused", ""))


CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[one.title[:60] for one in CASES])
def test_case(case: Case) -> None:
    data, versions = case.data, case.versions
    if case.refused:
        with pytest.raises(ProxyHeaderError) as caught:
            read_header(data + REQUEST, versions)
        assert case.refused in caught.value.reason
        assert caught.value.reason.isascii()
        assert bytewise(data + REQUEST, versions) == caught.value.reason
        return
    if case.header is None:
        assert read_header(data, versions) is None
    else:
        assert read_header(data, versions) == (case.header, len(data))
        assert read_header(data + REQUEST, versions) == (case.header, len(data))
    assert bytewise(data, versions) == case.header


def bytewise(data: bytes, versions: frozenset[int] = VERSIONS) -> ProxyHeader | str | None:
    """What is read once the bytes suffice, asked at each; what was refused stays so."""
    for size in range(len(data) + 1):
        try:
            found = read_header(data[:size], versions)
        except ProxyHeaderError as error:
            return error.reason
        if found is not None:
            assert found[1] == size
            return found[0]
    return None


def test_the_checksum_is_castagnolis() -> None:
    # RFC 3720 B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283 != zlib.crc32(b"123456789")


addresses4 = st.ip_addresses(v=4)
addresses6 = st.ip_addresses(v=6).filter(lambda one: one.ipv4_mapped is None)  # type: ignore[union-attr]
ports = st.integers(0, 65535)
tlvs = st.lists(
    st.tuples(st.sampled_from([1, 2, 4, 5, 0x30, 0xE0, 0xF8]), st.binary(max_size=40)), max_size=5
)


@given(
    st.one_of(st.tuples(addresses4, addresses4), st.tuples(addresses6, addresses6)),
    ports,
    ports,
    tlvs,
    st.booleans(),
    st.booleans(),
    st.binary(max_size=9),
)
def test_what_a_proxy_writes_is_read(
    pair: tuple[Any, Any],
    source: int,
    target: int,
    others: list[tuple[int, bytes]],
    secure: bool,
    summed: bool,
    behind: bytes,
) -> None:
    client, server = (str(pair[0]), source), (str(pair[1]), target)
    line = f"PROXY TCP{pair[0].version} {client[0]} {server[0]} {source} {target}\r\n".encode()
    assert read_header(line + behind) == (ProxyHeader(True, client, server), len(line))
    ssl = tlv(0x20, bytes([secure]) + bytes(4))
    data = header_of(client, server, [tlv(*one) for one in others] + [ssl], summed)
    assert read_header(data + behind) == (ProxyHeader(True, client, server, secure), len(data))
    assert read_header(data[:-1]) is None


@given(
    st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 1.2.3.4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]),
    st.binary(max_size=60),
)
@example(b"PROXY ", b"\r")
def test_any_bytes_read_the_same_however_they_come(start: bytes, rest: bytes) -> None:
    data = start + rest
    try:
        found = read_header(data)
    except ProxyHeaderError as error:
        assert bytewise(data) == error.reason
    else:
        assert bytewise(data) == (None if found is None else found[0])


def test_a_changed_byte_under_a_checksum_is_noticed() -> None:
    data = header_of(("203.0.113.7", 1), ("192.0.2.1", 2), [tlv(2, b"a.example")], True)
    kinds_and_lengths = {28, 29, 30, 40, 41, 42}
    for at in set(range(16, len(data))) - kinds_and_lengths:
        changed = bytearray(data)
        changed[at] ^= 1
        with pytest.raises(ProxyHeaderError, match="checksum doesn't fit"):
            read_header(bytes(changed))
