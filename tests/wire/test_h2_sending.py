"""What a server says on a connection: which frames, in which order, and when a stream is over."""

from __future__ import annotations

import pytest
from hpack import Decoder

from tests.support.h2_frames import (
    END_HEADERS,
    END_STREAM,
    PREFACE,
    Code,
    Frame,
    Kind,
    Setting,
    data,
    get,
    post,
    priority_update,
    reset,
    settings,
    window_update,
)
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h2 import CLOSED, NEED_DATA, REQUEST, Http2Limits, Http2Wire

OK = [(b":status", b"200")]
WIDE = settings({Setting.INITIAL_WINDOW_SIZE: 1 << 30}) + window_update(0, 1 << 30)


def parse(sent: bytes) -> list[Frame]:
    frames = []
    while sent:
        end = 9 + int.from_bytes(sent[:3], "big")
        stream = int.from_bytes(sent[5:9], "big")
        frames.append(Frame(sent[3], sent[4], stream, sent[9:end]))
        sent = sent[end:]
    return frames


class Peer:
    """A server's wire, and what it has said since it was asked last."""

    def __init__(self, *sent: bytes, limits: Http2Limits | None = None) -> None:
        self.wire = Http2Wire(limits or Http2Limits(), HeadLimits())
        self.requests: list[int] = []
        self.closed: list[tuple[int, int]] = []
        self.feed(PREFACE + settings(), *sent)
        self.said()

    def feed(self, *sent: bytes) -> None:
        self.wire.feed(b"".join(sent))
        self.turn()

    def turn(self) -> None:
        while code := self.wire.next():
            if code == REQUEST:
                self.requests.append(self.wire.stream_id)
            elif code == CLOSED:
                self.closed.append((self.wire.stream_id, self.wire.error_code))

    def said(self, most: int = 1 << 20) -> list[Frame]:
        found = parse(self.wire.data_to_send(most))
        self.turn()
        return found

    def content(self, most: int = 1 << 20) -> list[tuple[int, int, bool]]:
        """Stream, size and END_STREAM of each frame of content."""
        frames = [frame for frame in self.said(most) if frame.kind == Kind.DATA]
        return [(one.stream, len(one.payload), one.flags == END_STREAM) for one in frames]


class TestHeads:
    def test_a_head_alone(self) -> None:
        peer = Peer(get(1))
        peer.wire.respond(1, OK, True)
        assert peer.closed == []
        assert peer.said() == [Frame(Kind.HEADERS, END_STREAM | END_HEADERS, 1, b"\x88")]
        assert peer.closed == [(1, 0)]

    def test_a_head_in_many_frames(self) -> None:
        peer = Peer(get(1), get(3))
        large = [*OK, *((b"x-%d" % number, b"\x01\xfe" * 3000) for number in range(9))]
        peer.wire.respond(1, large, False)
        peer.wire.respond(3, OK, True)
        frames = peer.said()
        assert [frame.stream for frame in frames] == [1] * (len(frames) - 1) + [3]
        section = frames[:-1]
        kinds = [frame.kind for frame in section]
        assert kinds == [Kind.HEADERS] + [Kind.CONTINUATION] * (len(section) - 1)
        assert [frame.flags for frame in section] == [0] * (len(section) - 1) + [END_HEADERS]
        assert max(len(frame.payload) for frame in section) == 16384
        decoder = Decoder(1 << 20)
        block = b"".join(frame.payload for frame in section)
        assert [tuple(pair) for pair in decoder.decode(block, raw=True)] == large
        assert decoder.decode(frames[-1].payload, raw=True) == OK

    def test_interim_heads_come_before(self) -> None:
        peer = Peer(get(1))
        peer.wire.inform(1, [(b":status", b"103")])
        peer.wire.respond(1, OK, False)
        peer.wire.send(1, b"x", True)
        kinds = [(frame.kind, frame.flags) for frame in peer.said()]
        assert kinds == [(Kind.HEADERS, 4), (Kind.HEADERS, 4), (Kind.DATA, END_STREAM)]

    @pytest.mark.parametrize("waiting", [b"", b"content"])
    def test_trailers(self, waiting: bytes) -> None:
        peer = Peer(get(1))
        peer.wire.respond(1, OK, False)
        peer.wire.send(1, waiting, False)
        peer.wire.send_trailers(1, [(b"x", b"y")])
        frames = peer.said()
        assert frames[-1].kind == Kind.HEADERS
        assert frames[-1].flags == END_STREAM | END_HEADERS
        content = [frame for frame in frames if frame.kind == Kind.DATA]
        assert b"".join(frame.payload for frame in content) == waiting
        assert not any(frame.flags for frame in content)
        assert peer.closed == [(1, 0)]


