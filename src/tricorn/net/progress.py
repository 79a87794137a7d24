"""Whether a peer makes progress: reads what it is sent, sends what it has announced."""

from __future__ import annotations


class Stall:
    """A peer that has left `waiting` bytes unread since `now`."""

    def __init__(self, waiting: int, now: float) -> None:
        self.waiting = waiting
        self.since = now

    def deadline(self, waiting: int, now: float, limit: float) -> float:
        """Return when to give up on the peer, `limit` seconds after it last took something.

        `waiting` bytes are unread now. What returns is over when it isn't above `now`.
        """
        if waiting < self.waiting:
            self.waiting = waiting
            self.since = now
        return self.since + limit


class ContentRate:
    """How fast content arrives while somebody waits for it."""

    def __init__(self) -> None:
        self.since = 0.0  # what is counted up to here
        self.waited = 0.0  # seconds
        self.bytes = 0

    def restart(self, now: float) -> None:
        """Begin with a request's content."""
        self.since = now
        self.waited = 0.0
        self.bytes = 0

    def is_too_slow(self, now: float, grace: float, rate: int) -> bool:
        """Whether it stays below `rate` bytes a second after `grace` seconds of waiting.

        Somebody has waited since this, `restart` or `skip` was called.
        """
        self.waited += now - self.since
        self.since = now
        return self.waited > grace and self.bytes < rate * self.waited

    def skip(self, now: float) -> None:
        """Leave the time up to now out: nobody waited."""
        self.since = now
