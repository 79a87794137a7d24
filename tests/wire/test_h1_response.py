"""What the writer returns, leaves apart and holds: together one response."""

from __future__ import annotations

import pytest

from tricorn.wire.errors import ResponseError
from tricorn.wire.h1_response import DefaultFields, ResponseWriter

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
SMALL = b"s" * 10
LARGE = b"l" * 20_000


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
def writer() -> ResponseWriter:
    return ResponseWriter(DefaultFields(None, [], with_date=False))


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (SMALL,),
        (LARGE,),
        (SMALL, SMALL),
        (LARGE, SMALL),
        (SMALL, LARGE),
        (LARGE, LARGE),
        (SMALL, LARGE, SMALL, SMALL, LARGE, LARGE, SMALL),
    ],
)
@pytest.mark.parametrize("first", [b"", SMALL, LARGE])
@pytest.mark.parametrize("ends_empty", [True, False])
class TestChunks:
    def test_settled_at_once(
        self, writer: ResponseWriter, chunks: tuple[bytes, ...], first: bytes, ends_empty: bool
    ) -> None:
        out = [writer.head(200, [], first, True)]
        send(writer, chunks, ends_empty)
        assert writer.is_held
        writer.settle(out)
        assert b"".join(out) == whole(first, chunks)
        assert not writer.is_held
        assert not writer.held_size
        assert writer.complete

    def test_settled_each_time(
        self, writer: ResponseWriter, chunks: tuple[bytes, ...], first: bytes, ends_empty: bool
    ) -> None:
        sent = b"".join(writer.pieces(writer.head(200, [], first, True)))
        for index, data in enumerate(chunks):
            more = ends_empty or index < len(chunks) - 1
            sent += b"".join(writer.pieces(writer.body(data, more)))
        if ends_empty or not chunks:
            sent += b"".join(writer.pieces(writer.body(b"", False)))
        assert sent == whole(first, chunks)


def send(writer: ResponseWriter, chunks: tuple[bytes, ...], ends_empty: bool) -> None:
    for index, data in enumerate(chunks):
        assert writer.body(data, ends_empty or index < len(chunks) - 1) == b""
    if ends_empty or not chunks:
        assert writer.body(b"", False) == b""


def whole(first: bytes, chunks: tuple[bytes, ...]) -> bytes:
    sizes = [data for data in (first, *chunks) if data]
    return HEAD + b"".join(map(chunk, sizes)) + b"0\r\n\r\n"


def test_what_is_large_is_not_copied(writer: ResponseWriter) -> None:
    out = [writer.head(200, [], b"", True)]
    writer.body(SMALL, True)
    writer.body(LARGE, True)
    writer.body(SMALL, False)
    writer.settle(out)
    assert [piece is LARGE for piece in out] == [False, True, False]


def test_large_content_of_known_length_is_apart(writer: ResponseWriter) -> None:
    head = writer.head(200, [(b"content-length", b"%d" % (len(LARGE) + 1))], LARGE, True)
    assert writer.apart is LARGE
    assert writer.pieces(head) == [head, LARGE]
    assert writer.pieces(writer.body(b"e", False)) == [b"e"]


def test_trailers_go_behind_what_is_held(writer: ResponseWriter) -> None:
    out = [writer.head(200, [], SMALL, True)]
    writer.body(LARGE, True)
    writer.trailers([(b"X-Sum", b"1")])
    writer.settle(out)
    assert b"".join(out) == HEAD + chunk(SMALL) + chunk(LARGE) + b"0\r\nx-sum: 1\r\n\r\n"


def test_a_refused_trailer_leaves_the_response_open(writer: ResponseWriter) -> None:
    out = [writer.head(200, [], SMALL, True)]
    with pytest.raises(ResponseError, match="can't be a trailer"):
        writer.trailers([(b"content-length", b"1")])
    writer.settle(out)
    assert b"".join(out) == HEAD + chunk(SMALL)
    assert not writer.complete


def test_content_that_has_left_is_not_sent_again(writer: ResponseWriter) -> None:
    """What was before the chunks in the list may be large content of another response."""
    out = [LARGE]
    writer.head(200, [], SMALL, True)
    writer.settle(out)
    assert out[0] is LARGE
    assert out[1] == chunk(SMALL)
