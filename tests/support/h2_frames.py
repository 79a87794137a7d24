"""HTTP/2 frames as bytes, good and bad (RFC 9113 §4, §6).

They are made by functions that keep no state: a header block has each field as a literal that
isn't indexed, so that what a test sends is plain bytes.
"""

import struct
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from tests.support.raw import Fields

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113 §3.4


class Kind(IntEnum):
    """Frame types (RFC 9113 §6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    PRIORITY_UPDATE = 16  # RFC 9218 §7.1


class Code(IntEnum):
    """Error codes (RFC 9113 §7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """Settings (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8
    NO_RFC7540_PRIORITIES = 9


END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of RST_STREAM or GOAWAY."""
        start = 0 if self.kind == Kind.RST_STREAM else 4
        return int.from_bytes(self.payload[start : start + 4], "big")

    @property
    def last_stream(self) -> int:
        """The last stream that a GOAWAY says was handled."""
        return int.from_bytes(self.payload[:4], "big")

    @property
    def settings(self) -> dict[int, int]:
        """What a SETTINGS frame sets."""
        return dict(struct.iter_unpack(">HL", self.payload))

    def __repr__(self) -> str:
        name = Kind(self.kind).name if self.kind in list(Kind) else f"type {self.kind}"
        said = f" code {self.code}" if self.kind in (Kind.RST_STREAM, Kind.GOAWAY) else ""
        text = self.payload if len(self.payload) < 60 else self.payload[:60] + b"..."
        return f"<{name} stream {self.stream} flags {self.flags:#x}{said} {text!r}>"


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Any frame; its length is true."""
    return raw_frame(len(payload), kind, flags, stream, payload)


def raw_frame(length: int, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame that says ``length``, whatever its payload is (RFC 9113 §4.1)."""
    return length.to_bytes(3, "big") + struct.pack(">BBL", kind, flags, stream) + payload


def data(stream: int, content: bytes = b"", end: bool = False) -> bytes:
    return frame(Kind.DATA, END_STREAM if end else 0, stream, content)


def settings(values: Mapping[int, int] | None = None) -> bytes:
    payload = b"".join(struct.pack(">HL", name, value) for name, value in (values or {}).items())
    return frame(Kind.SETTINGS, 0, 0, payload)


def settings_ack() -> bytes:
    return frame(Kind.SETTINGS, ACK)


def ping(opaque: bytes = b"answered") -> bytes:
    return frame(Kind.PING, 0, 0, opaque)


def reset(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def window_update(stream: int, increment: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def goaway(code: int = Code.NO_ERROR, last: int = 0) -> bytes:
    return frame(Kind.GOAWAY, 0, 0, struct.pack(">LL", last, code))


def priority(stream: int, on: int = 0, weight: int = 15) -> bytes:
    return frame(Kind.PRIORITY, 0, stream, struct.pack(">LB", on, weight))


def priority_update(stream: int, value: bytes) -> bytes:
    return frame(Kind.PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + value)


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """An HPACK integer with a prefix of so many bits; ``first`` has the bits before it
    (RFC 7541 §5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    value -= most
    encoded = bytearray([first | most])
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def string(text: bytes) -> bytes:
    """A string literal without Huffman coding (RFC 7541 §5.2)."""
    return integer(len(text), 7) + text


def literal(name: bytes, value: bytes) -> bytes:
    """A field that isn't indexed, with its name spelled out (RFC 7541 §6.2.2)."""
    return b"\0" + string(name) + string(value)


def block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block that leaves the dynamic table alone."""
    return b"".join(literal(name, value) for name, value in fields)


def request(path: bytes = b"/", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> Fields:
    """The fields of a request."""
    pseudo = [(b":method", method), (b":scheme", b"http"), (b":path", path)]
    return [*pseudo, (b":authority", b"test"), *more]


def headers(stream: int, fields: Iterable[tuple[bytes, bytes]], end: bool = True) -> bytes:
    """HEADERS with a whole header block."""
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(Kind.HEADERS, flags, stream, block(fields))


def get(stream: int, path: bytes = b"/", *more: tuple[bytes, bytes]) -> bytes:
    """A whole GET."""
    return headers(stream, request(path, b"GET", *more))


def post(stream: int, path: bytes = b"/echo", *more: tuple[bytes, bytes]) -> bytes:
    """The head of a POST; its content must follow."""
    return headers(stream, request(path, b"POST", *more), end=False)
