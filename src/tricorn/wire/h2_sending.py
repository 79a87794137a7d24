"""The way out of an HTTP/2 connection: from what is to be said to frames (RFC 9113 §5.2, §6).

Heads and control frames are made at once and leave in that order. Content waits with its stream,
and is cut into frames when the transport asks: as the windows of both the stream and the
connection allow, the most urgent stream first (RFC 9218 §10). Of equally urgent ones those that
are of use in pieces take turns, the others go one after another in the order of their requests.
"""

from __future__ import annotations

from typing import Any, Final

from tricorn.wire.fields import Fields
from tricorn.wire.h2_bytes import frame_head, number_frame
from tricorn.wire.h2_frames import (
    CONTINUATION_FRAME,
    DATA_FRAME,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    HEAD_SIZE,
    HEADERS_FRAME,
    MAX_FRAME,
    MAX_STREAM,
    NO_ERROR,
    PING_FRAME,
    RST_STREAM_FRAME,
    WINDOW_UPDATE_FRAME,
    goaway_frame,
)
from tricorn.wire.h2_priority import URGENCIES
from tricorn.wire.h2_stream import StreamState
from tricorn.wire.hpack_encoder import HpackEncoder

_DATA_FRAME: Final = DATA_FRAME
_HEADERS_FRAME: Final = HEADERS_FRAME
_CONTINUATION_FRAME: Final = CONTINUATION_FRAME
_RST_STREAM_FRAME: Final = RST_STREAM_FRAME
_WINDOW_UPDATE_FRAME: Final = WINDOW_UPDATE_FRAME
_END_STREAM: Final = END_STREAM
_END_HEADERS: Final = END_HEADERS
_HEAD_SIZE: Final = HEAD_SIZE
_MAX_FRAME: Final = MAX_FRAME
_NO_ERROR: Final = NO_ERROR
_URGENCIES: Final = URGENCIES

PING: Final = b"tricorn\0"  # the content of ours
# A frame isn't cut for less room than this.
_WORTH_A_FRAME: Final = 1024


