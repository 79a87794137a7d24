"""Addresses as proxies write them."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tricorn.edge.nodes import parse_host, parse_node, parse_port


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.7", "192.0.2.7", 0),
        ("192.0.2.7:55", "192.0.2.7", 55),
        ("2001:DB8::7", "2001:db8::7", 0),
        ("[2001:db8::7]", "2001:db8::7", 0),
        ("[2001:db8::7]:65535", "2001:db8::7", 65535),
        ("::ffff:192.0.2.7", "192.0.2.7", 0),
        ("[::FFFF:c000:207]:1", "192.0.2.7", 1),
        ("::1", "::1", 0),
    ],
)
def test_a_node(text: str, address: str, port: int) -> None:
    assert parse_node(text) == (ipaddress.ip_address(address), port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "_hidden",
        "example.com",
        "192.0.2.256",
        "192.0.2",
        "192.000.002.007",
        "0x7f000001",
        "2130706433",
        "192.0.2.7:",
        "192.0.2.7:65536",
        "192.0.2.7:-1",
        "192.0.2.7:1_0",
        "192.0.2.7:\u0661",
        "192.0.2.7: 55",
        "192.0.2.7 ",
        "[192.0.2.7]:55",
        "[2001:db8::7",
        "[2001:db8::7]55",
        "[2001:db8::7]:",
        "2001:db8::7]:55",
        "fe80::1%eth0",
        "[fe80::1%\x1b[2J]:1",
        "[]",
        "1" * 54,
    ],
)
def test_no_node(text: str) -> None:
    assert parse_node(text) is None


@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_address_is_read_in_both_spellings(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    bracketed = f"[{address}]" if address.version == 6 else str(address)
    read = parse_node(str(address))
    assert read is not None
    assert parse_node(f"{bracketed}:{port}") == (read[0], port)


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("example.com", "example.com", None),
        ("Example.com.:8443", "Example.com.", 8443),
        ("my_app-1", "my_app-1", None),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]", "::1", None),
        ("[2001:db8::7]:443", "2001:db8::7", 443),
    ],
)
def test_a_host(text: str, name: str, port: int | None) -> None:
    assert parse_host(text) == (text.encode(), name, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a/b",
        "user@a",
        "a,b",
        "a:b",
        "a:0",
        "a:70000",
        "a:",
        "-a",
        "a\r\nb",
        "a\n",
        "é",
        "a%20b",
        "::1",
        "[::1",
        "[a]",
        "[fe80::1%1]",
        "[::1]x",
        "a" * 300,
        '"',
        "<script>",
    ],
)
def test_no_host(text: str) -> None:
    assert parse_host(text) is None


@given(st.text(st.characters(max_codepoint=255)))
def test_what_is_read_as_a_host_is_plain(text: str) -> None:
    if (host := parse_host(text)) is not None:
        assert set(host.field) <= set(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:[]"
        )


@pytest.mark.parametrize(("text", "port"), [("1", 1), ("65535", 65535), ("0", 0), ("080", 80)])
def test_a_port(text: str, port: int) -> None:
    assert parse_port(text) == port


@pytest.mark.parametrize("text", ["", "65536", "100000", "+1", "1\n", "1 ", "\u00b2", "1_0"])
def test_no_port(text: str) -> None:
    assert parse_port(text) is None
