"""Counting an HTTP/2 client's frames (RFC 9113 §4.1), which the engine doesn't tell all of.

The engine parses; this only looks at the nine bytes before each frame. It knows when a head
has begun and not ended, and it meters frames that carry nothing, of which a client could send
any number for free.
"""

from __future__ import annotations

from typing import Final

_DATA: Final = 0
_HEADERS: Final = 1
_PRIORITY: Final = 2
_SETTINGS: Final = 4
_WINDOW_UPDATE: Final = 8
_CONTINUATION: Final = 9
_END_STREAM: Final = 1
_END_HEADERS: Final = 4
_HEAD_SIZE: Final = 9
_SKIPS: Final = 32  # numbers kept of streams passed over, two for each time
# What a frame that carries nothing costs; a SETTINGS frame may change tables and windows.
_COST: Final = 1
_SETTINGS_COST: Final = 10


class FrameMeter:
    """Counts the frames in a client's bytes; `skip` bytes go before the first."""

    def __init__(self, skip: int = 0) -> None:
        self.left = skip  # bytes of the frame that hasn't ended
        self.start = b""  # of a frame's nine bytes
        self.kind = -1
        self.in_block = False  # a field block goes on in the next frame
        self.heads = 0  # field blocks begun
        self.cost = 0  # of frames that carried nothing; whoever reads it sets it back
        self.updates = 0  # WINDOW_UPDATE frames, apart since they may let content through
        self.last_head = -1  # the highest stream that a field block was for
        self.skipped: list[int] = []  # streams that were passed over: first, last, first …
        self.fault = False  # what the engine passes over, and RFC 9113 doesn't
        self.fault_at = 0  # where in the bytes fed last the frame with the fault begins
        self.content_stream = 0  # of the DATA frame that hasn't ended

    def head_open(self) -> bool:
        """Whether a field block has begun that hasn't ended."""
        if self.in_block:
            return True
        return self.left > 0 and (self.kind == _HEADERS or self.kind == _CONTINUATION)

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of the connection."""
        before = len(self.start)
        if before:
            data = self.start + data
            self.start = b""
        at = last = self.left
        size = len(data)
        while at + _HEAD_SIZE <= size:
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            kind = data[at + 3]
            if kind == _HEADERS or kind == _PRIORITY:  # noqa: SIM109
                stream_id = (data[at + 5] & 127) << 24 | data[at + 6] << 16
                self._check_stream(kind, stream_id | data[at + 7] << 8 | data[at + 8])
                if self.fault:
                    self.fault_at = max(at - before, 0)
                    return
            self._count(kind, data[at + 4], length)
            last = at
            at += _HEAD_SIZE + length
        if at >= size:
            self.left = at - size
            if at > size and self.kind == _DATA and last < at:
                self.content_stream = (data[last + 5] & 127) << 24 | data[last + 6] << 16
                self.content_stream |= data[last + 7] << 8 | data[last + 8]
        else:
            self.left = 0
            self.start = data[at:]

    def is_within(self, stream_id: int) -> bool:
        """Whether a DATA frame of this stream has begun that hasn't ended."""
        return self.left > 0 and self.kind == _DATA and self.content_stream == stream_id

    def _check_stream(self, kind: int, stream_id: int) -> None:
        """RFC 9113 §6.3: no PRIORITY of stream 0; §5.1.1: streams in order."""
        if kind == _PRIORITY:
            self.fault = self.fault or not stream_id
            return
        last = self.last_head
        if stream_id == last + 2:
            self.last_head = stream_id
        elif stream_id > last:
            if len(self.skipped) < _SKIPS:
                self.skipped += (last + 2, stream_id - 2)
            self.last_head = stream_id
        elif self.skipped:
            for index in range(0, len(self.skipped), 2):
                if self.skipped[index] <= stream_id <= self.skipped[index + 1]:
                    self.fault = True

    def _count(self, kind: int, flags: int, length: int) -> None:
        self.kind = kind
        if kind in (_HEADERS, _CONTINUATION):
            self.in_block = not flags & _END_HEADERS
            if kind == _HEADERS:
                self.heads += 1
        elif kind == _DATA:
            if not length and not flags & _END_STREAM:
                self.cost += _COST
        elif kind == _WINDOW_UPDATE:
            self.updates += 1
        else:
            self.cost += _SETTINGS_COST if kind == _SETTINGS else _COST