class TestContent:
    def test_frames_and_room(self) -> None:
        peer = Peer(get(1), WIDE)
        peer.wire.respond(1, OK, False)
        peer.wire.send(1, bytes(100_000), True)
        sizes = []
        while sent := peer.wire.data_to_send(40_000):
            assert len(sent) <= 40_000
            sizes += [len(frame.payload) for frame in parse(sent) if frame.kind == Kind.DATA]
        assert sum(sizes) == 100_000
        assert max(sizes) == 16384
        assert min(sizes[:-1]) >= 1024

    def test_small_pieces_share_a_frame(self) -> None:
        peer = Peer(get(1), WIDE)
        peer.wire.respond(1, OK, False)
        for _ in range(1000):
            peer.wire.send(1, b"twenty bytes of text", False)
        assert peer.content() == [(1, 16384, False), (1, 3616, False)]

    def test_the_end_alone(self) -> None:
        peer = Peer(settings({Setting.INITIAL_WINDOW_SIZE: 0}), get(1))
        peer.wire.respond(1, OK, False)
        peer.wire.send(1, b"", False)
        assert peer.content() == []
        peer.wire.send(1, b"", True)
        assert peer.content() == [(1, 0, True)]
        assert peer.closed == [(1, 0)]

    def test_windows(self) -> None:
        peer = Peer(settings({Setting.INITIAL_WINDOW_SIZE: 10}), get(1), get(3))
        for stream in (1, 3):
            peer.wire.respond(stream, OK, False)
            peer.wire.send(stream, bytes(25), True)
        assert peer.content() == [(1, 10, False), (3, 10, False)]
        assert (peer.wire.unsent(1), peer.wire.unsent(3), peer.wire.waiting) == (15, 15, 30)
        assert peer.content() == []
        peer.feed(window_update(3, 5))
        assert peer.content() == [(3, 5, False)]
        peer.feed(settings({Setting.INITIAL_WINDOW_SIZE: 5}), window_update(1, 6))
        assert peer.content() == [(1, 1, False)]
        peer.feed(settings({Setting.INITIAL_WINDOW_SIZE: 1000}))
        assert peer.content() == [(1, 14, True), (3, 10, True)]
        assert peer.wire.waiting == 0

    def test_the_window_of_the_connection(self) -> None:
        peer = Peer(settings({Setting.INITIAL_WINDOW_SIZE: 1 << 20}), get(1), get(3))
        for stream in (1, 3):
            peer.wire.respond(stream, OK, False)
            peer.wire.send(stream, bytes(50_000), True)
        sent = peer.content()
        assert sum(size for _, size, _ in sent) == 65535
        assert peer.content() == []
        peer.feed(window_update(0, 1))
        assert peer.content() == [(3, 1, False)]

    def test_a_reset_takes_back_what_waits(self) -> None:
        peer = Peer(get(1), get(3))
        for stream in (1, 3):
            peer.wire.respond(stream, OK, False)
            peer.wire.send(stream, bytes(10), False)
        peer.wire.reset(1, 2)
        peer.wire.send(1, b"more", True)
        assert peer.wire.waiting == 10
        frames = peer.said()
        assert [frame.code for frame in frames if frame.kind == Kind.RST_STREAM] == [2]
        assert [frame.stream for frame in frames if frame.kind == Kind.DATA] == [3]
        assert peer.closed == [(1, 2)]

    def test_a_reset_of_the_clients_does_too(self) -> None:
        peer = Peer(get(1))
        peer.wire.respond(1, OK, False)
        peer.wire.send(1, bytes(10), False)
        peer.feed(reset(1, Code.CANCEL))
        assert (peer.closed, peer.wire.waiting) == ([(1, 8)], 0)
        assert [frame.kind for frame in peer.said()] == [Kind.HEADERS]


