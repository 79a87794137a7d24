"""The numbers of HTTP/2 (RFC 9113 §6, §7) and its short frames as bytes. No state."""

from __future__ import annotations

from struct import Struct
from typing import Final

from tricorn.wire.h2_bytes import frame_head

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # §3.4
HEAD_SIZE: Final = 9  # §4.1
MAX_FRAME: Final = 16384  # bytes of a frame's content, either way (§4.2)
MAX_WINDOW: Final = (1 << 31) - 1  # §6.9.1
MAX_STREAM: Final = (1 << 31) - 1
DEFAULT_WINDOW: Final = 65535  # §6.9.2

# Types of frames.
DATA_FRAME: Final = 0
HEADERS_FRAME: Final = 1
PRIORITY_FRAME: Final = 2
RST_STREAM_FRAME: Final = 3
SETTINGS_FRAME: Final = 4
PUSH_PROMISE_FRAME: Final = 5
PING_FRAME: Final = 6
GOAWAY_FRAME: Final = 7
WINDOW_UPDATE_FRAME: Final = 8
CONTINUATION_FRAME: Final = 9
PRIORITY_UPDATE_FRAME: Final = 16  # RFC 9218 §7.1

# Flags.
END_STREAM: Final = 1
ACK: Final = 1
END_HEADERS: Final = 4
PADDED: Final = 8
PRIORITIZED: Final = 32

# Error codes (§7).
NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
INTERNAL_ERROR: Final = 2
FLOW_CONTROL_ERROR: Final = 3
STREAM_CLOSED: Final = 5
FRAME_SIZE_ERROR: Final = 6
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
COMPRESSION_ERROR: Final = 9
ENHANCE_YOUR_CALM: Final = 11

# Settings (§6.5.2).
HEADER_TABLE_SIZE: Final = 1
ENABLE_PUSH: Final = 2
MAX_CONCURRENT_STREAMS: Final = 3
INITIAL_WINDOW_SIZE: Final = 4
MAX_FRAME_SIZE: Final = 5
MAX_HEADER_LIST_SIZE: Final = 6
ENABLE_CONNECT_PROTOCOL: Final = 8  # RFC 8441 §3
NO_RFC7540_PRIORITIES: Final = 9  # RFC 9218 §2.1

_SETTING: Final = Struct(">HI")
_NUMBERS: Final = Struct(">II")


class ConnectionFault(Exception):
    """What the client did ends the connection (§5.4.1), with the code `error_code`."""

    def __init__(self, error_code: int, reason: str) -> None:
        super().__init__(reason)
        self.error_code = error_code
        self.reason = reason


def settings_frame(values: list[tuple[int, int]]) -> bytes:
    """Return SETTINGS (§6.5)."""
    content = b"".join(_SETTING.pack(name, value) for name, value in values)
    return frame_head(len(content), SETTINGS_FRAME, 0, 0) + content


def read_settings(content: bytes) -> list[tuple[int, int]]:
    """Return what a SETTINGS frame's content says, in order."""
    return list(_SETTING.iter_unpack(content))


def goaway_frame(last_stream: int, code: int, reason: str = "") -> bytes:
    """Return GOAWAY (§6.8); the reason is for people."""
    text = reason.encode("ascii", "replace")
    return frame_head(8 + len(text), GOAWAY_FRAME, 0, 0) + _NUMBERS.pack(last_stream, code) + text
