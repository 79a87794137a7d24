"""Request targets and Host values (RFC 9112 §3.2, RFC 3986 §3.2)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Final

from tricorn.wire.errors import Refusal

# uri-host [":" port]: a registered name or IPv4 address, or an IP literal in
# brackets. No userinfo. An empty host is what a client sends whose target has no
# authority.
_HOST: Final = re.compile(
    rb"(?:\[([0-9A-Fa-f:.]{2,45})\]|\[v[0-9A-Fa-f]{1,8}\.[A-Za-z0-9\-._~!$&'()*+;=:]{1,64}\]"
    rb"|(?:[A-Za-z0-9\-._~!$&'()*+;=]|%[0-9A-Fa-f]{2})*)"
    rb"(?::([0-9]{0,5}))?"
)
# A host name has 253 octets at most (RFC 1035 §2.3.4), written in percent-encoding three
# times as many.
_LONGEST: Final = 1024
_ABSOLUTE: Final = re.compile(rb"https?://", re.IGNORECASE)

# A server hears few different Host values; whoever invents many only makes us
# check them again.
_seen: dict[bytes, bool] = {}
_SEEN_LIMIT: Final = 256


def host_is_valid(value: bytes) -> bool:
    """Say whether `value` is a Host field value (RFC 9110 §7.2)."""
    known = _seen.get(value)
    if known is None:
        known = _check(value)
        if len(value) <= 255:
            if len(_seen) >= _SEEN_LIMIT:
                _seen.clear()
            _seen[value] = known
    return known


def _check(value: bytes) -> bool:
    if len(value) > _LONGEST:
        return False
    match = _HOST.fullmatch(value)
    if match is None:
        return False
    if match[1] and not _is_ipv6(match[1].decode("ascii")):
        return False
    if value.startswith(b":"):
        # RFC 9110 §4.2.1: an http URI has a host where it has a port.
        return False
    return not match[2] or int(match[2]) <= 65535


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def authority_of(target: bytes) -> tuple[bytes, bytes]:
    """Split an absolute-form target into its authority and its path with query.

    Raises `Refusal` 400 when the target is neither origin-form nor an http(s) URI
    with a host.
    """
    match = _ABSOLUTE.match(target)
    if match is None:
        raise Refusal(400, "request target must start with a slash")
    rest = target[match.end() :]
    end = len(rest)
    for mark in (b"/", b"?"):
        index = rest.find(mark)
        if 0 <= index < end:
            end = index
    authority, rest = rest[:end], rest[end:]
    if not authority or authority.startswith(b":") or not host_is_valid(authority):
        raise Refusal(400, "malformed authority in the request target")
    if not rest.startswith(b"/"):
        rest = b"/" + rest
    return authority, rest
