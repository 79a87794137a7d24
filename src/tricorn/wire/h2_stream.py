"""One HTTP/2 stream as the protocol sees it: its windows, what waits to be sent, its ends.

```
              client: END_STREAM                        both ends
 OPEN ───────────────────────────► half-closed (remote) ─────────► closed
  │ ours: END_STREAM is in a frame (`ended`), and has left (`left`)   ▲
  └────────────────────── RST_STREAM, either side (`cut`) ────────────┘
```

A stream that we end counts as open until the frame that says so has been taken for sending: a
client that doesn't read can't have more streams than it may.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from tricorn.wire.h2_frames import NO_ERROR
from tricorn.wire.h2_priority import DEFAULT_URGENCY

_DEFAULT_URGENCY: Final = DEFAULT_URGENCY
_NO_ERROR: Final = NO_ERROR


class StreamState:
    """What one connection keeps of one stream."""

    def __init__(self, stream_id: int, receive_window: int, send_window: int) -> None:
        self.prepare(stream_id, receive_window, send_window)

    def prepare(self, stream_id: int, receive_window: int, send_window: int) -> None:
        """Do what `__init__` does."""
        self.stream_id = stream_id
        self.receive_window = receive_window  # bytes that the client may still send
        self.returned = 0  # bytes that it may send besides, and hasn't heard of
        self.expected = -1  # bytes of content still to come, where the client has said
        self.client_ended = False
        self.send_window = send_window  # bytes that we may send
        self.content: Any = None  # what is sent next, and what behind that
        self.at = 0
        self.more: deque[bytes] | None = None
        self.waiting = 0  # bytes of these
        self.ending = False  # nothing more will be queued
        self.trailers: Any = None
        self.ended = False  # END_STREAM or RST_STREAM is in a frame of ours
        self.left = False  # and that has been taken for sending
        self.cut = False  # by RST_STREAM
        self.error_code = _NO_ERROR
        self.fault = ""  # of the client's, for which it was reset
        self.urgency = _DEFAULT_URGENCY
        self.incremental = False
        self.is_ready = False  # stands among those that have content and a window

    def queue(self, data: bytes) -> None:
        """Queue content; it isn't empty."""
        self.waiting += len(data)
        if self.content is None:
            self.content = data
        elif self.more is None:
            self.more = deque((data,))
        else:
            self.more.append(data)

    def take_into(self, pieces: list[Any], size: int) -> None:
        """Append `size` bytes of what is queued, which has as many, as bytes or views of them."""
        self.waiting -= size
        while size:
            content = self.content
            at = self.at
            here = len(content) - at
            if here > size:
                pieces.append(memoryview(content)[at : at + size])
                self.at = at + size
                return
            pieces.append(memoryview(content)[at:] if at else content)
            size -= here
            self.at = 0
            self.content = self.more.popleft() if self.more else None

    def drop(self) -> None:
        """Forget what is queued."""
        self.content = self.more = self.trailers = None
        self.at = self.waiting = 0


def open_state(stream_id: int, receive_window: int, send_window: int) -> StreamState:
    """Make a stream's state, for less than calling the class costs."""
    state = StreamState.__new__(StreamState)
    state.prepare(stream_id, receive_window, send_window)
    return state
