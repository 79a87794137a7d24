"""What an HTTP/2 client could send, good and wild, made from a fuzzer's choices."""

from __future__ import annotations

from hpack import Encoder, HeaderTuple, NeverIndexedHeaderTuple

from tests.fuzz.choices import Choices
from tests.support.h2_frames import (
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITIZED,
    Kind,
    block,
    data,
    frame,
    get,
    ping,
    priority,
    priority_update,
    raw_frame,
    request,
    reset,
    settings,
    window_update,
)

FIELDS = [
    (b"x", b""),
    (b"x-some", b"value " * 9 + b"."),
    (b"cookie", b"a=1"),
    (b"content-length", b"3"),
    (b"te", b"trailers"),
    (b"Upper", b"x"),
    (b"connection", b"close"),
    (b":path", b"/again"),
    (b":unknown", b"x"),
    (b"host", b"test"),
    (b"x-bad", b"a\r\nb"),
    (b"expect", b"100-continue"),
]
PATHS = [b"/", b"/a?b", b"", b"*", b"/ x"]
METHODS = [b"GET", b"POST", b"CONNECT", b"OPTIONS", b"b@d"]
STREAMS = [1, 3, 5, 7, 1, 3, 0, 2]
SIZES = [4096, 0, 60, 4096, 5000]
SETTINGS = [
    (1, 0),
    (1, 4096),
    (2, 1),
    (2, 2),
    (3, 0),
    (4, 0),
    (4, 1 << 31),
    (5, 1),
    (6, 9),
    (99, 9),
]


class Sender:
    """A client that keeps the state a good one would, and breaks it where it is told to."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.encoder = Encoder()

    def header_block(self) -> bytes:
        """In any of HPACK's encodings."""
        choices = self.choices
        if choices.below(8) == 7:
            return choices.text()
        if choices.below(4) == 3:
            self.encoder.header_table_size = SIZES[choices.below(len(SIZES))]
        fields = request(
            PATHS[choices.below(2 + 3 * choices.flag())],
            METHODS[choices.below(2 + 3 * choices.flag())],
        )
        kinds = (HeaderTuple, NeverIndexedHeaderTuple)
        most = len(FIELDS) if choices.flag() else 5
        for _ in range(choices.below(4)):
            fields.append(FIELDS[choices.below(most)])
        made = [kinds[choices.flag()](*field) for field in fields]
        return self.encoder.encode(made, huffman=choices.flag())

    def head(self, stream: int) -> bytes:
        """HEADERS, whole or with CONTINUATION, padded or not."""
        choices = self.choices
        whole = self.header_block()
        flags = END_STREAM if choices.flag() else 0
        shape = choices.below(6)
        if shape == 1:
            whole, flags = b"\x02" + whole + b"\0\0", flags | PADDED
        elif shape == 2:
            whole, flags = b"\0\0\0\0\x09" + whole, flags | PRIORITIZED
        elif shape == 3:
            at = choices.byte()
            first = frame(Kind.HEADERS, flags, stream, whole[:at])
            return first + frame(Kind.CONTINUATION, END_HEADERS, stream, whole[at:])
        elif shape == 4:
            return frame(Kind.HEADERS, flags, stream, whole)
        return frame(Kind.HEADERS, flags | END_HEADERS, stream, whole)

    def anything(self) -> bytes:
        """One frame, or what isn't one."""
        choices = self.choices
        stream = STREAMS[choices.below(len(STREAMS))]
        number = choices.byte()
        makers = (
            lambda: self.head(stream),
            lambda: self.head(stream),
            lambda: data(stream, b"abc"[: number % 4], end=choices.flag()),
            lambda: frame(Kind.DATA, PADDED, stream, bytes([number]) + bytes(choices.below(9))),
            lambda: reset(stream, number),
            lambda: settings(dict([SETTINGS[number % len(SETTINGS)]])),
            lambda: ping(),
            lambda: window_update(stream, number << choices.below(24)),
            lambda: priority(stream, number),
            lambda: priority_update(stream, b"u=%d" % (number % 9)),
            lambda: frame(Kind.GOAWAY, 0, 0, bytes(8)),
            lambda: frame(Kind.SETTINGS, 1),
            lambda: frame(number, choices.byte(), stream, choices.text()),
            lambda: raw_frame(number, choices.below(12), choices.byte(), stream, choices.text()),
            lambda: choices.text(),
        )
        return makers[choices.below(len(makers))]()


def wild_connection(choices: Choices) -> bytes:
    """A preface, and frames of any kind."""
    sender = Sender(choices)
    start = PREFACE + settings() if choices.below(10) != 9 else choices.text()
    pieces = [start]
    while choices.left and len(pieces) < 200:
        pieces.append(sender.anything())
    return b"".join(pieces)


def good_connection(choices: Choices) -> bytes:
    """Requests that are well formed, in any encoding, with their content."""
    encoder = Encoder()
    pieces = [PREFACE + settings()]
    for number in range(1 + choices.below(5)):
        stream = 2 * number + 1
        if choices.flag():
            encoder.header_table_size = (4096, 0, 60, 1000)[choices.below(4)]
        fields = request(b"/%d" % number, b"POST") + FIELDS[: choices.below(3)]
        whole = encoder.encode([HeaderTuple(*field) for field in fields], huffman=choices.flag())
        at = choices.below(80)
        pieces.append(frame(Kind.HEADERS, 0, stream, whole[:at]))
        pieces.append(frame(Kind.CONTINUATION, END_HEADERS, stream, whole[at:]))
        pieces.append(data(stream, choices.text()) + ping() + data(stream, b"end", end=True))
    return b"".join(pieces)


def simple_connection() -> bytes:
    """A short one with one of most kinds."""
    return b"".join(
        (
            PREFACE + settings({3: 100, 4: 70_000}),
            get(1, b"/a", (b"cookie", b"a=1"), (b"cookie", b"b=2")),
            frame(Kind.HEADERS, 0, 3, block(request(b"/b", b"POST"))[:20]),
            frame(Kind.CONTINUATION, END_HEADERS, 3, block(request(b"/b", b"POST"))[20:]),
            data(3, b"some content"),
            frame(Kind.DATA, PADDED, 3, b"\x03padded\0\0\0"),
            ping(),
            window_update(0, 1000),
            window_update(3, 1000),
            priority(5, 3),
            priority_update(3, b"u=1, i"),
            frame(0xEE, 0xFF, 7, b"what is this"),
            frame(Kind.HEADERS, END_STREAM | END_HEADERS, 3, block([(b"x-trailer", b"1")])),
            get(5, b"/c") + reset(5),
            frame(Kind.GOAWAY, 0, 0, bytes(8)),
        )
    )
