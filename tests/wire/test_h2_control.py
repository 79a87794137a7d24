"""What a client's control frames do, where no answer on the wire shows it plainly."""

from __future__ import annotations

import pytest

from tests.support.h2_frames import (
    Code,
    Kind,
    data,
    frame,
    get,
    post,
    priority_update,
    reset,
    window_update,
)
from tests.wire.h2_peer import START, hear
from tests.wire.test_h2_sending import OK, WIDE, Peer
from tricorn.wire.h2 import CLOSED, OVER, REQUEST


@pytest.mark.parametrize(
    "sent",
    [reset(2), window_update(2, 1), data(2, b"x"), priority_update(2, b"u=1")],
    ids=["RST_STREAM", "WINDOW_UPDATE", "DATA", "PRIORITY_UPDATE"],
)
@pytest.mark.parametrize("before", [b"", get(5)], ids=["first", "below one that has begun"])
def test_a_stream_of_ours_never_begins(sent: bytes, before: bytes) -> None:
    """RFC 9113 §5.1, "idle"; RFC 9218 §7.1."""
    heard = hear([START + before + sent])
    assert heard.events[-1] == (OVER,)
    assert heard.sent[-4:] != b"" and b"\x07\0\0\0\0\0" in heard.sent
    assert code_of_goaway(heard.sent) == Code.PROTOCOL_ERROR


def code_of_goaway(sent: bytes) -> int:
    while sent:
        end = 9 + int.from_bytes(sent[:3], "big")
        if sent[3] == Kind.GOAWAY:
            return int.from_bytes(sent[13:17], "big")
        sent = sent[end:]
    raise AssertionError("no GOAWAY")


class TestWishes:
    """Priorities of streams that haven't begun."""

    def first(self, peer: Peer, *streams: int) -> int:
        for stream in streams:
            peer.wire.respond(stream, OK, False)
            peer.wire.send(stream, bytes(20000), True)
        return peer.content()[0][0]

    def test_one_that_says_nothing_still_comes_before_the_field(self) -> None:
        peer = Peer(WIDE, priority_update(3, b""))
        peer.feed(get(1), get(3, b"/", (b"priority", b"u=0")))
        assert self.first(peer, 1, 3) == 1

    def test_those_of_streams_that_never_begin_make_room(self) -> None:
        peer = Peer(WIDE)
        for stream in range(1, 401, 2):
            peer.feed(priority_update(stream, b"u=5"))
        peer.feed(get(1001), priority_update(1005, b"u=0"), get(1003), get(1005))
        assert self.first(peer, 1001, 1003, 1005) == 1005

    def test_a_long_one_is_not_kept(self) -> None:
        peer = Peer(WIDE, *(priority_update(stream, bytes(16000)) for stream in range(1, 50, 2)))
        kept = peer.wire.wishes
        assert len(kept) == 25
        assert all(wish == (3, False) for wish in kept.values())


class TestResets:
    """A stream that its client resets before our end of it has left is told with a code."""

    def test_with_no_error(self) -> None:
        peer = Peer(get(1), reset(1, Code.NO_ERROR))
        assert peer.closed == [(1, Code.CANCEL)]

    def test_with_no_error_while_the_response_waits(self) -> None:
        peer = Peer(get(1))
        peer.wire.respond(1, OK, True)
        peer.feed(reset(1, Code.NO_ERROR))
        assert peer.closed == [(1, Code.CANCEL)]

    def test_with_no_error_once_the_client_has_the_response(self) -> None:
        peer = Peer(post(1))
        peer.wire.respond(1, OK, True)
        peer.said()
        peer.feed(reset(1, Code.NO_ERROR))
        assert peer.closed == [(1, Code.NO_ERROR)]


@pytest.mark.parametrize(
    ("flags", "content"),
    [(0x8, b""), (0x20, b"\0\0\0\0"), (0x28, b""), (0x28, b"\0\0\0\0\0")],
)
def test_headers_too_short_for_what_their_flags_say(flags: int, content: bytes) -> None:
    """RFC 9113 §4.2: too small for what the frame must have."""
    heard = hear([START + frame(Kind.HEADERS, flags | 5, 1, content)])
    assert [event[0] for event in heard.events] == [OVER]
    assert code_of_goaway(heard.sent) == Code.FRAME_SIZE_ERROR


def test_headers_of_more_padding_than_there_is() -> None:
    heard = hear([START + frame(Kind.HEADERS, 0x8 | 5, 1, b"\x02x")])
    assert code_of_goaway(heard.sent) == Code.PROTOCOL_ERROR


def test_what_events_these_are() -> None:
    heard = hear([START + get(1) + reset(1)])
    assert [event[0] for event in heard.events] == [REQUEST, CLOSED]
