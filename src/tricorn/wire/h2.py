"""HTTP/2 (RFC 9113) as codes and calls, without I/O.

`feed()` the client's bytes, ask `next()` until it answers NEED_DATA, and send what
`data_to_send()` returns; both may lead to further codes. Each frame is read when `next()` comes
to it, so nothing is kept but what hasn't come whole; content is handed on as it comes.

A fault of one stream resets it, a fault of the connection ends it with GOAWAY.

| file | what it knows |
|---|---|
| `h2.py` | the client's frames, in order |
| `h2_requests.py` | what requests are made of: field sections and content |
| `h2_control.py` | what the client's control frames do |
| `h2_sending.py` | our frames, and whose turn it is |
| `h2_stream.py` | what is kept of a stream |
| `h2_message.py` | whether a request is well formed |
| `h2_priority.py` | RFC 9218's field value |
| `h2_frames.py` | numbers, and short frames as bytes |
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h2_bytes import number_frame
from tricorn.wire.h2_frames import (
    ACK,
    CANCEL,
    CONTINUATION_FRAME,
    DATA_FRAME,
    ENABLE_CONNECT_PROTOCOL,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    HEAD_SIZE,
    HEADER_TABLE_SIZE,
    HEADERS_FRAME,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME,
    MAX_HEADER_LIST_SIZE,
    NO_ERROR,
    NO_RFC7540_PRIORITIES,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    SETTINGS_FRAME,
    WINDOW_UPDATE_FRAME,
    ConnectionFault,
    settings_frame,
)
from tricorn.wire.h2_message import MessageCheck
from tricorn.wire.h2_requests import CLOSED, DATA, NEED_DATA, REQUEST, TRAILERS, Http2Requests
from tricorn.wire.hpack_decoder import HpackDecoder

ACKNOWLEDGED: Final = 5  # our PING came back
OVER: Final = 6  # the connection is, once `data_to_send()` is sent

__all__ = (
    "ACKNOWLEDGED",
    "CANCEL",
    "CLOSED",
    "DATA",
    "ENHANCE_YOUR_CALM",
    "INTERNAL_ERROR",
    "NEED_DATA",
    "NO_ERROR",
    "OVER",
    "PREFACE",
    "PROTOCOL_ERROR",
    "REFUSED_STREAM",
    "REQUEST",
    "TRAILERS",
    "Http2Limits",
    "Http2Wire",
)

_NEED_DATA: Final = NEED_DATA
_CLOSED: Final = CLOSED
_ACKNOWLEDGED: Final = ACKNOWLEDGED
_OVER: Final = OVER
_DATA_FRAME: Final = DATA_FRAME
_HEADERS_FRAME: Final = HEADERS_FRAME
_SETTINGS_FRAME: Final = SETTINGS_FRAME
_WINDOW_UPDATE_FRAME: Final = WINDOW_UPDATE_FRAME
_CONTINUATION_FRAME: Final = CONTINUATION_FRAME
_HEAD_SIZE: Final = HEAD_SIZE
_MAX_FRAME: Final = MAX_FRAME
_PREFACE_SIZE: Final = len(PREFACE)

# The decoder counts 32 bytes more for each field (RFC 9113 §6.5.2), and breaks the connection
# where we can answer 431. So it gets room beyond our bound, for cookies in pieces too.
_FIELD_ROOM: Final = 32
_ROOM: Final = 16384
_CRUMBS: Final = 256
# What a frame that carries nothing costs; a SETTINGS frame may change tables and windows.
_COST: Final = 1
_SETTINGS_COST: Final = 10


class Http2Limits(NamedTuple):
    """Bounds on one HTTP/2 connection."""

    streams: int = 100  # at a time
    stream_window: int = 131072  # bytes of content of a stream that the app hasn't taken
    connection_window: int = 2097152  # bytes of content of all streams
    table: int = 4096  # bytes of HPACK's dynamic table, each way
    continuations: int = 8  # frames of a field block behind the first
    acks: int = 1000  # of SETTINGS and PING that wait for a client that doesn't read
    settings: int = 32  # entries in one SETTINGS frame
    resets: int = 200  # streams in a row that ended without an answer
    resets_rate: int = 33  # more of them a second
    controls: int = 2000  # frames in a row that carry nothing
    controls_rate: int = 200  # more of them a second


class Http2Wire(Http2Requests):
    """One server's side of a connection.

    After `next()` answered, the facts stand in the attributes: `stream_id`, `fields` (of a
    request, pseudo-fields included, or of its trailers), `ended` (the client sends no more
    on this stream), `data`, `error_code`, and for CLOSED and OVER the `reason`, if there is one but
    the code. Only with `tunnels` may a request have `:protocol` (RFC 8441 §3).
    """

    def __init__(self, limits: Http2Limits, heads: HeadLimits, tunnels: bool = False) -> None:
        section = heads.request_line + heads.field_section + _ROOM
        section += (heads.fields + _CRUMBS) * _FIELD_ROOM
        super().__init__(
            HpackDecoder(limits.table, section, heads.fields + _CRUMBS),
            MessageCheck(tunnels),
            limits.table,
            (limits.stream_window, limits.connection_window),
            (limits.streams, limits.acks, limits.settings),
            limits.continuations,
        )
        self.buffer = b""
        self.at = 0
        self.greeted = False  # the preface has come whole
        self.settled = False  # and the client's first SETTINGS
        self.told = False  # of the end of the connection
        # WINDOW_UPDATE frames, which aren't in `cost`: they may let content through. Whoever
        # reads the two sets them back.
        self.updates = 0
        self._greet(limits, heads, tunnels)

    def _greet(self, limits: Http2Limits, heads: HeadLimits, tunnels: bool) -> None:
        """§3.4: SETTINGS come first."""
        settings = [
            (HEADER_TABLE_SIZE, limits.table),
            (MAX_CONCURRENT_STREAMS, limits.streams),
            (INITIAL_WINDOW_SIZE, limits.stream_window),
            (MAX_HEADER_LIST_SIZE, heads.field_section),
            (NO_RFC7540_PRIORITIES, 1),
        ]
        if tunnels:
            settings.append((ENABLE_CONNECT_PROTOCOL, 1))
        self._say(settings_frame(settings))
        more = self.connection_window - self.send_window
        if more > 0:
            self._say(number_frame(_WINDOW_UPDATE_FRAME, 0, more))

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection."""
        if self.over:
            return
        if self.at < len(self.buffer):
            data = self.buffer[self.at :] + data
        self.buffer = data
        self.at = 0

    def head_open(self) -> bool:
        """Whether a field section has begun that hasn't ended."""
        return self.block is not None or (self.in_frame and self.kind == _HEADERS_FRAME)

    def next(self) -> int:
        """Answer what comes next, NEED_DATA when that is nothing."""
        if self.over_streams:
            return self._tell_closed()
        if self.over:
            return self._tell_over(NO_ERROR)
        try:
            return self._read()
        except ConnectionFault as fault:
            self.reason = fault.reason
            self.terminate(fault.error_code, fault.reason)
            return self._tell_over(fault.error_code)

    def _tell_closed(self) -> int:
        stream = self.over_streams.pop(0)
        self.stream_id = stream.stream_id
        self.error_code = stream.error_code
        self.reason = stream.fault
        return _CLOSED

    def _tell_over(self, code: int) -> int:
        if self.told:
            return _NEED_DATA
        self.told = True
        self.error_code = code
        return _OVER

    # Frames

    def _read(self) -> int:
        """Read frames until one is worth a word."""
        if not self.greeted and not self._read_preface():
            return _NEED_DATA
        while True:
            if not self.in_frame:
                if len(self.buffer) - self.at < _HEAD_SIZE:
                    return _NEED_DATA
                self._begin_frame()
            if self.kind == _DATA_FRAME:
                if self.at == len(self.buffer) and self.content_left:
                    return _NEED_DATA
                self.at += self._read_content(self.buffer, self.at)
                code = self._take_content()
            else:
                end = self.at + self.length
                if end > len(self.buffer):
                    return _NEED_DATA
                content = self.buffer[self.at : end]
                self.at = end
                self.in_frame = False
                code = self._take_frame(content)
            if code:
                return code

    def _read_preface(self) -> bool:
        """§3.4."""
        come = self.buffer[:_PREFACE_SIZE]
        if not PREFACE.startswith(come):
            raise ConnectionFault(PROTOCOL_ERROR, "no preface of HTTP/2")
        if len(come) < _PREFACE_SIZE:
            return False
        self.at = _PREFACE_SIZE
        self.greeted = True
        return True

    def _begin_frame(self) -> None:
        """§4.1: the nine bytes before a frame."""
        data = self.buffer
        at = self.at
        self.length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
        self.kind = data[at + 3]
        self.flags = data[at + 4]
        stream_id = (data[at + 5] & 127) << 24 | data[at + 6] << 16 | data[at + 7] << 8
        self.frame_stream = stream_id | data[at + 8]
        self.at = at + _HEAD_SIZE
        self.in_frame = True
        if self.length > _MAX_FRAME:
            raise ConnectionFault(FRAME_SIZE_ERROR, f"frame of {self.length} bytes")
        if not self.settled:
            if self.kind != _SETTINGS_FRAME or self.flags & ACK:
                raise ConnectionFault(PROTOCOL_ERROR, "the first frame must be SETTINGS")
            self.settled = True
        if self.block is not None:
            if self.kind != _CONTINUATION_FRAME or self.frame_stream != self.block_stream:
                raise ConnectionFault(PROTOCOL_ERROR, "frame within a field section")
        elif self.kind == _DATA_FRAME:
            self._begin_content()
        elif self.kind == _HEADERS_FRAME:
            if not self.frame_stream & 1:
                raise ConnectionFault(PROTOCOL_ERROR, "HEADERS on a stream with an even number")
        elif self.kind == _CONTINUATION_FRAME:
            raise ConnectionFault(PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        else:
            self._count_control()

    def _count_control(self) -> None:
        kind = self.kind
        self._check_head(kind, self.flags, self.frame_stream, self.length)
        if kind == _WINDOW_UPDATE_FRAME:
            self.updates += 1
        else:
            self.cost += _SETTINGS_COST if kind == _SETTINGS_FRAME else _COST

    def _take_frame(self, content: bytes) -> int:
        """Take a frame that has come whole."""
        kind = self.kind
        if kind == _HEADERS_FRAME:
            return self._begin_section(content)
        if kind == _CONTINUATION_FRAME:
            return self._go_on_with_section(content)
        self._obey(kind, self.flags, self.frame_stream, content)
        if self.answered:
            self.answered = False
            return _ACKNOWLEDGED
        return self._tell_closed() if self.over_streams else _NEED_DATA
