"""From HEADERS, CONTINUATION and DATA frames to requests (RFC 9113 §4.3, §5.1, §6.1, §6.2, §8.1).

A field section is decoded when it is whole, whatever becomes of its stream: the next one refers
to it. Content is handed on as it comes.
"""

from __future__ import annotations

from typing import Final

from tricorn.wire.errors import FieldSectionTooLarge, HpackError
from tricorn.wire.h2_bytes import number_frame
from tricorn.wire.h2_control import Http2Control
from tricorn.wire.h2_frames import (
    COMPRESSION_ERROR,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    NO_ERROR,
    PADDED,
    PRIORITIZED,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    RST_STREAM_FRAME,
    STREAM_CLOSED,
    ConnectionFault,
    goaway_frame,
)
from tricorn.wire.h2_message import MALFORMED, FieldList, MessageCheck, are_trailers
from tricorn.wire.h2_priority import read_priority
from tricorn.wire.h2_stream import StreamState, open_state
from tricorn.wire.hpack_decoder import HpackDecoder

# What `next()` answers.
NEED_DATA: Final = 0
REQUEST: Final = 1
DATA: Final = 2
TRAILERS: Final = 3
CLOSED: Final = 4  # a stream is over, for `error_code`

_NEED_DATA: Final = NEED_DATA
_REQUEST: Final = REQUEST
_DATA: Final = DATA
_TRAILERS: Final = TRAILERS
_CLOSED: Final = CLOSED
_END_STREAM: Final = END_STREAM
_END_HEADERS: Final = END_HEADERS
_PADDED: Final = PADDED
_PRIORITIZED: Final = PRIORITIZED
_MALFORMED: Final = MALFORMED
_NO_ERROR: Final = NO_ERROR
_DEPENDENCY: Final = 5  # bytes of a priority in HEADERS
_COST: Final = 1
_BAD_FIELD: Final = "a field that HTTP/2 doesn't allow, or not like this"
_WRONG_LENGTH: Final = "content isn't as long as Content-Length says"
_SKIPS: Final = 32  # kept of `skipped`


