"""Whether an HTTP/2 request's field list is well formed (RFC 9113 §8.3; RFC 8441 §4).

What isn't resets its stream and reaches nobody. What is well formed and still isn't taken is
answered: `h2_fields.py` does that. Single fields (§8.2) were checked where they were decoded.
"""

from __future__ import annotations

import re
from typing import Final

from tricorn.wire.fields import TOKEN_BYTES

FieldList = tuple[tuple[bytes, bytes], ...]

MALFORMED: Final = -2
NO_LENGTH: Final = -1
_MALFORMED: Final = MALFORMED
_NO_LENGTH: Final = NO_LENGTH
_COLON: Final = 58

_METHOD: Final = 1
_SCHEME: Final = 2
_PATH: Final = 4
_AUTHORITY: Final = 8
_PROTOCOL: Final = 16
_PSEUDO: Final = {
    b":method": _METHOD,
    b":scheme": _SCHEME,
    b":path": _PATH,
    b":authority": _AUTHORITY,
    b":protocol": _PROTOCOL,
}
_ORDINARY: Final = _METHOD | _SCHEME | _PATH
_TUNNEL: Final = _ORDINARY | _AUTHORITY | _PROTOCOL

_WATCHED: Final = frozenset((b"content-length", b"priority"))
_TOKEN: Final = re.compile(rb"[" + re.escape(TOKEN_BYTES) + rb"]+")
_COMMON_METHODS: Final = frozenset(
    (b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"HEAD", b"OPTIONS", b"CONNECT")
)
_LENGTH: Final = re.compile(rb"[0-9]{1,19}")
_LONGEST: Final = (1 << 63) - 1


class MessageCheck:
    """Checks requests; one serves all of a connection.

    After `request()` `priority` is the value of the field of this name (RFC 9218 §5), or empty, and
    `reason` says what is wrong with a request that is MALFORMED.
    """

    def __init__(self, tunnels: bool) -> None:
        self.tunnels = tunnels
        self.priority = b""
        self.reason = ""
        self.length = _NO_LENGTH
        self.last: FieldList | None = None  # this very list was checked last
        self.answer = _MALFORMED

    def request(self, fields: FieldList) -> int:
        """Return the length that content is said to have, NO_LENGTH or MALFORMED."""
        if fields is not self.last:
            self.priority = b""
            self.length = _NO_LENGTH
            self.answer = self._read(fields)
            self.last = fields
        return self.answer

    def _read(self, fields: FieldList) -> int:
        seen = 0
        method = b""
        in_pseudo = True
        for name, value in fields:
            if name[0] == _COLON:
                bit = _PSEUDO.get(name, 0)
                if not in_pseudo or not bit or seen & bit or not value:
                    return self._malformed("a pseudo-field is unknown, empty, repeated or too late")
                seen |= bit
                if bit == _METHOD:
                    method = value
                continue
            in_pseudo = False
            if name in _WATCHED and not self._note(name, value):
                return self._malformed("malformed Content-Length")
        if method not in _COMMON_METHODS and _TOKEN.fullmatch(method) is None:
            return self._malformed("malformed method")
        return self._whole(method, seen)

    def _whole(self, method: bytes, seen: int) -> int:
        """Whether the pseudo-fields are those that this method needs."""
        if method != b"CONNECT":
            if seen & ~_AUTHORITY != _ORDINARY:
                return self._malformed("a pseudo-field is missing, or isn't of this method")
            return self.length
        if seen != _METHOD | _AUTHORITY and (seen != _TUNNEL or not self.tunnels):
            return self._malformed("CONNECT with too few pseudo-fields, or too many")
        # RFC 9110 §9.3.6: what follows isn't the request's content.
        return _NO_LENGTH

    def _malformed(self, reason: str) -> int:
        self.reason = reason
        return _MALFORMED

    def _note(self, name: bytes, value: bytes) -> bool:
        """Take a field that means something here; say whether it may stand."""
        if name == b"priority":
            self.priority = value
            return True
        if _LENGTH.fullmatch(value) is None or int(value) > _LONGEST:
            return False
        before, self.length = self.length, int(value)
        return before in (_NO_LENGTH, self.length)


def are_trailers(fields: FieldList) -> bool:
    """Say whether a field list may stand behind the content (RFC 9113 §8.1)."""
    return all(name[0] != _COLON for name, _ in fields)
