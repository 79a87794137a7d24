"""The opening handshake of a WebSocket, as the server reads it.

By an upgrade of HTTP/1.1 (RFC 6455 §4.2), or by an extended CONNECT of HTTP/2 (RFC 8441 §5).
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from hashlib import sha1
from typing import Final, NamedTuple

from tricorn.wire.errors import Refusal
from tricorn.wire.fields import TOKEN_BYTES, Fields
from tricorn.wire.ws_deflate import DeflateTerms, Offer, agree

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VERSION_FIELDS: Final = ((b"sec-websocket-version", b"13"), (b"upgrade", b"websocket"))

# 16 octets in base64 (RFC 4648 §4): 22 characters and the padding.
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")
_TOKEN_TEXT: Final = rb"[" + re.escape(TOKEN_BYTES) + rb"]+"
_TOKEN: Final = re.compile(_TOKEN_TEXT)
# RFC 6455 §9.1: a quoted value must be a token, too, once it is unquoted.
_QUOTED_TOKEN: Final = rb'"((?:\\?[' + re.escape(TOKEN_BYTES) + rb'])+)"'
_WS: Final = rb"[ \t]*"
_PARAMETER: Final = re.compile(
    rb";%b(%b)(?:%b=%b(?:(%b)|%b))?%b"
    % (_WS, _TOKEN_TEXT, _WS, _WS, _TOKEN_TEXT, _QUOTED_TOKEN, _WS)
)
_EXTENSION: Final = re.compile(rb"(%b)%b" % (_TOKEN_TEXT, _WS))
_COMMAS: Final = re.compile(rb"[ \t,]*")


class Handshake(NamedTuple):
    """A handshake that may be accepted.

    `accept` is the value of Sec-WebSocket-Accept, which HTTP/2 has none of; `subprotocols`
    what the client offers in its order of preference, `deflate` what permessage-deflate was
    agreed to.
    """

    accept: bytes
    subprotocols: list[str]
    deflate: DeflateTerms | None


def read_handshake(method: str, fields: Fields, has_content: bool, deflate: bool) -> Handshake:
    """Read a request that offers Upgrade: websocket, and names it in Connection.

    `fields` have lower-case names, `deflate` says whether messages may be compressed.
    Raises `Refusal`: 426 for another version of the protocol, 400 for all other faults.
    """
    if method != "GET":
        raise Refusal(400, "a WebSocket handshake must be a GET request")
    if has_content:
        raise Refusal(400, "a WebSocket handshake must not have content")
    offer = _Offer(fields)
    # The version comes first: it decides what the other fields mean (§4.4).
    if offer.versions != [b"13"]:
        raise Refusal(426, "the WebSocket version must be 13", VERSION_FIELDS)
    return offer.agreed(accept_value(_key(offer.keys)), deflate)


def read_connect(
    protocol: bytes, fields: Fields, has_content: bool, ended: bool, deflate: bool
) -> Handshake:
    """Read an extended CONNECT for `protocol` (RFC 8441 §5); `ended`: the client sends no more.

    Neither the upgrade's fields nor the key have a meaning here. Raises `Refusal`: 501 for
    another protocol, 400 for all other faults.
    """
    if protocol.lower() != b"websocket":
        raise Refusal(501, "of extended CONNECT only the protocol websocket is offered")
    if ended or has_content:
        what = "must not end with its head" if ended else "must not have content"
        raise Refusal(400, f"a WebSocket handshake {what}")
    offer = _Offer(fields)
    if offer.versions != [b"13"]:
        # 426 is about the upgrade of HTTP/1.1.
        raise Refusal(400, "the WebSocket version must be 13", VERSION_FIELDS[:1])
    return offer.agreed(b"", deflate)


def answer_fields(handshake: Handshake, subprotocol: str | None) -> Fields:
    """Return the fields that accept: the key's, the subprotocol's, the extensions'."""
    fields: Fields = []
    if handshake.accept:
        fields.append((b"sec-websocket-accept", handshake.accept))
    if subprotocol is not None:
        fields.append((b"sec-websocket-protocol", subprotocol.encode()))
    if handshake.deflate is not None:
        fields.append((b"sec-websocket-extensions", handshake.deflate.response))
    return fields


