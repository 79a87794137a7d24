"""Drives a `RequestReader` as a connection does, and writes down what it said.

A `Reading` holds everything that may not depend on how the bytes were cut: the requests, the
refusal, and how many bytes nobody consumed. Two readings of the same bytes must be equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tricorn.wire.errors import Refusal
from tricorn.wire.h1 import DATA, END, HEAD, NEED_DATA, HeadLimits, RequestReader

HEAD_ATTRIBUTES = (
    "method",
    "target",
    "raw_path",
    "path",
    "query",
    "version",
    "fields",
    "keep_alive",
    "chunked",
    "content_length",
    "expect_continue",
    "upgrade",
    "te_trailers",
    "forwarded",
)


@dataclass
class ReadRequest:
    """One request as the reader told it. `end` is where its last byte was, -1 until its `END`."""

    head: dict[str, Any]
    body: bytes = b""
    end: int = -1

    @property
    def finished(self) -> bool:
        """Its content was read whole."""
        return self.end >= 0


@dataclass
class Reading:
    """All that was read from one connection's bytes."""

    requests: list[ReadRequest] = field(default_factory=list)
    refusal: tuple[int, str] | None = None
    left: int = 0  # bytes behind the last thing that was read whole
    closed: bool = False  # the last request asked for the connection to end

    @property
    def complete(self) -> bool:
        """Nothing is half read: the bytes ended where a request ended."""
        ended = bool(self.requests) and self.requests[-1].finished
        return ended and self.refusal is None and self.left == 0


def read(
    pieces: Iterable[bytes],
    limits: HeadLimits | None = None,
    body_limit: int = 0,
    forgets: bool = False,
) -> Reading:
    """Feed the pieces one after the other and take every event after each.

    `forgets` has the reader drop what it remembers after each request, as an idle connection does.
    """
    driver = Driver(limits or HeadLimits(), body_limit, forgets)
    for piece in pieces:
        driver.feed(piece)
    return driver.reading()


def bytewise(data: bytes) -> Iterator[bytes]:
    """Each byte alone."""
    return (data[at : at + 1] for at in range(len(data)))


def cut(data: bytes, positions: Iterable[int]) -> list[bytes]:
    """`data` in pieces, cut at the positions, wherever they lie."""
    edges = [0, *sorted(min(position, len(data)) for position in positions), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


class Driver:
    """Feeds one reader and checks, as it goes, what must hold at any time."""

    def __init__(self, limits: HeadLimits, body_limit: int = 0, forgets: bool = False) -> None:
        self.reader = RequestReader(limits, body_limit)
        self._reading = Reading()
        self._fed = 0
        self._calls = 0
        self._forgets = forgets

    def feed(self, piece: bytes) -> None:
        """Give the reader a piece, and take all events that it then has."""
        self._fed += len(piece)
        self.reader.feed(piece)
        if self._reading.closed:
            return
        if self._reading.refusal is not None:
            self._expect_same_refusal()
            return
        try:
            self._take_events()
        except Refusal as refusal:
            self._reading.refusal = (refusal.status, refusal.reason)
            self._expect_same_refusal()

    def reading(self) -> Reading:
        """What was read so far."""
        if self._reading.refusal is None:
            self._reading.left = self.reader.buffered
        return self._reading

    def _take_events(self) -> None:
        requests = self._reading.requests
        while (code := self._next()) != NEED_DATA:
            if code == HEAD:
                requests.append(ReadRequest(self._head()))
            elif code == DATA:
                assert self.reader.data, "an empty DATA says nothing"
                requests[-1].body += bytes(self.reader.data)
            else:
                assert code == END
                requests[-1].end = self._fed - self.reader.buffered
                assert self.reader.next() == NEED_DATA, "the reader waits for start_next"
                if not self.reader.keep_alive:
                    self._reading.closed = True
                    return
                self.reader.start_next()
                if self._forgets:
                    self.reader.forget()
        assert 0 <= self.reader.buffered <= self._fed

    def _next(self) -> int:
        # Each event but a few stands for at least one byte, so a reader that loops is found here
        # and not by a test that never ends.
        self._calls += 1
        assert self._calls <= 5 * self._fed + 10, "more events than bytes"
        return self.reader.next()

    def _head(self) -> dict[str, Any]:
        head = {name: getattr(self.reader, name) for name in HEAD_ATTRIBUTES}
        head["fields"] = list(head["fields"])
        return head

    def _expect_same_refusal(self) -> None:
        for _ in range(2):
            try:
                code = self.reader.next()
            except Refusal as again:
                assert (again.status, again.reason) == self._reading.refusal
            else:
                raise AssertionError(f"after a refusal the reader went on with code {code}")