class TestTurns:
    def ask(self, *values: bytes) -> Peer:
        """Requests with these priorities, each with 40,000 bytes that wait."""
        fields = [((b"priority", value),) if value else () for value in values]
        asked = [get(2 * number + 1, b"/", *more) for number, more in enumerate(fields)]
        peer = Peer(WIDE, *asked)
        # The last request is answered first.
        for stream in reversed(peer.requests):
            peer.wire.respond(stream, OK, False)
            peer.wire.send(stream, bytes(40_000), True)
        return peer

    def order(self, peer: Peer) -> list[int]:
        return [stream for stream, _, _ in peer.content()]

    def test_in_the_order_of_the_requests(self) -> None:
        assert self.order(self.ask(b"", b"", b"u=3")) == [1, 1, 1, 3, 3, 3, 5, 5, 5]

    def test_the_urgent_first(self) -> None:
        assert self.order(self.ask(b"u=5", b"", b"u=0")) == [5, 5, 5, 3, 3, 3, 1, 1, 1]

    def test_those_that_are_of_use_in_pieces_share(self) -> None:
        assert self.order(self.ask(b"i", b"i", b"i")) == [5, 3, 1] * 3

    def test_a_wish_before_and_behind_the_request(self) -> None:
        peer = Peer(WIDE, priority_update(3, b"u=1"), get(1), get(3), priority_update(1, b"u=0"))
        for stream in (3, 1):
            peer.wire.respond(stream, OK, False)
            peer.wire.send(stream, b"x", True)
        assert self.order(peer) == [1, 3]

    def test_another_wish_while_it_waits(self) -> None:
        peer = self.ask(b"", b"")
        peer.feed(priority_update(3, b"u=2"))
        assert self.order(peer) == [3, 3, 3, 1, 1, 1]


class TestOver:
    def test_the_client_goes_on_sending(self) -> None:
        peer = Peer(post(1))
        peer.wire.respond(1, OK, True)
        peer.said()
        assert peer.closed == []
        peer.feed(data(1, b"rest", end=True))
        assert peer.closed == [(1, 0)]

    def test_what_nobody_takes_stays_open(self) -> None:
        """A client that doesn't read can't have more streams than it may."""
        peer = Peer(limits=Http2Limits(streams=3))
        for number in range(5):
            peer.feed(get(2 * number + 1))
            peer.wire.respond(2 * number + 1, OK, True)
        assert peer.requests == [1, 3, 5]
        assert peer.closed == [(7, Code.REFUSED_STREAM), (9, Code.REFUSED_STREAM)]
        peer.said()
        assert peer.closed[2:] == [(1, 0), (3, 0), (5, 0)]
        peer.feed(get(11))
        assert peer.requests[-1] == 11

    def test_saying_more_is_nothing(self) -> None:
        peer = Peer(get(1))
        wire = peer.wire
        wire.respond(1, OK, True)
        peer.said()
        wire.respond(1, OK, False)
        wire.inform(1, [(b":status", b"103")])
        wire.send(1, b"x", True)
        wire.send_trailers(1, [])
        wire.reset(1, 2)
        assert wire.next() == NEED_DATA
        assert wire.data_to_send(1000) == b""
        assert wire.unsent(1) == 0

    def test_goaway(self) -> None:
        """§6.8: streams beyond the last one are passed over, and what is sent on them."""
        peer = Peer(get(1))
        peer.wire.goaway()
        peer.wire.cost = 0
        peer.feed(post(3) + data(3, bytes(1000)), get(5))
        assert peer.requests == [1]
        assert peer.wire.cost == 2, "field sections that are passed over are counted"
        peer.wire.respond(1, OK, True)
        frames = peer.said()
        assert [(one.last_stream, one.code) for one in frames if one.kind == Kind.GOAWAY] == [
            (1, 0)
        ]
        assert not any(frame.kind == Kind.RST_STREAM for frame in frames)
        assert peer.closed == [(1, 0)]
        peer.wire.terminate(11)
        assert peer.said()[-1].last_stream == 1

    def test_content_that_comes_behind_a_reset_costs_the_client_nothing(self) -> None:
        """It was on its way: with small frames there may be thousands."""
        peer = Peer(post(1))
        peer.wire.reset(1, 2)
        peer.said()
        peer.wire.cost = 0
        for _ in range(5000):
            peer.feed(data(1, b"x"))
        peer.feed(data(1, b"", end=True))
        assert peer.wire.cost == 0

    def test_nothing_comes_behind_the_end(self) -> None:
        peer = Peer(get(1))
        peer.wire.respond(1, OK, False)
        peer.wire.send(1, bytes(1000), True)
        peer.wire.terminate(11)
        assert [frame.kind for frame in peer.said()] == [Kind.HEADERS, Kind.GOAWAY]
        assert peer.said() == []