class Http2Outgoing:
    """What a server says on one connection. On a stream that is over, saying does nothing."""

    def __init__(self, table: int, windows: tuple[int, int], most_cut: int) -> None:
        self.encoder = HpackEncoder(table)
        self.streams: dict[int, StreamState] = {}  # those that aren't over, by their number
        self.out: list[Any] = []  # pieces of whole frames
        self.out_size = 0
        self.ready: list[list[StreamState]] = [[] for _ in range(_URGENCIES)]
        self.ready_count = 0
        self.waiting = 0  # bytes of content that all streams have queued
        self.send_window = DEFAULT_WINDOW  # bytes that we may send on all streams
        self.first_window = DEFAULT_WINDOW  # with how many a stream begins
        # What a client may send on a stream, and on all; this is never less than at first.
        self.stream_window = windows[0]
        self.connection_window = max(windows[1], DEFAULT_WINDOW)
        self.window = self.connection_window  # bytes that the client may send on all streams
        self.returned = 0  # bytes that it may send besides, and hasn't heard of
        self.leaving: list[StreamState] = []  # whose last frame of ours isn't taken
        self.over_streams: list[StreamState] = []  # nobody has been told of these
        self.acks = 0  # answers to PING and SETTINGS that aren't taken
        self.cut_streams: dict[int, None] = {}  # we have reset these; the client may not know
        self.most_cut = most_cut  # the oldest are forgotten
        self.over = False

    def _say(self, frame: bytes) -> None:
        self.out.append(frame)
        self.out_size += len(frame)

    # Responses

    def respond(self, stream_id: int, fields: Fields, end: bool) -> None:
        """Send a response's head, which is all of it if `end`."""
        stream = self.streams.get(stream_id)
        if stream is None or stream.ending:
            return
        self._say_fields(stream_id, fields, end)
        if end:
            stream.ending = True
            self._end(stream)

    def inform(self, stream_id: int, fields: Fields) -> None:
        """Send a 1xx response's head."""
        stream = self.streams.get(stream_id)
        if stream is not None and not stream.ending:
            self._say_fields(stream_id, fields, False)

    def send(self, stream_id: int, data: bytes, end: bool) -> None:
        """Send content, the last of it if `end`."""
        stream = self.streams.get(stream_id)
        if stream is None or stream.ending:
            return
        if end:
            stream.ending = True
        if data:
            stream.queue(data)
            self.waiting += len(data)
            if not stream.is_ready and stream.send_window > 0:
                self._make_ready(stream)
        elif end and not stream.waiting:
            # RFC 9113 §6.9.1: what has no length needs no window.
            self._say(frame_head(0, _DATA_FRAME, _END_STREAM, stream_id))
            self._end(stream)

    def send_trailers(self, stream_id: int, fields: Fields) -> None:
        """End a response with a trailer section."""
        stream = self.streams.get(stream_id)
        if stream is None or stream.ending:
            return
        stream.ending = True
        stream.trailers = fields
        if not stream.waiting:
            self._say_trailers(stream)

    def _say_trailers(self, stream: StreamState) -> None:
        self._say_fields(stream.stream_id, stream.trailers, True)
        self._end(stream)

    def _say_fields(self, stream_id: int, fields: Fields, end: bool) -> None:
        """Queue a field section (§4.3). It must leave in this order: the next refers to it."""
        block = self.encoder.encode(fields)
        flags = _END_STREAM if end else 0
        size = len(block)
        if size <= _MAX_FRAME:
            self.out.append(frame_head(size, _HEADERS_FRAME, flags | _END_HEADERS, stream_id))
            self.out.append(block)
            self.out_size += _HEAD_SIZE + size
            return
        kind = _HEADERS_FRAME
        for at in range(0, size, _MAX_FRAME):
            piece = block[at : at + _MAX_FRAME]
            if at + _MAX_FRAME >= size:
                flags |= _END_HEADERS
            self._say(frame_head(len(piece), kind, flags, stream_id) + piece)
            kind, flags = _CONTINUATION_FRAME, 0

    def _end(self, stream: StreamState) -> None:
        """The last frame of ours is queued."""
        stream.ended = True
        self.leaving.append(stream)

    def reset(self, stream_id: int, code: int) -> None:
        """End a stream at once, with what waits to be sent on it."""
        stream = self.streams.get(stream_id)
        if stream is None or stream.cut:
            return
        self._cut(stream, code)
        self._say(number_frame(_RST_STREAM_FRAME, stream_id, code))
        self._end(stream)

    def _cut(self, stream: StreamState, code: int) -> None:
        """RST_STREAM, either side's: nothing more is sent, nor what is queued."""
        self.waiting -= stream.waiting
        stream.drop()
        if stream.is_ready:
            self._make_unready(stream)
        stream.cut = stream.ending = True
        stream.error_code = code

    def _fault(self, stream: StreamState, code: int, reason: str) -> None:
        """End a stream for what the client did (§5.4.2)."""
        stream.fault = reason
        self.reset(stream.stream_id, code)

    # Whose turn it is

    def _make_ready(self, stream: StreamState) -> None:
        """A stream has content, and a window."""
        ready = self.ready[stream.urgency]
        at = len(ready)
        if not stream.incremental:
            number = stream.stream_id
            while at and ready[at - 1].stream_id > number:
                at -= 1
        ready.insert(at, stream)
        stream.is_ready = True
        self.ready_count += 1

    def _make_unready(self, stream: StreamState) -> None:
        self.ready[stream.urgency].remove(stream)
        stream.is_ready = False
        self.ready_count -= 1

    def _prefer(self, stream: StreamState, urgency: int, incremental: bool) -> None:
        """Another priority than before."""
        was_ready = stream.is_ready
        if was_ready:
            self._make_unready(stream)
        stream.urgency = urgency
        stream.incremental = incremental
        if was_ready:
            self._make_ready(stream)

    # What the transport takes

    def data_to_send(self, most: int) -> bytes:
        """Return bytes for the transport; empty when there are no more now.

        Content is added up to `most`. Heads and control frames leave whole.
        """
        if self.ready_count and not self.over:
            self._fill(most)
        out = self.out
        if not out:
            return b""
        self.out = []
        self.out_size = 0
        self.acks = 0
        if self.leaving:
            self._let_go()
        return b"".join(out)

    def _fill(self, most: int) -> None:
        """Cut frames of content while there is room and a window."""
        for ready in self.ready:
            while ready:
                room = most - self.out_size - _HEAD_SIZE
                if self.send_window <= 0 or (room < _WORTH_A_FRAME and self.out):
                    return
                stream = ready[0]
                self._say_content(stream, room)
                if not stream.waiting or stream.send_window <= 0:
                    del ready[0]
                    stream.is_ready = False
                    self.ready_count -= 1
                elif stream.incremental:
                    del ready[0]
                    ready.append(stream)

    def _say_content(self, stream: StreamState, room: int) -> None:
        """Queue a frame of content."""
        size = min(stream.waiting, _MAX_FRAME, room, stream.send_window, self.send_window)
        last = stream.ending and size == stream.waiting
        flags = _END_STREAM if last and stream.trailers is None else 0
        self.out.append(frame_head(size, _DATA_FRAME, flags, stream.stream_id))
        stream.take_into(self.out, size)
        self.out_size += _HEAD_SIZE + size
        self.waiting -= size
        self.send_window -= size
        stream.send_window -= size
        if flags:
            self._end(stream)
        elif last:
            self._say_trailers(stream)

    def _let_go(self) -> None:
        """The last frames of these streams are on their way."""
        leaving, self.leaving = self.leaving, []
        for stream in leaving:
            stream.left = True
            if stream.cut or stream.client_ended:
                self._close(stream)

    def _close(self, stream: StreamState) -> None:
        """A stream is over."""
        if self.streams.pop(stream.stream_id, None) is None:
            return
        if stream.cut and not stream.client_ended:
            self._remember_cut(stream.stream_id)
        self.over_streams.append(stream)

    def _remember_cut(self, stream_id: int) -> None:
        """What the client has sent before it hears of the reset will be passed over."""
        cut = self.cut_streams
        cut[stream_id] = None
        if len(cut) > self.most_cut:
            del cut[next(iter(cut))]

    # What the client may send

    def consumed(self, stream_id: int, size: int) -> None:
        """Let the client send so many bytes of content more."""
        self._return(size)
        stream = self.streams.get(stream_id)
        if stream is None or stream.client_ended or stream.cut:
            return
        stream.returned += size
        if stream.returned * 2 >= self.stream_window:
            stream.receive_window += stream.returned
            self._say(number_frame(_WINDOW_UPDATE_FRAME, stream_id, stream.returned))
            stream.returned = 0

    def _return(self, size: int) -> None:
        """The same on the connection."""
        self.returned += size
        if self.returned * 2 >= self.connection_window:
            self.window += self.returned
            self._say(number_frame(_WINDOW_UPDATE_FRAME, 0, self.returned))
            self.returned = 0

    # The connection

    def ping(self) -> None:
        """Ask for an answer, which is `ACKNOWLEDGED`."""
        self._say(frame_head(len(PING), PING_FRAME, 0, 0) + PING)

    def notice(self) -> None:
        """Tell the client that no further streams will be taken soon (RFC 9113 §6.8)."""
        self._say(goaway_frame(MAX_STREAM, _NO_ERROR))

    # How it stands

    def unsent(self, stream_id: int) -> int:
        """Bytes of a stream's content that wait for the client to take them."""
        stream = self.streams.get(stream_id)
        return 0 if stream is None else stream.waiting
