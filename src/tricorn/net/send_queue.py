"""What one connection has written and the system hasn't taken: the queue, and its marks."""

from __future__ import annotations

from typing import Any, Final

from tricorn.net import sysio
from tricorn.net.sysio import transmit, transmit_pieces

_HIGH_WATER: Final = 65536
_LOW_WATER: Final = 16384
# Pieces of fewer bytes, on average, are cheaper to copy together than to name to the system.
_WORTH_A_PIECE: Final = 256


class SendQueue:
    """The way out to one descriptor. A connection derives from it."""

    def begin_queue(self, fd: int) -> None:
        """Begin with nothing written to `fd`, which is -1 once it is closed."""
        self.fd = fd
        # What the system hasn't taken: one piece, or several in the queue.
        self.current: Any = None
        self.queue: list[Any] = []
        self.pending_size = 0
        self.high = _HIGH_WATER
        self.low = _LOW_WATER

    def enqueue(self, data: Any) -> None:
        """Add a piece, which isn't empty."""
        if type(data) is bytearray:
            data = bytes(data)
        if not self.pending_size:
            self.current = data
        else:
            self._all_queued().append(data)
        self.pending_size += len(data)

    def enqueue_all(self, pieces: Any) -> None:
        """Add several pieces in order."""
        queue = self._all_queued()
        for piece in pieces:
            # What the caller may change later is copied.
            queue.append(bytes(piece) if type(piece) is bytearray else piece)
            self.pending_size += len(piece)

    def _all_queued(self) -> list[Any]:
        """Have all that waits in `queue`: more is to come."""
        if self.current is not None:
            self.queue.append(self.current)
            self.current = None
        return self.queue

    def transmit_queued(self) -> None:
        """Send as much as the system takes. Raises OSError."""
        while self.pending_size:
            if self.queue:
                if self._transmit_pieces():
                    continue
                break
            size = self.pending_size
            self.pending_size -= transmit(self.fd, self.current)
            if self.pending_size:
                self.current = memoryview(self.current)[size - self.pending_size :]
                break
            self.current = None

    def _transmit_pieces(self) -> bool:
        """Send the queue in one call; return whether the system may take more of it."""
        pieces = self.queue
        if self.pending_size < len(pieces) * _WORTH_A_PIECE:
            pieces = self.queue = [b"".join(pieces)]
        left = transmit_pieces(self.fd, pieces)
        self.pending_size -= left
        if not self.pending_size:
            self.queue = []
            return False
        done = 0
        while left >= len(pieces[done]):
            left -= len(pieces[done])
            done += 1
        if left:
            pieces[done] = memoryview(pieces[done])[left:]
        del pieces[:done]
        return done == sysio.PIECES_AT_ONCE

    def drop_queue(self) -> None:
        """Forget what was written."""
        self.current = None
        self.queue.clear()
        self.pending_size = 0

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return the low and high water marks in bytes."""
        return self.low, self.high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set the marks at which the protocol is paused and resumed, in bytes."""
        if high is None:
            high = _HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self.high, self.low = high, low
