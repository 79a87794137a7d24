"""HTTP/2 (RFC 9113) as codes and calls, without I/O. Nobody else knows the engine.

The engine is ngh2, which is libnghttp2: frames, HPACK, flow control, stream states, RFC 9218
priorities, and the checks of RFC 9113 §8. `feed()` the client's bytes, ask `next()` until it
answers NEED_DATA, and send what `data_to_send()` returns; both may lead to further codes.

A fault of one stream resets it, a fault of the connection ends it with GOAWAY. The engine does
both; where it gives up without a word, the GOAWAY is written here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from ngh2 import (
    Configuration,
    Connection,
    ConnectionClosed,
    ConnectionProtocolError,
    DataReceived,
    DenialOfServiceError,
    NGH2Error,
    PingAcknowledged,
    RequestReceived,
    Role,
    Setting,
    StreamClosed,
    TrailersReceived,
)

from tricorn.wire.fields import Fields
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h2_frames import FrameMeter

# What `next()` answers.
NEED_DATA: Final = 0
REQUEST: Final = 1
DATA: Final = 2
TRAILERS: Final = 3
CLOSED: Final = 4  # a stream is over, for `error_code`
ACKNOWLEDGED: Final = 5  # our PING came back
OVER: Final = 6  # the connection is, once `data_to_send()` is sent

# RFC 9113 §7.
NO_ERROR: Final = 0
PROTOCOL_ERROR: Final = 1
INTERNAL_ERROR: Final = 2
REFUSED_STREAM: Final = 7
CANCEL: Final = 8
ENHANCE_YOUR_CALM: Final = 11

# The engine's events, so that none is looked up by its name for each that comes.
_REQUEST_EVENT: Final = RequestReceived
_DATA_EVENT: Final = DataReceived
_CLOSED_EVENT: Final = StreamClosed

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_GOAWAY: Final = b"\x00\x00\x08\x07\x00\x00\x00\x00\x00"
# The engine counts 32 bytes more for each field (RFC 9113 §6.5.2), and breaks the connection
# where we can answer 431. So it gets room beyond our bound, for cookies in pieces too.
_FIELD_ROOM: Final = 32
_ROOM: Final = 16384
_CRUMBS: Final = 256
_ANY_NUMBER: Final = 1 << 32
# Frames that the engine finds odd: more than one piece of input can hold, since the engine's
# code for it is INTERNAL_ERROR; and more a second than we bear.
_GLITCHES: Final = (65536, 330)


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


class Http2Wire:
    """One server's side of a connection.

    After `next()` answered, the facts stand in the attributes: `stream_id`, `fields` (of a
    request, pseudo-fields included, or of its trailers), `ended` (the client sends no more
    on this stream), `data`, `error_code`. Only with `tunnels` may a request have `:protocol`
    (RFC 8441 §3).
    """

    def __init__(self, limits: Http2Limits, heads: HeadLimits, tunnels: bool = False) -> None:
        section = heads.request_line + heads.field_section + _ROOM
        section += (heads.fields + _CRUMBS) * _FIELD_ROOM
        self.engine = Connection(
            Role.SERVER,
            Configuration(
                auto_window_update=False,
                max_deflate_dynamic_table_size=limits.table,
                max_outbound_ack=limits.acks,
                max_settings=limits.settings,
                # Ours is stricter. The engine's would end the connection with the wrong code
                # where one piece of input holds more than it allows.
                stream_reset_rate_limit=(_ANY_NUMBER, _ANY_NUMBER),
                glitch_rate_limit=_GLITCHES,
                max_continuations=limits.continuations,
                max_inbound_header_list_size=section,
                max_inbound_header_count=heads.fields + _CRUMBS,
            ),
        )
        self.engine.initiate_connection(_settings(limits, heads, tunnels))
        if limits.connection_window > 65535:
            self.engine.set_local_window_size(limits.connection_window)
        self.meter = FrameMeter(len(PREFACE))
        self.waiting: list[Any] = []  # the engine's events
        self.taken = 0  # of these
        self.failed = False
        self.refused = False  # for what the engine passed over
        self.farewell = b""
        self.late_reset = 0  # a stream that is reset at the end of its DATA frame
        self.late_code = 0
        self.late_waited = False
        self.last_stream = 0
        self.stream_id = 0
        self.fields: tuple[tuple[bytes, bytes], ...] = ()
        self.ended = False
        self.data = b""
        self.error_code = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection."""
        if self.failed or self.refused:
            return
        self.meter.feed(data)
        if self.meter.fault:
            # The frame may have faults besides: that one counts, however the bytes are cut.
            data = data[: self.meter.fault_at]
        try:
            self.engine.receive_data(data)
        except DenialOfServiceError:
            self._fail(ENHANCE_YOUR_CALM)
        except ConnectionProtocolError:
            self._fail(PROTOCOL_ERROR)
        except NGH2Error:
            self._fail(INTERNAL_ERROR)
        else:
            if self.meter.fault:
                self.refused = True
                self.terminate(PROTOCOL_ERROR)
            late = self.late_reset
            if late and not self.meter.is_within(late):
                self._reset_now(late, self.late_code)
                self.late_reset = 0

    def next(self) -> int:
        """Answer what comes next, NEED_DATA when that is nothing."""
        while True:
            if self.taken == len(self.waiting):
                # In the end an empty list takes the place of those that were taken.
                self.waiting = self.engine.events()
                self.taken = 0
                if not self.waiting:
                    return NEED_DATA
            event = self.waiting[self.taken]
            self.taken += 1
            code = self._take(event)
            if code:
                return code

    def _take(self, event: Any) -> int:
        """Take an event's facts; 0 where nobody need know of it."""
        kind = type(event)
        if kind is _CLOSED_EVENT:
            self.stream_id = event.stream_id
            self.error_code = event.error_code
            return CLOSED
        if kind is _REQUEST_EVENT:
            self.stream_id = self.last_stream = event.stream_id
            self.fields = event.headers
            self.ended = event.end_stream
            return REQUEST
        if kind is _DATA_EVENT:
            self.stream_id = event.stream_id
            self.data = event.data
            self.ended = event.end_stream
            return DATA
        if kind is TrailersReceived:
            self.stream_id = event.stream_id
            self.fields = event.headers
            self.ended = True
            return TRAILERS
        if kind is PingAcknowledged:
            return ACKNOWLEDGED
        if kind is ConnectionClosed or kind is _Failed:
            self.error_code = event.error_code
            return OVER
        return NEED_DATA

    def _fail(self, code: int) -> None:
        """The engine takes and gives nothing more."""
        self.failed = True
        last = self.last_stream
        self.farewell = _GOAWAY + last.to_bytes(4, "big") + code.to_bytes(4, "big")
        self.waiting.extend(self.engine.events())
        self.waiting.append(_Failed(code))

    def data_to_send(self, most: int) -> bytes:
        """Return bytes for the transport, at most so many; empty when there are no more now."""
        if self.failed:
            rest, self.farewell = self.farewell, b""
            return rest
        try:
            return self.engine.data_to_send(most)
        except NGH2Error:
            self._fail(INTERNAL_ERROR)
            return self.farewell

    # What the server sends. On a stream that is over these do nothing: the code that says so
    # may still be waiting.

    def respond(self, stream_id: int, fields: Fields, end: bool) -> None:
        """Send a response's head, which is all of it if `end`."""
        try:
            self.engine.send_response(stream_id, fields, end_stream=end)
        except NGH2Error:
            pass

    def send(self, stream_id: int, data: bytes, end: bool) -> None:
        """Send content, the last of it if `end`."""
        try:
            self.engine.send_data(stream_id, data, end_stream=end)
        except NGH2Error:
            pass

    def send_trailers(self, stream_id: int, fields: Fields) -> None:
        """End a response with a trailer section."""
        try:
            self.engine.send_trailers(stream_id, fields)
        except NGH2Error:
            pass

    def inform(self, stream_id: int, fields: Fields) -> None:
        """Send a 1xx response's head."""
        try:
            self.engine.send_informational_response(stream_id, fields)
        except NGH2Error:
            pass

    def reset(self, stream_id: int, code: int) -> None:
        """End a stream at once, with what waits to be sent on it.

        Within a DATA frame of its, that waits until the frame is whole: the engine would drop
        what it holds of the frame, and the connection's window would stay smaller by that.
        """
        if not self.meter.is_within(stream_id):
            self._reset_now(stream_id, code)
        elif self.late_reset != stream_id:
            self.late_reset = stream_id
            self.late_code = code
            self.late_waited = False

    def stop_waiting(self) -> None:
        """Called now and then: a reset that waited at the last call is made."""
        if self.late_reset and self.late_waited:
            self._reset_now(self.late_reset, self.late_code)
            self.late_reset = 0
        self.late_waited = True

    def _reset_now(self, stream_id: int, code: int) -> None:
        try:
            self.engine.reset_stream(stream_id, code)
        except NGH2Error:
            pass

    def consumed(self, stream_id: int, size: int) -> None:
        """Let the client send so many bytes of content more."""
        try:
            self.engine.acknowledge_received_data(size, stream_id)
        except NGH2Error:
            pass

    def ping(self) -> None:
        """Ask for an answer, which is `ACKNOWLEDGED`."""
        try:
            self.engine.ping()
        except NGH2Error:
            pass

    def notice(self) -> None:
        """Tell the client that no further streams will be taken soon (RFC 9113 §6.8)."""
        try:
            self.engine.send_shutdown_notice()
        except NGH2Error:
            pass

    def goaway(self) -> None:
        """Take no further streams; those that are open go on."""
        try:
            self.engine.send_goaway(NO_ERROR)
        except NGH2Error:
            pass

    def terminate(self, code: int) -> None:
        """End the connection at once."""
        try:
            self.engine.terminate_connection(code)
        except NGH2Error:
            pass

    # How it stands

    def unsent(self, stream_id: int) -> int:
        """Bytes of content that wait for the client to take them."""
        size: int = self.engine.queued_body_size(stream_id)
        return size

    def all_unsent(self) -> int:
        """The same of all streams."""
        size: int = self.engine.queued_body_size()
        return size


class _Failed:
    """Stands for the engine's own last event where it has failed."""

    def __init__(self, error_code: int) -> None:
        self.error_code = error_code


def _settings(limits: Http2Limits, heads: HeadLimits, tunnels: bool) -> dict[int, int]:
    settings: dict[int, int] = {
        Setting.HEADER_TABLE_SIZE: limits.table,
        Setting.MAX_CONCURRENT_STREAMS: limits.streams,
        Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
        Setting.MAX_HEADER_LIST_SIZE: heads.field_section,
        # Priorities are RFC 9218's.
        Setting.NO_RFC7540_PRIORITIES: 1,
    }
    if tunnels:
        settings[Setting.ENABLE_CONNECT_PROTOCOL] = 1
    return settings
