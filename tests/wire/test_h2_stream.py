"""What waits on a stream comes out in order, however much is taken at a time."""

import pytest

from tricorn.wire.h2_stream import StreamState

PIECES = [b"a", b"bc" * 500, b"d" * 7, b"e" * 3000]
WHOLE = b"".join(PIECES)


def queued() -> StreamState:
    stream = StreamState(1, 0, 0)
    for piece in PIECES:
        stream.queue(piece)
    assert stream.waiting == len(WHOLE)
    return stream


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 1001, 1008, 1009, len(WHOLE)])
def test_take(size: int) -> None:
    stream = queued()
    taken: list[bytes] = []
    while stream.waiting:
        pieces: list[bytes] = []
        count = min(size, stream.waiting)
        stream.take_into(pieces, count)
        assert sum(len(piece) for piece in pieces) == count
        taken += pieces
        assert stream.waiting == len(WHOLE) - sum(len(piece) for piece in taken)
    assert b"".join(taken) == WHOLE
    stream.queue(b"again")
    stream.take_into(taken, 5)
    assert taken[-1] == b"again"


def test_what_is_whole_is_not_copied() -> None:
    stream, pieces = queued(), []
    stream.take_into(pieces, len(WHOLE))
    assert all(one is other for one, other in zip(pieces, PIECES, strict=True))


def test_drop() -> None:
    stream, pieces = queued(), []
    stream.take_into(pieces, 3)
    stream.drop()
    assert stream.waiting == 0
    stream.queue(b"x")
    stream.take_into(pieces, 1)
    assert pieces[-1] == b"x"