class Http2Requests(Http2Control):
    """Takes the frames that requests are made of; `Http2Wire` reads them."""

    def __init__(
        self,
        decoder: HpackDecoder,
        check: MessageCheck,
        table: int,
        windows: tuple[int, int],
        most: tuple[int, int, int],
        most_continuations: int,
    ) -> None:
        super().__init__(table, windows, most)
        self.decoder = decoder
        self.check = check
        self.most_continuations = most_continuations
        self.skipped: list[tuple[int, int]] = []  # streams that never were, first and last
        self.last_taken = -1  # streams beyond this one aren't; -1: all are
        # The frame that is being read.
        self.in_frame = False
        self.length = 0
        self.kind = 0
        self.flags = 0
        self.frame_stream = 0
        self.content_stream: StreamState | None = None  # whose DATA frame it is
        self.content_left = 0  # of that frame
        self.padding = 0  # of these
        self.padding_untold = False
        # The field section that is being read.
        self.block: list[bytes] | None = None
        self.block_stream = 0
        self.block_ends = False  # its stream
        self.cost = 0  # of the client's frames that carried nothing
        # What `next()` has found.
        self.stream_id = 0
        self.fields: FieldList = ()
        self.ended = False
        self.data = b""
        self.error_code = _NO_ERROR
        self.reason = ""

    # Field sections

    def _begin_section(self, content: bytes) -> int:
        """§6.2: HEADERS."""
        flags = self.flags
        at = 0
        end = len(content)
        if flags & (_PADDED | _PRIORITIZED):
            if flags & _PADDED:
                at = 1
                end -= content[0] if content else 0
            if flags & _PRIORITIZED:
                at += _DEPENDENCY
            if at > len(content):
                raise ConnectionFault(FRAME_SIZE_ERROR, f"HEADERS of {len(content)} bytes")
            if at > end:
                raise ConnectionFault(PROTOCOL_ERROR, "HEADERS shorter than its padding")
            content = content[at:end]
        self.block_stream = self.frame_stream
        self.block_ends = flags & _END_STREAM != 0
        if flags & _END_HEADERS:
            return self._take_section(content)
        self.block = [content]
        return _NEED_DATA

    def _go_on_with_section(self, content: bytes) -> int:
        """§6.10: CONTINUATION."""
        block = self.block
        assert block is not None
        if len(block) > self.most_continuations:
            raise ConnectionFault(ENHANCE_YOUR_CALM, "field section in too many frames")
        block.append(content)
        if not self.flags & _END_HEADERS:
            return _NEED_DATA
        self.block = None
        return self._take_section(b"".join(block))

    def _take_section(self, block: bytes) -> int:
        """A field section is whole."""
        try:
            fields = self.decoder.decode(block)
        except HpackError as error:
            raise ConnectionFault(COMPRESSION_ERROR, str(error)) from None
        except FieldSectionTooLarge as error:
            raise ConnectionFault(ENHANCE_YOUR_CALM, str(error)) from None
        if not self.decoder.repeated and not self.decoder.malformed:
            # Whatever it turns out to be, so that it is known when it comes again.
            self.check.read(fields)
        stream_id = self.block_stream
        if stream_id > self.last_stream:
            return self._begin_stream(stream_id, fields)
        stream = self.streams.get(stream_id)
        if stream is not None:
            return self._take_trailers(stream, fields)
        if any(first <= stream_id <= last for first, last in self.skipped):
            raise ConnectionFault(PROTOCOL_ERROR, "streams begin in the order of their numbers")
        self._check_cut(stream_id)
        self.cost += _COST
        if self.block_ends:
            del self.cut_streams[stream_id]
        return _NEED_DATA

    def _begin_stream(self, stream_id: int, fields: FieldList) -> int:
        """§5.1.1: a stream that hasn't been used, nor one above it."""
        self._note_skipped(stream_id)
        self.last_stream = stream_id
        ends = self.block_ends
        if self.last_taken >= 0:
            # §6.8: a client that hasn't heard of the end yet.
            self.cost += _COST
            if not ends:
                self._remember_cut(stream_id)
            return _NEED_DATA
        wish = self.wishes.pop(stream_id, None) if self.wishes else None
        if len(self.streams) >= self.most_streams:
            return self._turn_away(stream_id, REFUSED_STREAM, "")
        if self.decoder.malformed:
            return self._turn_away(stream_id, PROTOCOL_ERROR, _BAD_FIELD)
        length = self.check.length
        if length == _MALFORMED:
            return self._turn_away(stream_id, PROTOCOL_ERROR, self.check.reason)
        if ends and length > 0:
            return self._turn_away(stream_id, PROTOCOL_ERROR, _WRONG_LENGTH)
        stream = open_state(stream_id, self.stream_window, self.first_window)
        stream.client_ended = ends
        stream.expected = length
        if wish is None and self.check.priority:
            wish = read_priority(self.check.priority)
        if wish is not None:
            stream.urgency, stream.incremental = wish
        self.streams[stream_id] = stream
        self.stream_id = stream_id
        self.fields = fields
        self.ended = ends
        return _REQUEST

    def _note_skipped(self, stream_id: int) -> None:
        """§5.1.1: the idle streams below one that begins are closed, unused."""
        first = self.last_stream + 2 if self.last_stream else 1
        if stream_id > first and len(self.skipped) < _SKIPS:
            self.skipped.append((first, stream_id - 2))

    def _turn_away(self, stream_id: int, code: int, reason: str) -> int:
        """Reset a stream that nobody has heard of."""
        self._say(number_frame(RST_STREAM_FRAME, stream_id, code))
        if not self.block_ends:
            self._remember_cut(stream_id)
        self.stream_id = stream_id
        self.error_code = code
        self.reason = reason
        return _CLOSED

    def _take_trailers(self, stream: StreamState, fields: FieldList) -> int:
        """§8.1: a section on a stream that has begun ends it, if anything."""
        stream_id = stream.stream_id
        ends = self.block_ends
        if stream.client_ended:
            self._refuse_more(stream)
        elif stream.cut:
            stream.client_ended = ends
        elif not ends or self.decoder.malformed or stream.expected > 0 or not are_trailers(fields):
            stream.client_ended = ends
            self._fault(stream, PROTOCOL_ERROR, "malformed trailers, or content too short")
        else:
            self.stream_id = stream_id
            self.fields = fields
            self.ended = True
            self._client_ends(stream)
            return _TRAILERS
        return _NEED_DATA

    # Content

    def _begin_content(self) -> None:
        """§6.1: the head of a DATA frame has come."""
        stream_id = self.frame_stream
        size = self.length
        flags = self.flags
        if not stream_id:
            raise ConnectionFault(PROTOCOL_ERROR, "DATA on stream 0")
        if flags & _PADDED and not size:
            raise ConnectionFault(FRAME_SIZE_ERROR, "no room for the padding's length")
        self.window -= size
        if self.window < 0:
            raise ConnectionFault(FLOW_CONTROL_ERROR, "more content than the window")
        self.content_left = size
        self.padding = 0
        self.padding_untold = flags & _PADDED != 0
        if not size and not flags & _END_STREAM:
            self.cost += _COST
        self.content_stream = self.streams.get(stream_id)
        self._check_content(stream_id, size)
        if not self.padding_untold:
            self._check_length()

    def _check_content(self, stream_id: int, size: int) -> None:
        """Whether the stream may have it."""
        stream = self.content_stream
        if stream is None:
            self._check_begun(stream_id)
            self._check_cut(stream_id)
        elif stream.client_ended:
            self._refuse_more(stream)
        else:
            stream.receive_window -= size
            if stream.receive_window < 0:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "more content than the stream's window")

    def _check_length(self) -> None:
        """§8.1.1: whether as much comes as the client has said."""
        stream = self.content_stream
        if stream is None or stream.expected < 0 or stream.cut:
            return
        ends = self.flags & _END_STREAM != 0
        stream.expected -= self.content_left - self.padding
        if stream.expected < 0 or (ends and stream.expected):
            stream.client_ended = ends
            self._fault(stream, PROTOCOL_ERROR, _WRONG_LENGTH)

    def _read_content(self, data: bytes, at: int) -> int:
        """Take what has come of a DATA frame's content from `data[at:]`; return how much."""
        start = at
        if self.padding_untold:
            self.padding = data[at]
            self.padding_untold = False
            at += 1
            self.content_left -= 1
            if self.padding > self.content_left:
                raise ConnectionFault(PROTOCOL_ERROR, "DATA shorter than its padding")
            self.consumed(self.frame_stream, self.padding + 1)
            self._check_length()
        size = min(self.content_left - self.padding, len(data) - at)
        self.data = data[at : at + size]
        at += size
        self.content_left -= size
        if self.padding and self.content_left == self.padding:
            size = min(self.padding, len(data) - at)
            at += size
            self.padding -= size
            self.content_left -= size
        self.in_frame = self.content_left > 0
        return at - start

    def _take_content(self) -> int:
        """Hand on `data`, unless nobody is there for it."""
        size = len(self.data)
        ends = not self.in_frame and self.flags & _END_STREAM != 0
        stream = self.content_stream
        if stream is None or stream.cut:
            if size:
                self._return(size)
            if ends:
                if stream is not None:
                    stream.client_ended = True
                self.cut_streams.pop(self.frame_stream, None)
            return _NEED_DATA
        if not size and not ends:
            return _NEED_DATA
        self.stream_id = stream.stream_id
        self.ended = ends
        if ends:
            self._client_ends(stream)
        return _DATA

    # Streams that are over, or half of them

    def _client_ends(self, stream: StreamState) -> None:
        """Nothing more comes on a stream."""
        stream.client_ended = True
        if stream.left:
            self._close(stream)

    def _check_cut(self, stream_id: int) -> None:
        """Take a frame of a stream that is over. Only if we have ended it the client may err."""
        if stream_id not in self.cut_streams:
            raise ConnectionFault(STREAM_CLOSED, "frame on a stream that is over")

    def _refuse_more(self, stream: StreamState) -> None:
        """Take a frame behind END_STREAM (§5.1, half-closed (remote))."""
        if stream.cut:
            raise ConnectionFault(STREAM_CLOSED, "frame on a stream that is over")
        self._fault(stream, STREAM_CLOSED, "frame behind the one that ended the stream")

    def goaway(self) -> None:
        """Take no further streams; those that are open go on."""
        if self.last_taken < 0:
            self.last_taken = self.last_stream
        self._say(goaway_frame(self.last_taken, _NO_ERROR))

    def terminate(self, code: int, reason: str = "") -> None:
        """End the connection at once."""
        if not self.over:
            self.over = True
            last = self.last_stream if self.last_taken < 0 else self.last_taken
            self._say(goaway_frame(last, code, reason))
