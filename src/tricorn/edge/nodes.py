"""Addresses as proxies write them: `192.0.2.7`, `192.0.2.7:55`, `[2001:db8::7]:55`, `2001:db8::7`.

Pure functions on text. Nothing here raises on bad input: what isn't an address is None.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Address", "Host", "ip_address", "parse_host", "parse_node", "parse_port"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Host(NamedTuple):
    """A host with or without its port, and the value of a Host field that says so."""

    field: bytes
    name: str  # IPv6 without brackets
    port: int | None


# The longest address is 45 characters, with brackets and port 53. What is longer is no address,
# and must not sit in a cache.
LONGEST_NODE = 53

_PORT = re.compile(r"[0-9]{1,5}\Z")
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_.])?\Z")


def ip_address(text: str) -> Address | None:
    """An IP address, with IPv4 inside IPv6 (`::ffff:192.0.2.7`) as the IPv4 address it stands for.

    A dual-stack socket names its IPv4 peers in that way (RFC 4291, section 2.5.5.2), so the two
    spellings must be one address to every rule.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=1024)
def _parse_short_node(node: str) -> tuple[Address, int] | None:
    host, port = _split_port(node)
    number = 0 if port is None else parse_port(port)
    # A zone (`fe80::1%eth0`) has no meaning on another machine, and may hold any text.
    if number is None or "%" in host:
        return None
    address = ip_address(host)
    return None if address is None else (address, number)


def parse_node(node: str) -> tuple[Address, int] | None:
    """An address with its port, or with 0 if it has none; None if that isn't what `node` is."""
    return _parse_short_node(node) if len(node) <= LONGEST_NODE else None


def parse_port(text: str) -> int | None:
    """A TCP port: ASCII digits, at most 65535."""
    if not _PORT.match(text) or int(text) > 65535:
        return None
    return int(text)


def parse_host(text: str) -> Host | None:
    """A Host field's value (RFC 9110, section 7.2); None if it isn't one.

    Stricter than the URI grammar: a host is an address or a name of letters, digits, `-`, `_` and
    `.`, as it ends up in links and redirects.
    """
    if len(text) > 262:  # 255 for a name, with its dot, 1 for the colon, 5 for the port
        return None
    host, port = _split_port(text)
    number = None if port is None else parse_port(port)
    if port is not None and not number:
        return None
    if text.startswith("["):
        valid = "%" not in host and ip_address(host) is not None and ":" in host
    else:
        valid = _NAME.match(host) is not None
    return Host(text.encode("ascii"), host, number) if valid else None


def _split_port(text: str) -> tuple[str, str | None]:
    """Host and port as text; the whole is the host where the two can't be told apart."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return text, None
        # `[192.0.2.7]` is no address: brackets are for IPv6 alone (RFC 3986, section 3.2.2).
        if ":" not in host:
            return text, None
        return host, rest[1:] if rest else None
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, None
