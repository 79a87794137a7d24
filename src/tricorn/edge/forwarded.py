"""Forwarding fields: who the client is when a proxy stands between.

`Forwarding` is what the server uses, `ProxyHeadersMiddleware` the same as plain ASGI middleware.
docs/proxies.md has the rules, and where they depart from Uvicorn's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from tricorn.edge.claims import (
    FORWARDING_FIELDS,
    Claim,
    agreed,
    forwarded_claim,
    joined,
    x_forwarded_claim,
)
from tricorn.edge.nodes import Host
from tricorn.edge.trust import TrustedPeers

__all__ = ["FORWARDING_FIELDS", "Forwarding", "ProxyHeadersMiddleware", "TrustedPeers"]

# What is remembered of fields already read: so many different ones, of so many octets each.
KNOWN_CLAIMS = 1024
LONGEST_KNOWN = 256

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Fields = tuple[tuple[bytes, bytes], ...]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Forwarding:
    """Puts into a scope what trusted proxies say about the client's side.

    `hops` is the number of proxies between the client and us, ours included: so many entries
    are believed at most. None: as far as the addresses are trusted, or one under `*`. `fields` is
    what is read at all, lower-case names; your proxy must set or delete each of them.

    Raises ValueError for `hops` below 1 and for a field that isn't one of `FORWARDING_FIELDS`.
    """

    def __init__(
        self,
        trusted: TrustedPeers,
        hops: int | None = None,
        fields: Iterable[bytes] = FORWARDING_FIELDS,
    ) -> None:
        if hops is not None and hops < 1:
            raise ValueError(f"forwarded hops must be at least 1, not {hops}")
        self._fields = frozenset(fields)
        if unknown := sorted(self._fields - FORWARDING_FIELDS):
            raise ValueError(f"{unknown[0].decode('latin-1')!r} is no forwarding field")
        self._trusted = trusted
        self._hops = hops
        self._known: dict[Fields, Claim] = {}

    def trusts(self, client: tuple[str, int] | None) -> bool:
        """Whether the forwarding fields of this peer count. None: a peer on a Unix socket."""
        return self._trusted.trusts(None if client is None else client[0])

    def apply(self, scope: Scope) -> None:
        """Correct `client`, `scheme`, `server` and the host field of an http or websocket scope.

        For requests of a trusted peer only: ask `trusts` first. Changes `scope` in place, so it
        must be the caller's own; the list in `scope["headers"]` is replaced, not changed. Never
        raises, whatever the fields hold.
        """
        wanted = self._fields
        fields = tuple([(name, value) for name, value in scope["headers"] if name in wanted])
        if not fields:
            return
        claim = self._known.get(fields)
        if claim is None:
            claim = self._remember(fields)
        _put(claim, scope)

    def _remember(self, fields: Fields) -> Claim:
        """To read the fields costs as much as to serve a request, and clients come back."""
        claim = self._claim(fields)
        if sum([len(value) for _, value in fields]) <= LONGEST_KNOWN:
            if len(self._known) >= KNOWN_CLAIMS:
                self._known.clear()
            self._known[fields] = claim
        return claim

    def _claim(self, fields: Fields) -> Claim:
        by_name = joined(fields)
        field = by_name.pop(b"forwarded", None)
        claim = x_forwarded_claim(by_name, self._trusted, self._hops) if by_name else Claim()
        if field is None:
            return claim
        return agreed(claim, forwarded_claim(field, self._trusted, self._hops))


class ProxyHeadersMiddleware:
    """`Forwarding` around any ASGI app, for http and websocket scopes; others pass untouched."""

    def __init__(
        self, app: App, trusted_hosts: str | Iterable[str] = "127.0.0.1", hops: int | None = None
    ) -> None:
        self.app = app
        self._forwarding = Forwarding(TrustedPeers(trusted_hosts), hops)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and self._forwarding.trusts(scope.get("client")):
            self._forwarding.apply(scope)
        await self.app(scope, receive, send)


def _put(claim: Claim, scope: Scope) -> None:
    if claim.client is not None:
        scope["client"] = claim.client
    elif claim.disputed:
        # Nobody knows who it is. To leave the proxy's own address there would let a client that
        # adds a contradicting field pass for the proxy.
        scope["client"] = None
    if claim.secure is not None:
        scheme = "ws" if scope["type"] == "websocket" else "http"
        scope["scheme"] = f"{scheme}s" if claim.secure else scheme
    if claim.host is not None:
        _put_host(claim.host, claim.port, scope)
    elif claim.port is not None:
        _put_port(claim.port, scope)


def _put_host(host: Host, port: int | None, scope: Scope) -> None:
    default = 443 if scope.get("scheme") in ("https", "wss") else 80
    scope["server"] = (host.name, host.port or port or default)
    others = [field for field in scope["headers"] if field[0] != b"host"]
    scope["headers"] = [(b"host", host.field), *others]


def _put_port(port: int, scope: Scope) -> None:
    server = scope.get("server")
    if server and server[1] is not None:  # a Unix socket has a path and no port
        scope["server"] = (server[0], port)
