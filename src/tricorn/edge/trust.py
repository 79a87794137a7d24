"""Which peers may speak for others."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from tricorn.edge.nodes import Address, ip_address

__all__ = ["TrustedPeers"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CACHED_PEERS = 1024
_LONGEST_CACHED = 64
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


class TrustedPeers:
    """The peers whose forwarding fields are believed.

    `peers` is a comma-separated text or an iterable of: IP addresses, networks (`10.0.0.0/8`),
    `unix` for whoever connects over a Unix socket (a socket's path means the same, as such a peer
    has no address of its own), other names for peers that aren't IP addresses, or `*`, alone, for
    everybody. IPv4 and IPv4-mapped IPv6 are the same.

    Raises ValueError with one line for a network that isn't one and for `*` among others.
    """

    def __init__(self, peers: str | Iterable[str] = ()) -> None:
        entries = peers.split(",") if isinstance(peers, str) else peers
        entries = [entry for entry in map(str.strip, entries) if entry]
        self.everybody = "*" in entries
        if self.everybody and any(entry != "*" for entry in entries):
            raise ValueError("trusted peers: '*' trusts everybody, so it must stand alone")
        self.unix = self.everybody
        self._addresses: set[Address] = set()
        self._networks: list[Network] = []
        self._literals: set[str] = set()
        self._known: dict[str, bool] = {}
        for entry in entries:
            self._add(entry)

    def _add(self, entry: str) -> None:
        if entry == "unix" or entry.startswith(("/", "unix:")):
            self.unix = True
        elif "/" in entry:
            self._networks.append(_network(entry))
        elif (address := ip_address(entry)) is not None:
            self._addresses.add(address)
        else:
            self._literals.add(entry)

    def trusts(self, host: str | None) -> bool:
        """Whether the peer at `host` is trusted; None is a peer on a Unix socket."""
        if host is None:
            return self.unix
        if self.everybody:
            return True
        known = self._known.get(host)
        if known is None:
            known = self._look_up(host)
            if len(self._known) >= CACHED_PEERS:
                self._known.clear()
            if len(host) <= _LONGEST_CACHED:
                self._known[host] = known
        return known

    def trusts_address(self, address: Address) -> bool:
        """The same for an address already parsed by `nodes.ip_address`."""
        if self.everybody or address in self._addresses:
            return True
        return any(address in network for network in self._networks)

    def _look_up(self, host: str) -> bool:
        address = ip_address(host)
        if address is None:
            return host in self._literals
        return self.trusts_address(address)


def _network(entry: str) -> Network:
    try:
        network = ipaddress.ip_network(entry)
    except ValueError as error:
        raise ValueError(f"trusted peers: {entry!r} is not a network: {error}") from None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ipaddress.IPv4Network((int(mapped or 0), network.prefixlen - 96))
    return network
