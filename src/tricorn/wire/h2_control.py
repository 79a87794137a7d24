"""What a client's control frames do to an HTTP/2 connection (RFC 9113 §6.3 to §6.9, RFC 9218 §7).

One method for each type of frame; it gets the frame's content whole. A fault that ends the
connection is raised as `ConnectionFault`.
"""

from __future__ import annotations

from typing import Final

from tricorn.wire.h2_bytes import frame_head
from tricorn.wire.h2_frames import (
    ACK,
    CANCEL,
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY_FRAME,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME,
    MAX_FRAME_SIZE,
    MAX_WINDOW,
    NO_RFC7540_PRIORITIES,
    PING_FRAME,
    PRIORITY_FRAME,
    PRIORITY_UPDATE_FRAME,
    PROTOCOL_ERROR,
    PUSH_PROMISE_FRAME,
    RST_STREAM_FRAME,
    SETTINGS_FRAME,
    WINDOW_UPDATE_FRAME,
    ConnectionFault,
    read_settings,
)
from tricorn.wire.h2_priority import read_priority
from tricorn.wire.h2_sending import PING, Http2Outgoing

_ACK: Final = ACK
_MAX_WINDOW: Final = MAX_WINDOW
_WINDOW_UPDATE_FRAME: Final = WINDOW_UPDATE_FRAME
_SETTING_SIZE: Final = 6
_SWITCHES: Final = (ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES)
# The sizes that a frame's content may have, where that isn't free.
_SIZES: Final = {
    PRIORITY_FRAME: 5,
    RST_STREAM_FRAME: 4,
    PING_FRAME: 8,
    WINDOW_UPDATE_FRAME: 4,
}
_OF_CONNECTION: Final = frozenset((SETTINGS_FRAME, PING_FRAME, GOAWAY_FRAME, PRIORITY_UPDATE_FRAME))
_OF_STREAM: Final = frozenset((PRIORITY_FRAME, RST_STREAM_FRAME, PUSH_PROMISE_FRAME))


