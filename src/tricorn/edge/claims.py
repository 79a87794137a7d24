"""What trusted proxies say of a request: read from its fields, each family by its own rules.

Pure functions: fields in, a `Claim` out. All of them read from the right, where our own proxy
wrote; a claim further left counts only while the address that made it is trusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from tricorn.edge.nodes import Address, Host, parse_host, parse_node, parse_port
from tricorn.edge.rfc7239 import LONGEST_CHAIN, elements_from_right, parse_element
from tricorn.edge.trust import TrustedPeers

__all__ = [
    "FORWARDING_FIELDS",
    "Claim",
    "agreed",
    "forwarded_claim",
    "joined",
    "x_forwarded_claim",
]

FORWARDING_FIELDS = frozenset(
    [
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
    ]
)

T = TypeVar("T")

_SECURE = {"http": False, "ws": False, "https": True, "wss": True}


class Claim(NamedTuple):
    """What is said about one request. None: nothing."""

    client: tuple[str, int] | None = None  # the address in its usual spelling, the port or 0
    secure: bool | None = None  # came over TLS, be it HTTP or WebSocket
    host: Host | None = None
    port: int | None = None
    disputed: bool = False  # the client is named twice, and differently


class Chain:
    """Follows the proxies from ours towards the client, as far as they are trusted."""

    def __init__(self, trusted: TrustedPeers, hops: int | None) -> None:
        # Under `*` every address is trusted, so the walk would end at the leftmost entry, which
        # is the client's own claim. It has to be told how many proxies there are.
        self._left = 1 if hops is None and trusted.everybody else hops
        self._trusted = trusted

    def goes_on_behind(self, address: Address) -> bool:
        """Whether the next entry to the left was written by a trusted proxy, this `address`."""
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                return False
        return self._trusted.trusts_address(address)


def x_forwarded_claim(fields: dict[bytes, bytes], trusted: TrustedPeers, hops: int | None) -> Claim:
    """The claim of the X-Forwarded-* fields, each of them `joined`."""
    proto = _last(fields.get(b"x-forwarded-proto")).lower()
    node = None
    chain = Chain(trusted, hops)
    for entry in _from_right(fields.get(b"x-forwarded-for", b"")):
        next_node = parse_node(entry)
        if next_node is None:
            break
        node = next_node
        if not chain.goes_on_behind(node[0]):
            break
    return Claim(
        _client(node),
        _SECURE.get(proto),
        parse_host(_last(fields.get(b"x-forwarded-host"))),
        parse_port(_last(fields.get(b"x-forwarded-port"))) or None,
    )


def forwarded_claim(field: bytes, trusted: TrustedPeers, hops: int | None) -> Claim:
    """The claim of a `Forwarded` field (RFC 7239), its lines joined.

    Scheme and host are taken from the outermost element that is believed and has them. An
    obfuscated node (`_x`, `unknown`) ends the walk, as there is no address to trust.
    """
    node = secure = host = None
    chain = Chain(trusted, hops)
    for element in elements_from_right(field.decode("latin-1")):
        said = parse_element(element)
        if said is None:
            break
        secure = _SECURE.get(said.get("proto", "").lower(), secure)
        host = parse_host(said.get("host", "")) or host
        next_node = parse_node(said.get("for", ""))
        if next_node is None:
            break
        node = next_node
        if not chain.goes_on_behind(node[0]):
            break
    return Claim(_client(node), secure, host)


def _client(node: tuple[Address, int] | None) -> tuple[str, int] | None:
    return None if node is None else (str(node[0]), node[1])


def agreed(one: Claim, other: Claim) -> Claim:
    """What two claims say together. Where they differ, neither is believed.

    A proxy that writes one family passes the other on as the client sent it, and nothing tells
    which is which.
    """
    client = one.client or other.client
    disputed = bool(one.client and other.client and one.client[0] != other.client[0])
    return Claim(
        None if disputed else client,
        _same(one.secure, other.secure),
        _same(one.host, other.host),
        one.port,
        disputed,
    )


def _same(one: T | None, other: T | None) -> T | None:
    if one is None or other is None:
        return other if one is None else one
    return one if one == other else None


def _last(value: bytes | None) -> str:
    """The last entry of a list field, which is what the nearest proxy said."""
    return (value or b"").decode("latin-1").rpartition(",")[2].strip(" \t")


def _from_right(value: bytes) -> Iterator[str]:
    """The entries of a list field, last first, without empty ones (RFC 9110, section 5.6.1.2).

    One at a time: most of a long list is never looked at, and its far left not at all.
    """
    cut = len(value) > LONGEST_CHAIN
    value = value[-LONGEST_CHAIN:]
    end = len(value)
    while end >= 0:
        comma = value.rfind(b",", 0, end)
        if comma < 0 and cut:
            return
        if entry := value[comma + 1 : end].strip(b" \t"):
            yield entry.decode("latin-1")
        end = comma


def joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The fields by name, several lines of one joined in order with a comma (RFC 9110, 5.3)."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return {name: b",".join(values) for name, values in found.items()}
