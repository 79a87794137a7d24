"""Leaf: HTTP/2's shortest frames as bytes (RFC 9113 §4.1), as Python makes them fastest.

`h2_bytes.pyx` is the same module for the compiler. The compiled one wins at import; both answer
alike, and one test runs on both.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

_HEAD: Final = Struct(">IBI")


def frame_head(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    """Return the nine bytes before a frame's content."""
    return _HEAD.pack(length << 8 | kind, flags, stream_id)


def number_frame(kind: int, stream_id: int, number: int) -> bytes:
    """Return a frame that is one number: RST_STREAM (§6.4), WINDOW_UPDATE (§6.9)."""
    return _HEAD.pack(4 << 8 | kind, 0, stream_id) + number.to_bytes(4, "big")
