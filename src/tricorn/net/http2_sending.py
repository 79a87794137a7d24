"""The way out of an HTTP/2 connection: what its streams have queued, and apps that wait for it.

The streams queue, the engine cuts frames as the client's windows allow, the transport takes
them. What an app, or all of a batch, have said leaves at once.
"""

from __future__ import annotations

import math
from typing import Any, Final

from tricorn.net.http2_stream import ALL_HIGH_WATER, LOW_WATER, Carrier, Http2Stream
from tricorn.net.progress import Stall
from tricorn.net.scope import ConnectionScope
from tricorn.net.service import Service
from tricorn.wire.h2 import Http2Limits, Http2Wire
from tricorn.wire.h2_fields import RequestHead
from tricorn.wire.proxy_protocol import ProxyHeader

# The states of a connection, which `net/http2.py` draws.
OPEN: Final = 0
NOTICED: Final = 1
LEAVING: Final = 2
LINGER: Final = 3
CLOSED: Final = 4

_OPEN: Final = OPEN
_LINGER: Final = LINGER
_NEVER: Final = math.inf
_LOW_WATER: Final = LOW_WATER
_ALL_HIGH_WATER: Final = ALL_HIGH_WATER
# Bytes taken from the engine at a time: with more, a client that doesn't read would be found
# out too late.
_WRITE_AT_ONCE: Final = 65536
# Apps of streams that the client has given up count too, up to so many times the streams.
_STREAMS_RUNNING: Final = 2
_LIMITS: Final = Http2Limits()


class Http2Sending(Carrier):
    """Sends for all streams of one connection; `Http2Connection` reads for them.

    What all three classes need to know of the connection stands here.
    """

    def __init__(self, service: Service, limits: Http2Limits = _LIMITS) -> None:
        wire = Http2Wire(limits, service.head_limits, service.websockets is not None)
        super().__init__(service, wire)
        self.limits = limits
        self.head = RequestHead(service.head_limits, service.body_limit)
        self.streams: dict[int, Http2Stream] = {}
        self.transport: Any = None
        self.transport_write: Any = None
        self.is_due: Any = None  # None: the transport lets nothing wait
        self.client: tuple[str, int] | None = None
        self.proxied: ProxyHeader | None = None  # as HTTP/1.1 has heard it
        self.scope: ConnectionScope = None  # type: ignore[assignment]
        self.last_scope: dict[str, Any] | None = None  # of the request line before
        self.state = _OPEN
        self.deadline = _NEVER
        self.leave_at = _NEVER
        self.head_since = 0.0
        self.pumping = False
        self.flush_due = False
        self.write_paused = False
        self.stall: Stall | None = None  # of the transport
        self.starting: list[Http2Stream] = []
        self.held: list[Http2Stream] = []  # whose apps wait until their data is sent
        self.moved = 0  # bytes of content that have left since the client's last
        self.running = 0  # apps that wait for something, those of closed streams too
        self.most_running = _STREAMS_RUNNING * limits.streams
        self.resets = float(limits.resets)
        self.controls = float(limits.controls)
        self.metered_at = service.now

    def _pump(self) -> None:
        """Take what the engine has read, run the apps, and send what they say."""
        raise NotImplementedError

    # Called by the transport

    def pause_writing(self) -> None:
        """The client doesn't read what was written."""
        self.write_paused = True
        self.stall = Stall(self.transport.get_write_buffer_size(), self.service.now)

    def resume_writing(self) -> None:
        """The client reads again."""
        self.write_paused = False
        self.stall = None
        self.flush_soon()

    # Sending

    def flush_soon(self) -> None:
        """Send what is queued, once the app's step is over."""
        if not self.pumping and not self.flush_due:
            self.flush_due = True
            self.service.loop.call_soon(self._flush_due)

    def _flush_due(self) -> None:
        if self.flush_due:
            self.flush()

    def flush(self) -> None:
        """Send what is queued, and take what comes of it."""
        self.flush_due = False
        if self.state < _LINGER:
            self._pump()

    def _send(self) -> bool:
        """Write what the engine has; return whether there may be something new to take."""
        wire = self.wire
        sent = False
        unsent = wire.waiting if wire.updates else 0
        while not self.write_paused and self.state < _LINGER:
            data = wire.data_to_send(_WRITE_AT_ONCE)
            if not data:
                break
            sent = True
            self.transport_write(data)
        if unsent:
            self.moved += unsent - wire.waiting
        if self.held:
            self._release()
        return sent

    def _send_due(self) -> None:
        """Send what apps of the batch have said, if one of them took its time."""
        if self.is_due is not None and self.is_due() and self._send():
            self.transport.send_now()

    def hold(self, stream: Http2Stream) -> None:
        """The stream has much to send: have its app wait until that is gone."""
        if not self.pumping and not self.write_paused:
            self.flush()
            # What a lost connection takes goes nowhere. Its end is heard of when the loop turns.
            if self.wire.unsent(stream.stream_id) <= self._low_water():
                if not self.transport.is_closing():
                    return
        if not stream.write_paused and not stream.closed:
            stream.hold()
            self.held.append(stream)

    def _release(self) -> None:
        """Let those apps go on whose data has left."""
        wire = self.wire
        low = self._low_water()
        held = []
        for stream in self.held:
            if stream.closed:
                continue
            if wire.unsent(stream.stream_id) > low:
                held.append(stream)
            else:
                stream.go_on()
        self.held = held

    def _low_water(self) -> int:
        """Bytes of a stream with which its app may go on."""
        return _LOW_WATER if self.wire.waiting < _ALL_HIGH_WATER else 0
