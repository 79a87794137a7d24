"""What can go wrong on a wire, and the answer each fault carries.

```
WireError
├── Refusal          the peer broke HTTP; carries the HTTP status that answers it
│   └── Http2Preface the peer speaks HTTP/2, and the wire that read it doesn't
├── Violation        the peer broke the WebSocket protocol; carries the close code
├── HpackError       the peer sent a field block that can't be decoded (COMPRESSION_ERROR)
├── FieldSectionTooLarge  the peer sent a field block that decodes to more than is taken
├── ProxyHeaderError the peer's PROXY protocol header can't be used; nothing answers it
└── ResponseError    the app asked for a response that must not be sent (also a ValueError)
```
"""

from __future__ import annotations


class WireError(Exception):
    """Root of the faults found while reading or writing a wire."""


class Refusal(WireError):
    """The peer sent something tricorn does not take.

    `status` is the HTTP status code that answers it (RFC 9110 §15), `reason` one
    plain phrase without a final full stop, printable ASCII, for the answer's body
    and for the log. `fields` are response fields that the status asks for.
    """

    def __init__(
        self, status: int, reason: str, fields: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.status}: {self.reason}"


class Http2Preface(Refusal):
    """What an HTTP/2 client begins with (RFC 9113 §3.4), where HTTP/1.1 was expected.

    `data` is all that has come so far, for whoever speaks it.
    """

    def __init__(self, status: int, reason: str, data: bytes) -> None:
        super().__init__(status, reason)
        self.data = data


class Violation(WireError):
    """The peer broke the WebSocket protocol, or a limit on its messages.

    `code` is the close code that answers it (RFC 6455 §7.4.1), `reason` one plain
    phrase in ASCII, at most 123 bytes, for the close frame and for the log.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class HpackError(WireError):
    """The peer's field block can't be decoded, and the table is lost with it (RFC 9113 §4.3)."""


class FieldSectionTooLarge(WireError):
    """The peer's field block has more bytes or fields than are taken (RFC 9113 §10.5.1).

    It was decoded to its end, so the table is right.
    """


class ProxyHeaderError(WireError):
    """What a proxy sent before the connection's first byte is no PROXY protocol header.

    `reason` is one plain phrase in ASCII for the log. There is no answer: the peer may not even
    speak HTTP, so the connection is closed.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ResponseError(WireError, ValueError):
    """The app's response breaks HTTP; nothing of the offending part was sent."""
