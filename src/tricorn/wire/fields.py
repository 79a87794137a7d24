"""Header fields: the names met often, and which of them frame a message.

Grammar: RFC 9110 §5.1 (names are tokens), §5.5 (values), §5.6.2 (tokens).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tricorn.wire.errors import ResponseError

Fields = list[tuple[bytes, bytes]]

TOKEN_BYTES: Final = (
    b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

# Fields the reader of a request must see, by their place in `scan_fields`'s
# `special` list. A name may stand here only if HTTP/1.1 acts on it.
HOST: Final = 0
CONTENT_LENGTH: Final = 1
TRANSFER_ENCODING: Final = 2
CONNECTION: Final = 3
EXPECT: Final = 4
UPGRADE: Final = 5
TE: Final = 6
FORWARDED: Final = 7
SPECIALS: Final = 8

SPECIAL_FIELDS: Final[dict[bytes, int]] = {
    b"host": HOST,
    b"content-length": CONTENT_LENGTH,
    b"transfer-encoding": TRANSFER_ENCODING,
    b"connection": CONNECTION,
    b"expect": EXPECT,
    b"upgrade": UPGRADE,
    b"te": TE,
    b"forwarded": FORWARDED,
    b"x-forwarded-for": FORWARDED,
    b"x-forwarded-proto": FORWARDED,
    b"x-forwarded-host": FORWARDED,
    b"x-forwarded-port": FORWARDED,
}

# Flags of `scan_fields`: bit n says that special n was seen, bit n + REPEATED
# that it was seen more than once.
REPEATED: Final = 16

# What `encode_fields` reports about a response's fields.
HAS_CONTENT_LENGTH: Final = 1
HAS_DATE: Final = 2
HAS_SERVER: Final = 4
WANTS_CLOSE: Final = 8

# Names worth one shared object each: the request fields of browsers, API clients
# and proxies.
COMMON_NAMES: Final[tuple[bytes, ...]] = (
    *SPECIAL_FIELDS,
    b"accept",
    b"accept-charset",
    b"accept-encoding",
    b"accept-language",
    b"access-control-request-headers",
    b"access-control-request-method",
    b"authorization",
    b"cache-control",
    b"content-encoding",
    b"content-type",
    b"cookie",
    b"date",
    b"dnt",
    b"if-match",
    b"if-modified-since",
    b"if-none-match",
    b"if-range",
    b"if-unmodified-since",
    b"keep-alive",
    b"origin",
    b"pragma",
    b"priority",
    b"range",
    b"referer",
    b"sec-ch-ua",
    b"sec-ch-ua-mobile",
    b"sec-ch-ua-platform",
    b"sec-fetch-dest",
    b"sec-fetch-mode",
    b"sec-fetch-site",
    b"sec-fetch-user",
    b"sec-gpc",
    b"sec-websocket-extensions",
    b"sec-websocket-key",
    b"sec-websocket-protocol",
    b"sec-websocket-version",
    b"traceparent",
    b"tracestate",
    b"trailer",
    b"upgrade-insecure-requests",
    b"user-agent",
    b"via",
    b"x-api-key",
    b"x-csrftoken",
    b"x-real-ip",
    b"x-request-id",
    b"x-requested-with",
)

# A sender must not put these in a trailer section (RFC 9110 §6.5.1): they frame,
# route, authenticate or describe content that has already been read.
FORBIDDEN_TRAILERS: Final = frozenset(
    {
        b"authorization",
        b"cache-control",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-range",
        b"content-type",
        b"cookie",
        b"expect",
        b"host",
        b"keep-alive",
        b"max-forwards",
        b"proxy-authorization",
        b"proxy-connection",
        b"range",
        b"set-cookie",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)


# What is said about one connection has no place in HTTP/2 (RFC 9113 §8.2.2).
CONNECTION_SPECIFIC: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)


def tokens(value: bytes) -> list[bytes]:
    """Return the members of a comma-separated list in lower case (RFC 9110 §5.6.1)."""
    return [member.strip(b" \t").lower() for member in value.split(b",") if member.strip(b" \t")]


def check_handshake_fields(fields: Iterable[Iterable[bytes]]) -> None:
    """Raise `ResponseError` where an app that accepts a WebSocket sends what its handshake sets.

    `fields` are pairs.
    """
    for name, _ in fields:
        name = bytes(name).lower()
        if name == b"upgrade" or name.startswith(b"sec-websocket-"):
            instead = ": use 'subprotocol'" if name == b"sec-websocket-protocol" else ""
            field = name.decode("ascii")
            raise ResponseError(f"the handshake sets the field {field!r} itself{instead}")
