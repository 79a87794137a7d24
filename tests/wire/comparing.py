"""Where tricorn, h11 and httptools read the same bytes in another way.

A `Difference` carries the bytes, and knows how to take them apart without any of the readers, so
that a rule in `differences.py` can look for its evidence there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.wire.peers import (
    PeerReading,
    PeerRequest,
    ours,
    read_with_h11,
    read_with_httptools,
)
from tests.wire.reading import read

PEERS = {"h11": read_with_h11, "httptools": read_with_httptools}

HEAD_END = re.compile(rb"\r?\n\r?\n")
CHUNK_EXT = re.compile(
    rb"(?:[ \t]*;[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+"
    rb"(?:[ \t]*=[ \t]*(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+"
    rb"|\"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*\"))?)*"
)
CHUNK_LINE = re.compile(rb"[0-9A-Fa-f]{1,16}" + CHUNK_EXT.pattern)


@dataclass(frozen=True)
class Difference:
    """Where two readings part, and the bytes from the start of that request."""

    peer: str
    kind: str  # "stricter", "laxer", "differs" or "stops"
    rest: bytes
    ours: PeerRequest | None
    theirs: PeerRequest | None
    refusal: str  # of the side that refused

    @property
    def message(self) -> bytes:
        """The request without the empty lines before it."""
        return self.rest.lstrip(b"\r\n")

    @property
    def line(self) -> bytes:
        """The request line."""
        return re.split(rb"\r?\n", self.message, maxsplit=1)[0]

    @property
    def target(self) -> bytes:
        """What stands in the target's place."""
        return [*self.line.split(b" "), b""][1]

    @property
    def head(self) -> bytes:
        """Request line and fields, to the first empty line."""
        end = HEAD_END.search(self.message)
        return self.message if end is None else self.message[: end.start()]

    @property
    def content(self) -> bytes:
        """What follows the head."""
        end = HEAD_END.search(self.message)
        return b"" if end is None else self.message[end.end() :]

    def values(self, name: bytes) -> list[bytes]:
        """The values of the field lines with this name."""
        lines = re.split(rb"\r?\n", self.head)[1:]
        pairs = [line.partition(b":") for line in lines]
        return [value.strip(b" \t") for found, _, value in pairs if found.lower() == name]

    def chunk_lines(self) -> tuple[list[bytes], bytes]:
        """Size lines up to the last or the first bad one, and what follows that line."""
        lines, rest = [], self.content
        while True:
            line, end, rest = rest.partition(b"\r\n")
            lines.append(line)
            size = re.match(rb"[0-9A-Fa-f]{1,16}", line)
            if not end or size is None or not CHUNK_LINE.fullmatch(line) or int(size[0], 16) == 0:
                return lines, rest
            rest = rest[int(size[0], 16) + 2 :]


def differences(peer: str, data: bytes) -> Iterator[Difference]:
    """Where the readings part. After a real parting there is nothing left to compare."""
    reading = read([data])
    mine, other = ours(reading), PEERS[peer](data)
    start = 0
    for index in range(max(len(mine.requests), len(other.requests))):
        left, right = at(mine, index), at(other, index)
        rest = data[start:]
        if left is None or right is None:
            yield from missing(peer, rest, (left, mine), (right, other))
            return
        if left.head != right.head:
            yield Difference(peer, "differs", rest, left, right, "head")
        if left.finished != right.finished:
            yield from unfinished(peer, rest, (left, mine), (right, other))
            return
        if left.finished and left.body != right.body:
            yield Difference(peer, "differs", rest, left, right, "content")
        previous, start = start, reading.requests[index].end
        if other.stopped and not mine.stopped and index + 1 == len(other.requests):
            if len(mine.requests) > index + 1:
                yield Difference(peer, "stops", data[previous:], left, right, "")
            return


def at(reading: PeerReading, index: int) -> PeerRequest | None:
    return reading.requests[index] if index < len(reading.requests) else None


Side = tuple[PeerRequest | None, PeerReading]


def missing(peer: str, rest: bytes, mine: Side, other: Side) -> Iterator[Difference]:
    """One of them read a request where the other read none."""
    (left, my_reading), (right, other_reading) = mine, other
    if left is None:
        if not my_reading.stopped:
            yield Difference(peer, "stricter", rest, left, right, str(my_reading.refused))
    elif not other_reading.stopped:
        yield Difference(peer, "laxer", rest, left, right, str(other_reading.refused))


def unfinished(peer: str, rest: bytes, mine: Side, other: Side) -> Iterator[Difference]:
    """Both read the head, and only one of them the end of the content."""
    (left, my_reading), (right, other_reading) = mine, other
    assert left is not None
    if left.finished:
        yield Difference(peer, "laxer", rest, left, right, str(other_reading.refused))
    else:
        yield Difference(peer, "stricter", rest, left, right, str(my_reading.refused))