class Http2Control(Http2Outgoing):
    """Obeys a client's control frames; `Http2Wire` reads them."""

    def __init__(self, table: int, windows: tuple[int, int], most: tuple[int, int, int]) -> None:
        self.most_streams, self.most_acks, self.most_settings = most
        super().__init__(table, windows, 2 * self.most_streams)
        self.table = table
        self.last_stream = 0  # that the client has begun
        self.pings = 0  # ours that aren't answered
        self.answered = False  # a PING of ours has just been
        # The priorities of streams that haven't begun.
        self.wishes: dict[int, tuple[int, bool]] = {}

    def _obey(self, kind: int, flags: int, stream_id: int, content: bytes) -> None:
        """Take a frame that is neither content nor part of a field section."""
        if kind == _WINDOW_UPDATE_FRAME:
            self._take_window(stream_id, int.from_bytes(content, "big") & _MAX_WINDOW)
        elif kind == SETTINGS_FRAME:
            if not flags & _ACK:
                self._take_settings(content)
        elif kind == PING_FRAME:
            self._take_ping(flags, content)
        elif kind == RST_STREAM_FRAME:
            self._take_reset(stream_id, int.from_bytes(content, "big"))
        elif kind == PRIORITY_UPDATE_FRAME:
            self._take_priority(int.from_bytes(content[:4], "big") & _MAX_WINDOW, content[4:])
        elif kind == PUSH_PROMISE_FRAME:
            raise ConnectionFault(PROTOCOL_ERROR, "a client may not push")
        # GOAWAY is about streams that we would begin. PRIORITY means nothing any more, and
        # neither do types that nobody knows (§5.5).

    def _check_head(self, kind: int, flags: int, stream_id: int, size: int) -> None:
        """Whether such a frame may have this size and stand on this stream."""
        right = _SIZES.get(kind, size)
        if size != right:
            raise ConnectionFault(FRAME_SIZE_ERROR, f"frame of {size} bytes, not {right}")
        if kind in _OF_CONNECTION:
            if stream_id:
                raise ConnectionFault(PROTOCOL_ERROR, "frame of the connection on a stream")
            self._check_connection_frame(kind, flags, size)
        elif kind in _OF_STREAM and not stream_id:
            raise ConnectionFault(PROTOCOL_ERROR, "frame of a stream on stream 0")

    def _check_connection_frame(self, kind: int, flags: int, size: int) -> None:
        if kind == SETTINGS_FRAME:
            if size % _SETTING_SIZE or (flags & _ACK and size):
                raise ConnectionFault(FRAME_SIZE_ERROR, f"SETTINGS of {size} bytes")
            if size > self.most_settings * _SETTING_SIZE:
                raise ConnectionFault(ENHANCE_YOUR_CALM, "too many settings in a frame")
        elif kind == GOAWAY_FRAME:
            if size < 8:
                raise ConnectionFault(FRAME_SIZE_ERROR, f"GOAWAY of {size} bytes")
        elif kind == PRIORITY_UPDATE_FRAME and size < 4:
            raise ConnectionFault(FRAME_SIZE_ERROR, f"PRIORITY_UPDATE of {size} bytes")

    def _take_window(self, stream_id: int, increment: int) -> None:
        """§6.9: more may be sent."""
        if not stream_id:
            if not increment:
                raise ConnectionFault(PROTOCOL_ERROR, "window increment of 0")
            self.send_window += increment
            if self.send_window > _MAX_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "window over 2^31 - 1")
            return
        stream = self.streams.get(stream_id)
        if stream is None or stream.cut:
            self._check_begun(stream_id)
        elif not increment:
            self._fault(stream, PROTOCOL_ERROR, "window increment of 0")
        elif stream.send_window + increment > _MAX_WINDOW:
            self._fault(stream, FLOW_CONTROL_ERROR, "window over 2^31 - 1")
        else:
            stream.send_window += increment
            if stream.waiting and stream.send_window > 0 and not stream.is_ready:
                self._make_ready(stream)

    def _check_begun(self, stream_id: int) -> None:
        """§5.1: on a stream that hasn't begun there is nothing but HEADERS and PRIORITY.

        Streams with even numbers would be ours, and never begin.
        """
        if stream_id > self.last_stream or not stream_id & 1:
            raise ConnectionFault(PROTOCOL_ERROR, "frame on a stream that hasn't begun")

    def _take_settings(self, content: bytes) -> None:
        """§6.5: in order, then acknowledged."""
        for name, value in read_settings(content):
            if name == INITIAL_WINDOW_SIZE:
                self._take_first_window(value)
            elif name == HEADER_TABLE_SIZE:
                self.encoder.resize(min(value, self.table))
            elif name == MAX_FRAME_SIZE:
                # Ours are of the least size that this can be.
                if not MAX_FRAME <= value < 1 << 24:
                    raise ConnectionFault(PROTOCOL_ERROR, f"frame size of {value} bytes")
            elif name in _SWITCHES and value > 1:
                raise ConnectionFault(PROTOCOL_ERROR, f"setting {name} must be 0 or 1")
        self._acknowledge(frame_head(0, SETTINGS_FRAME, _ACK, 0))

    def _take_first_window(self, size: int) -> None:
        """§6.9.2: the windows of all streams move by the difference."""
        if size > _MAX_WINDOW:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "window over 2^31 - 1")
        difference = size - self.first_window
        self.first_window = size
        for stream in self.streams.values():
            stream.send_window += difference
            if stream.send_window > _MAX_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "window over 2^31 - 1")
            if stream.send_window <= 0:
                if stream.is_ready:
                    self._make_unready(stream)
            elif stream.waiting and not stream.is_ready:
                self._make_ready(stream)

    def _acknowledge(self, frame: bytes) -> None:
        """Answer a frame. A client that doesn't read may not have any number of answers wait."""
        self.acks += 1
        if self.acks > self.most_acks:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "answers that the client doesn't read")
        self._say(frame)

    def _take_ping(self, flags: int, content: bytes) -> None:
        """§6.7."""
        if not flags & _ACK:
            self._acknowledge(frame_head(8, PING_FRAME, _ACK, 0) + content)
        elif self.pings and content == PING:
            self.pings -= 1
            self.answered = True

    def _take_reset(self, stream_id: int, code: int) -> None:
        """§6.4: the client has ended a stream."""
        stream = self.streams.get(stream_id)
        if stream is None:
            self._check_begun(stream_id)
            self.cut_streams.pop(stream_id, None)
            return
        stream.client_ended = True
        if stream.cut:
            return
        # Whoever counts resets goes by the code, and a client's may say that nothing went wrong.
        self._cut(stream, code if code or stream.left else CANCEL)
        self._close(stream)

    def _take_priority(self, stream_id: int, value: bytes) -> None:
        """RFC 9218 §7.1."""
        if not stream_id & 1:
            raise ConnectionFault(PROTOCOL_ERROR, "PRIORITY_UPDATE for a stream of no request")
        stream = self.streams.get(stream_id)
        if stream is not None:
            urgency, incremental = read_priority(value)
            self._prefer(stream, urgency, incremental)
        elif stream_id > self.last_stream:
            self._keep_wish(stream_id, read_priority(value))

    def _keep_wish(self, stream_id: int, wish: tuple[int, bool]) -> None:
        """Keep a priority until its stream begins; of too many, those that came first."""
        wishes = self.wishes
        if len(wishes) >= self.most_streams:
            for passed in [number for number in wishes if number <= self.last_stream]:
                del wishes[passed]
        if len(wishes) < self.most_streams or stream_id in wishes:
            wishes[stream_id] = wish

    def ping(self) -> None:
        """Ask for an answer, which is `ACKNOWLEDGED`."""
        self.pings += 1
        Http2Outgoing.ping(self)