class _Offer:
    """The values of a handshake's fields, by name."""

    def __init__(self, fields: Fields) -> None:
        self.keys: list[bytes] = []
        self.versions: list[bytes] = []
        self.subprotocols: list[bytes] = []
        self.extensions: list[bytes] = []
        self._read(fields)

    def _read(self, fields: Fields) -> None:
        for name, value in fields:
            if not name.startswith(b"sec-websocket-"):
                continue
            if name == b"sec-websocket-key":
                self.keys.append(value)
            elif name == b"sec-websocket-version":
                self.versions.append(value)
            elif name == b"sec-websocket-protocol":
                self.subprotocols.append(value)
            elif name == b"sec-websocket-extensions":
                self.extensions.append(value)

    def agreed(self, accept: bytes, deflate: bool) -> Handshake:
        """Return what the server may accept."""
        names = _subprotocols(self.subprotocols) if self.subprotocols else []
        terms = None
        if self.extensions:
            offers = _extensions(b",".join(self.extensions))
            terms = agree(offers) if deflate else None
        return Handshake(accept, names, terms)


def accept_value(key: bytes) -> bytes:
    """Return the Sec-WebSocket-Accept that answers a key (RFC 6455 §4.2.2)."""
    digest = sha1(key + _GUID, usedforsecurity=False).digest()
    return b2a_base64(digest, newline=False)


def _key(keys: list[bytes]) -> bytes:
    if len(keys) != 1:
        problem = "more than one" if keys else "no"
        raise Refusal(400, f"the WebSocket handshake has {problem} Sec-WebSocket-Key")
    if _KEY.fullmatch(keys[0]) is None:
        raise Refusal(400, "Sec-WebSocket-Key must be 16 bytes in base64")
    return keys[0]


def _subprotocols(lines: list[bytes]) -> list[str]:
    """Read 1#token, all different (RFC 6455 §4.1)."""
    names: list[str] = []
    for member in b",".join(lines).split(b","):
        name = member.strip(b" \t")
        # RFC 9110 §5.6.1.2: a recipient skips empty members.
        if not name:
            continue
        if _TOKEN.fullmatch(name) is None:
            raise Refusal(400, "malformed Sec-WebSocket-Protocol")
        names.append(name.decode("ascii"))
    if not names:
        raise Refusal(400, "Sec-WebSocket-Protocol is empty")
    if len(set(names)) < len(names):
        raise Refusal(400, "Sec-WebSocket-Protocol names a subprotocol twice")
    return names


def _extensions(value: bytes) -> list[Offer]:
    """Read 1#extension (RFC 6455 §9.1); names are compared as written."""
    offers: list[Offer] = []
    at = _skip_commas(value, 0)
    while at < len(value):
        match = _EXTENSION.match(value, at)
        if match is None:
            raise _malformed_extensions()
        parameters: list[tuple[str, str | None]] = []
        offers.append((match[1].decode("ascii"), parameters))
        at = match.end()
        while at < len(value) and value[at] != 0x2C:
            match = _PARAMETER.match(value, at)
            if match is None:
                raise _malformed_extensions()
            parameters.append((match[1].decode("ascii"), _parameter_value(match)))
            at = match.end()
        at = _skip_commas(value, at)
    if not offers:
        raise Refusal(400, "Sec-WebSocket-Extensions is empty")
    return offers


def _skip_commas(value: bytes, at: int) -> int:
    match = _COMMAS.match(value, at)
    return at if match is None else match.end()


def _parameter_value(match: re.Match[bytes]) -> str | None:
    plain, quoted = match[2], match[3]
    if quoted is not None:
        plain = quoted.replace(b"\\", b"")
    return None if plain is None else plain.decode("ascii")


def _malformed_extensions() -> Refusal:
    return Refusal(400, "malformed Sec-WebSocket-Extensions")
