"""What the client may send on a connection: nothing that it sent is lost from the window."""

import pytest

from tests.support.h2_frames import PREFACE, Kind, data, frame, get, post, reset, settings
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h2 import CANCEL, DATA, Http2Limits, Http2Wire

CONTENT = bytes(16000)
# More than the window holds, if each lost its content.
STREAMS = 300
HALVES = (9, 10, 5009, 16008)


class Peer:
    """A server's wire whose content is taken at once, and what was said to the client."""

    def __init__(self) -> None:
        self.wire = Http2Wire(Http2Limits(), HeadLimits())
        self.sent = b""
        self.feed(PREFACE + settings())

    def feed(self, piece: bytes) -> None:
        self.wire.feed(piece)
        self.turn()

    def turn(self) -> None:
        while True:
            code = self.wire.next()
            if code == DATA:
                self.wire.consumed(self.wire.stream_id, len(self.wire.data))
            elif not code:
                data = self.wire.data_to_send(1 << 20)
                if not data:
                    return
                self.sent += data

    def reset(self, stream: int) -> None:
        self.wire.reset(stream, CANCEL)
        self.turn()

    @property
    def window(self) -> int:
        return self.wire.window

    def resets(self) -> int:
        return self.sent.count(CANCEL.to_bytes(4, "big"))


@pytest.mark.parametrize("half", HALVES)
def test_a_stream_that_is_reset_within_a_frame(half: int) -> None:
    peer = Peer()
    whole = data(1, CONTENT)
    for number in range(STREAMS):
        stream = 2 * number + 1
        whole = data(stream, CONTENT)
        peer.feed(post(stream) + whole[:half])
        peer.reset(stream)
        peer.reset(stream)
        peer.feed(whole[half:-1])
        peer.feed(whole[-1:])
        assert peer.window > 1_000_000, number
    assert peer.resets() == STREAMS


def test_a_padded_frame() -> None:
    peer = Peer()
    for number in range(STREAMS):
        stream = 2 * number + 1
        whole = frame(Kind.DATA, 8, stream, b"\xff" + bytes(15000) + bytes(255))
        peer.feed(post(stream) + whole[:9000])
        peer.reset(stream)
        peer.feed(whole[9000:])
    assert peer.window > 1_000_000


def test_what_comes_behind_the_reset() -> None:
    peer = Peer()
    for number in range(STREAMS):
        stream = 2 * number + 1
        peer.feed(post(stream))
        peer.reset(stream)
        peer.feed(data(stream, CONTENT))
    assert peer.window > 1_000_000


def test_the_client_resets() -> None:
    peer = Peer()
    for number in range(STREAMS):
        stream = 2 * number + 1
        peer.feed(post(stream) + data(stream, CONTENT) + reset(stream))
    assert peer.window > 1_000_000


def test_a_reset_does_not_wait_for_the_frame_within_which_it_comes() -> None:
    peer = Peer()
    peer.feed(post(1) + data(1, CONTENT)[:5000])
    peer.reset(1)
    assert peer.resets() == 1


def test_other_streams_are_reset_at_once() -> None:
    peer = Peer()
    peer.feed(get(1) + post(3) + data(3, CONTENT)[:5000])
    peer.reset(1)
    assert peer.resets() == 1
