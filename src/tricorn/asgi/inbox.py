"""What a WebSocket's app is to receive, who waits for it, and how much of it there may be.

The first half of a `Session`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from tricorn.asgi.handover import Handover, Steps
from tricorn.asgi.message import Message, mark_as_coroutine_function
from tricorn.asgi.receiving import Receiver, receiving
from tricorn.asgi.stream import SessionStream

# Bytes held for an app that doesn't receive; beyond it the wire stops reading.
HIGH_WATER: Final = 65536
# What a message costs beyond its bytes, of which a text's characters are a guess: an endless
# row of empty messages has a bound too.
_OVERHEAD: Final = 64

_RECEIVE_KIND: Final = "websocket.receive"
# A copy of a whole dict costs less than filling an empty one.
_TEXT_MESSAGE: Final[Message] = {"type": _RECEIVE_KIND, "text": ""}
_BYTES_MESSAGE: Final[Message] = {"type": _RECEIVE_KIND, "bytes": b""}


class Inbox(Receiver):
    """The messages that wait for an app. `receive` is what it gets.

    `queue_limit` is how many may wait, 0 for any number; the wire looks at `is_full`, and sets
    `held_back` when it stops reading for that.
    """

    def __init__(
        self, stream: SessionStream, loop: asyncio.AbstractEventLoop, queue_limit: int
    ) -> None:
        self.stream = stream
        self.loop = loop
        self.queue_limit = queue_limit
        self.steps: Steps | None = None  # the task's, where they may be taken without it
        # What the app hasn't received: str and bytes for messages, dicts for events.
        self.messages: list[Any] = [{"type": "websocket.connect"}]
        self.size = 0
        self.held_back = False  # the wire stopped reading, because of `is_full`
        self.waiter: Handover | None = None
        self.other_waiters: list[Handover] | None = None
        self.end_queued = False  # there is one disconnect
        self.end_received = False

    # What the app calls

    def receive(self) -> Coroutine[Any, Any, Message]:
        """Return the next message, when awaited: connect, receive, and once, disconnect.

        Raises RuntimeError behind the disconnect.
        """
        return receiving(self)

    def take_message(self) -> Message | None:
        """Return the next message if there is one. Raises RuntimeError behind the disconnect."""
        if not self.messages:
            if self.end_received:
                raise RuntimeError("the app called receive() after 'websocket.disconnect'")
            self.stream.want_message()
            if not self.messages:
                return None
        message = self._next_message()
        if self.held_back and self._has_room():
            self.stream.want_message()
        return message

    # What the wire calls

    def feed_text(self, text: str) -> None:
        """Take a text message. The app's task may run before this returns."""
        self.size += len(text) + _OVERHEAD
        self.messages.append(text)
        self._arrived()

    def feed_binary(self, data: bytes) -> None:
        """Take a binary message. The app's task may run before this returns."""
        self.size += len(data) + _OVERHEAD
        self.messages.append(data)
        self._arrived()

    def is_full(self) -> bool:
        """Whether the app should receive before more is read."""
        if self.size >= HIGH_WATER:
            return True
        return self.queue_limit > 0 and len(self.messages) >= self.queue_limit

    def _has_room(self) -> bool:
        """Whether reading on is worth its while: not for each single message."""
        if self.size * 2 > HIGH_WATER:
            return False
        limit = self.queue_limit
        return limit == 0 or len(self.messages) * 2 <= limit

    def queue_end(self, code: int, reason: str) -> None:
        """Have a disconnect received behind what is there, once."""
        if not self.end_queued:
            self.end_queued = True
            self.messages.append({"type": "websocket.disconnect", "code": code, "reason": reason})
            self._arrived()

    # Waiting

    def wait_for_message(self) -> Handover:
        """Make the wait of one more task. What arrives ends all of them: each looks again."""
        waiter = None if self.steps is None else self.steps.again()
        if waiter is None:
            waiter = Handover(self.loop)
            waiter.steps = self.steps
        if self.waiter is None or self.waiter.state:
            self.waiter = waiter
        else:
            others = self.other_waiters or []
            self.other_waiters = [other for other in others if not other.state]
            self.other_waiters.append(waiter)
        return waiter

    def _arrived(self) -> None:
        waiter = self.waiter
        if waiter is not None:
            others = self.other_waiters
            self.waiter = self.other_waiters = None
            waiter.arrive()
            if others is not None:
                for other in others:
                    other.arrive()

    def _next_message(self) -> Message:
        message = self.messages.pop(0)
        if type(message) is str:
            self.size -= len(message) + _OVERHEAD
            received = _TEXT_MESSAGE.copy()
            received["text"] = message
            return received
        if type(message) is bytes:
            self.size -= len(message) + _OVERHEAD
            received = _BYTES_MESSAGE.copy()
            received["bytes"] = message
            return received
        if message["type"] == "websocket.disconnect":
            self.end_received = True
            # Others that wait get their error.
            self._arrived()
        event: Message = message
        return event


mark_as_coroutine_function(Inbox.receive)
