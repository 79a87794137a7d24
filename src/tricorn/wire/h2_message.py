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

    After `read()`, `length` is how long the content is said to be, NO_LENGTH or MALFORMED.
    `priority` is the value of the field of this name (RFC 9218 §5), or empty. Where a request is
    MALFORMED, `reason` says why.
    """

    def __init__(self, tunnels: bool) -> None:
        self.tunnels = tunnels
        self.priority = b""
        self.reason = ""
        self.length = _MALFORMED

    def read(self, fields: FieldList) -> None:
        """Take a request's field list."""
        self.priority = b""
        self.length = _NO_LENGTH
        seen = 0
        method = b""
        in_pseudo = True
        for name, value in fields:
            if name[0] == _COLON:
                bit = _PSEUDO.get(name, 0)
                if not in_pseudo or not bit or seen & bit or not value:
                    self._fault("a pseudo-field is unknown, empty, repeated or too late")
                    return
                seen |= bit
                if bit == _METHOD:
                    method = value
                continue
            in_pseudo = False
            if name in _WATCHED and not self._note(name, value):
                self._fault("malformed Content-Length")
                return
        if method not in _COMMON_METHODS and _TOKEN.fullmatch(method) is None:
            self._fault("malformed method")
        elif method == b"CONNECT":
            self._check_connect(seen)
        elif seen & ~_AUTHORITY != _ORDINARY:
            self._fault("a pseudo-field is missing, or isn't of this method")

    def _check_connect(self, seen: int) -> None:
        """Whether CONNECT has the pseudo-fields that it needs."""
        # RFC 9110 §9.3.6: what follows isn't the request's content.
        self.length = _NO_LENGTH
        if seen != _METHOD | _AUTHORITY and (seen != _TUNNEL or not self.tunnels):
            self._fault("CONNECT with too few pseudo-fields, or too many")

    def _fault(self, reason: str) -> None:
        self.reason = reason
        self.length = _MALFORMED

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
