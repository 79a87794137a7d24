"""Random operations of both sides, against a client that only counts.

Whatever the two sides do within the RFC: content arrives whole and in order, no window is
overrun, none of it is lost, and each stream ends once.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.choices import Choices
from tests.support.h2_frames import (
    END_STREAM,
    PADDED,
    PREFACE,
    Code,
    Frame,
    Kind,
    Setting,
    frame,
    headers,
    ping,
    post,
    priority_update,
    request,
    reset,
    settings,
    window_update,
)
from tests.wire.grammar import patient
from tests.wire.reading import cut
from tests.wire.test_h2_sending import OK, parse
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h2 import (
    ACKNOWLEDGED,
    CANCEL,
    CLOSED,
    DATA,
    REQUEST,
    TRAILERS,
    Http2Limits,
    Http2Wire,
)

STREAM_WINDOW: Final = 3000
CONNECTION_WINDOW: Final = 70_000
FIRST: Final = 65535
TRAILER: Final = [(b"x-trailer", b"1")]
SIZES: Final = (0, 1, 7, 100, 999, 1500, 5000, 20_000, 70_000)
MOST: Final = (1100, 2000, 16384, 20_000, 65536)
FIRST_WINDOWS: Final = (0, 1, 500, 16384, FIRST, 1 << 20)


def pattern(stream: int, start: int, size: int) -> bytes:
    """Content of a stream, of which each byte says where it belongs."""
    turn = bytes((stream * 31 + number) % 251 for number in range(251))
    begin = start % 251
    return (turn * (size // 251 + 2))[begin : begin + size]


class Side:
    """One direction of a stream: what was said in it, and what has come."""

    def __init__(self, window: int) -> None:
        self.window = window  # of the receiver
        self.said = 0
        self.come = 0
        self.ended = False  # by whoever sends
        self.end_came = False

    def take(self, stream: int, content: bytes, end: bool) -> None:
        assert not self.end_came
        assert content == pattern(stream, self.come, len(content))
        self.come += len(content)
        assert self.come <= self.said
        if end:
            assert self.ended and self.come == self.said
            self.end_came = True


class Exchange:
    """A request and its response, as both sides know them."""

    def __init__(self, number: int, send_window: int) -> None:
        self.number = number
        self.up = Side(STREAM_WINDOW)
        self.down = Side(send_window)
        self.held = 0  # bytes that the server hasn't given back
        self.hidden = 0  # bytes for the client that it doesn't know of: padding, what is cut
        self.responded = False
        self.trailers = False  # the server's
        self.client_cut = self.server_cut = False
        self.reset_came = False
        self.closed = 0

    @property
    def is_cut(self) -> bool:
        return self.client_cut or self.server_cut

    @property
    def is_over(self) -> bool:
        """For the client, which has read everything."""
        both = self.up.ended and self.down.end_came
        return both or self.is_cut


class Connection:
    """A client and a server that do anything they may."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        limits = Http2Limits(
            streams=5, stream_window=STREAM_WINDOW, connection_window=CONNECTION_WINDOW
        )
        self.wire = Http2Wire(limits, HeadLimits())
        self.exchanges: dict[int, Exchange] = {}
        self.refused: set[int] = set()
        self.next_stream = 1
        self.up_window = FIRST  # as the client knows it
        self.down_window = FIRST
        self.first_window = FIRST
        self.pings = 0
        self.answered = 0
        self.sent_up = self.held = 0  # bytes of DATA; of those that the app holds
        self.feed(PREFACE + settings())
        self.read(65536)
        assert self.up_window == CONNECTION_WINDOW

    # Both ways

    def feed(self, sent: bytes) -> None:
        """The server reads what the client says, in up to three pieces."""
        places = [self.choices.byte(), self.choices.byte() * 90] if self.choices.flag() else []
        for piece in cut(sent, places):
            self.wire.feed(piece)
            self.turn()

    def turn(self) -> None:
        wire = self.wire
        while code := wire.next():
            stream = wire.stream_id
            if code == REQUEST:
                self.exchanges[stream] = Exchange(stream, self.first_window)
            elif code == DATA:
                self.take_content(self.exchanges[stream], wire.data, wire.ended)
            elif code == TRAILERS:
                assert wire.fields == tuple(TRAILER)
                self.take_content(self.exchanges[stream], b"", True)
            elif code == CLOSED:
                self.take_close(stream)
            else:
                assert code == ACKNOWLEDGED
                self.answered += 1

    def take_content(self, exchange: Exchange, content: bytes, end: bool) -> None:
        assert not exchange.is_cut and not exchange.closed
        exchange.up.take(exchange.number, content, end)
        exchange.held += len(content)
        self.held += len(content)

    def take_close(self, stream: int) -> None:
        if stream not in self.exchanges:
            assert self.wire.error_code == Code.REFUSED_STREAM
            self.refused.add(stream)
            return
        exchange = self.exchanges[stream]
        exchange.closed += 1
        assert exchange.closed == 1
        assert exchange.is_cut == (self.wire.error_code != 0)
        if not exchange.is_cut:
            assert exchange.up.end_came and exchange.down.ended

    def read(self, most: int) -> None:
        """The client reads one write of the server's."""
        sent = self.wire.data_to_send(most)
        self.turn()
        for one in parse(sent):
            self.take_frame(one)

    def take_frame(self, one: Frame) -> None:
        exchange = self.exchanges.get(one.stream)
        if one.kind == Kind.WINDOW_UPDATE:
            size = int.from_bytes(one.payload, "big")
            assert size
            if not one.stream:
                self.up_window += size
            elif exchange is not None:
                exchange.up.window += size
                assert exchange.up.window <= STREAM_WINDOW
            assert self.up_window <= CONNECTION_WINDOW
        elif one.kind == Kind.DATA:
            assert exchange is not None
            self.take_data(exchange, one)
        elif one.kind == Kind.HEADERS and one.flags & END_STREAM:
            assert exchange is not None and not exchange.reset_came
            exchange.down.take(one.stream, b"", True)
        elif one.kind == Kind.RST_STREAM and exchange is not None:
            assert not exchange.reset_came
            exchange.reset_came = True
        elif one.kind == Kind.RST_STREAM:
            assert one.stream in self.refused
        assert one.kind != Kind.GOAWAY

    def take_data(self, exchange: Exchange, one: Frame) -> None:
        size = len(one.payload)
        assert not exchange.reset_came
        assert size <= 16384
        self.down_window -= size
        exchange.down.window -= size
        # The end alone needs no window, which may be below nothing.
        assert not size or (self.down_window >= 0 and exchange.down.window >= 0)
        exchange.down.take(one.stream, one.payload, bool(one.flags & END_STREAM))

    # What may be done

    def act(self) -> None:
        """One side does something."""
        acts: tuple[Callable[[], None], ...] = (
            self.open,
            self.open,
            lambda: self.on_any(self.upload),
            lambda: self.on_any(self.upload),
            lambda: self.on_any(self.end_upload),
            lambda: self.on_any(self.reset_by_client),
            self.widen,
            lambda: self.on_any(self.widen_stream),
            self.change_first_window,
            self.prefer,
            lambda: self.on_any(self.answer),
            lambda: self.on_any(self.answer),
            lambda: self.on_any(self.download),
            lambda: self.on_any(self.download),
            lambda: self.on_any(self.end_download),
            lambda: self.on_any(self.reset_by_server),
            lambda: self.on_any(self.give_back),
            lambda: self.on_any(self.give_back),
            self.read_some,
            self.read_some,
            self.ping,
        )
        acts[self.choices.below(len(acts))]()

    def on_any(self, act: Callable[[Exchange], None]) -> None:
        if self.exchanges:
            numbers = list(self.exchanges)[-6:]
            act(self.exchanges[numbers[self.choices.below(len(numbers))]])

    def open(self) -> None:
        stream = self.next_stream
        self.next_stream += 2 + 2 * (self.choices.below(8) == 7)
        if self.choices.flag():
            self.feed(headers(stream, request()))
            if stream in self.exchanges:
                up = self.exchanges[stream].up
                up.ended = up.end_came = True
        else:
            self.feed(post(stream))

    def upload(self, exchange: Exchange) -> None:
        """Content, as much as the windows that the client knows of let through."""
        choices = self.choices
        up = exchange.up
        if exchange.client_cut or exchange.reset_came or up.ended:
            return
        room = min(self.up_window, up.window, 16384)
        padding = choices.byte() if choices.flag() else -1
        size = min(SIZES[choices.below(7)], room - padding - 1)
        if size < 0:
            return
        content = pattern(exchange.number, up.said, size)
        if choices.below(4) == 0:
            up.ended = True
        flags = END_STREAM if up.ended else 0
        if padding >= 0:
            flags |= PADDED
            content = bytes([padding]) + content + bytes(padding)
        up.said += size
        up.window -= len(content)
        self.up_window -= len(content)
        self.sent_up += len(content)
        self.feed(frame(Kind.DATA, flags, exchange.number, content))

    def end_upload(self, exchange: Exchange) -> None:
        if exchange.client_cut or exchange.reset_came or exchange.up.ended:
            return
        exchange.up.ended = True
        self.feed(headers(exchange.number, TRAILER))

    def reset_by_client(self, exchange: Exchange) -> None:
        if exchange.client_cut or exchange.closed:
            return
        exchange.client_cut = True
        self.feed(reset(exchange.number))

    def widen(self) -> None:
        size = 1 + SIZES[self.choices.below(len(SIZES))]
        self.down_window += size
        self.feed(window_update(0, size))

    def widen_stream(self, exchange: Exchange) -> None:
        if not exchange.client_cut:
            size = 1 + SIZES[self.choices.below(len(SIZES))]
            exchange.down.window += size
            self.feed(window_update(exchange.number, size))

    def change_first_window(self) -> None:
        size = FIRST_WINDOWS[self.choices.below(len(FIRST_WINDOWS))]
        self.feed(settings({Setting.INITIAL_WINDOW_SIZE: size}))
        for exchange in self.exchanges.values():
            exchange.down.window += size - self.first_window
        self.first_window = size

    def prefer(self) -> None:
        choices = self.choices
        value = b"u=%d" % choices.below(8) + (b", i" if choices.flag() else b"")
        self.feed(priority_update(1 + 2 * choices.below(self.next_stream), value))

    def ping(self) -> None:
        self.pings += 1
        self.wire.ping()
        self.feed(ping() + frame(Kind.PING, 1, 0, b"tricorn\0"))

    def answer(self, exchange: Exchange) -> None:
        if exchange.responded or exchange.is_cut:
            return
        exchange.responded = True
        if self.choices.flag():
            self.wire.inform(exchange.number, [(b":status", b"103")])
        exchange.down.ended = self.choices.flag()
        self.wire.respond(exchange.number, OK, exchange.down.ended)

    def download(self, exchange: Exchange) -> None:
        down = exchange.down
        if not exchange.responded or down.ended or exchange.is_cut:
            return
        size = SIZES[self.choices.below(len(SIZES))]
        down.ended = self.choices.below(4) == 0
        content = pattern(exchange.number, down.said, size)
        down.said += size
        self.wire.send(exchange.number, content, down.ended)

    def end_download(self, exchange: Exchange) -> None:
        down = exchange.down
        if exchange.responded and not down.ended and not exchange.is_cut:
            down.ended = True
            self.wire.send_trailers(exchange.number, TRAILER)

    def reset_by_server(self, exchange: Exchange) -> None:
        if not exchange.closed and not exchange.is_cut:
            exchange.server_cut = True
        self.wire.reset(exchange.number, CANCEL)

    def give_back(self, exchange: Exchange) -> None:
        size = exchange.held
        if size > 1 and self.choices.flag():
            size = self.choices.byte() * size // 255
        exchange.held -= size
        self.held -= size
        self.wire.consumed(exchange.number, size)

    def read_some(self) -> None:
        self.read(MOST[self.choices.below(len(MOST))])

    # What holds at the end

    def finish(self) -> None:
        """Both sides let everything through, and end what is open."""
        self.check()
        self.down_window += 1 << 24
        self.feed(window_update(0, 1 << 24))
        for exchange in self.exchanges.values():
            self.finish_one(exchange)
        self.check()
        for _ in range(len(self.exchanges) * 70_000):
            before = self.wire.waiting
            self.read(65536)
            if not before:
                break
        self.read(65536)
        assert self.wire.data_to_send(65536) == b""
        assert self.answered == self.pings
        for exchange in self.exchanges.values():
            assert exchange.closed == 1, exchange.number
            if not exchange.is_cut:
                assert exchange.up.end_came and exchange.up.come == exchange.up.said
                assert exchange.down.end_came and exchange.down.come == exchange.down.said
            self.wire.consumed(exchange.number, exchange.held)
            self.held -= exchange.held
        self.check()
        assert not self.wire.streams and not self.wire.ready_count and not self.wire.waiting

    def finish_one(self, exchange: Exchange) -> None:
        if not exchange.client_cut:
            exchange.down.window += 1 << 24
            self.feed(window_update(exchange.number, 1 << 24))
        if exchange.is_cut:
            return
        self.answer(exchange)
        self.end_download(exchange)
        self.end_upload(exchange)

    def check(self) -> None:
        """What the client may send, what it will be told, and what the app holds: all there is."""
        wire = self.wire
        assert wire.window + wire.returned + self.held == CONNECTION_WINDOW
        assert wire.waiting == sum(wire.unsent(number) for number in self.exchanges)
        assert len(wire.streams) <= 5
        assert sum(map(len, wire.ready)) == wire.ready_count
        ready = {stream.stream_id for level in wire.ready for stream in level}
        for number, stream in wire.streams.items():
            assert (number in ready) == stream.is_ready
            assert stream.is_ready == (stream.waiting > 0 and stream.send_window > 0)
            if not stream.cut and not stream.client_ended:
                held = self.exchanges[number].held
                assert stream.receive_window + stream.returned + held == STREAM_WINDOW


@patient
@given(st.integers(0, 1 << 32), st.sampled_from((60, 300, 1500)))
def test_both_sides(seed: int, size: int) -> None:
    """By a seed: bytes that hypothesis draws itself are too alike to come far."""
    connection = Connection(Choices(Random(seed).randbytes(size)))
    while connection.choices.left:
        connection.act()
        connection.check()
    connection.finish()
