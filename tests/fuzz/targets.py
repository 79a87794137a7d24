"""What must hold for any bytes. Each target takes a fuzzer's bytes and raises when it does not.

The same functions run under atheris (`./dev fuzz`) and, on the committed corpus with a bounded
number of mutations, in the test suite.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

import h11
import hpack as hpack_library

from tests.fuzz.choices import Choices
from tests.wire.comparing import PEERS, differences
from tests.wire.differences import explanation
from tests.wire.h2_peer import frames_in
from tests.wire.h2_peer import hear as hear_http2
from tests.wire.h2_streams import wild_connection
from tests.wire.hpack_blocks import BlockWriter
from tests.wire.proxy_headers import SIGNATURE
from tests.wire.reading import bytewise, cut, read
from tests.wire.ws_peer import alike, hear
from tests.wire.ws_streams import TEXTS, wild_stream
from tricorn.wire.errors import (
    FieldSectionTooLarge,
    HpackError,
    ProxyHeaderError,
    Refusal,
    ResponseError,
)
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields, ResponseWriter
from tricorn.wire.hpack_decoder import HpackDecoder
from tricorn.wire.hpack_encoder import HpackEncoder
from tricorn.wire.proxy_protocol import MOST_BYTES, VERSIONS, ProxyHeader, read_header
from tricorn.wire.ws import MessageLimits
from tricorn.wire.ws_deflate import Deflater, DeflateTerms
from tricorn.wire.ws_frames import FrameCache
from tricorn.wire.ws_handshake import read_handshake

LIMITS = [
    (HeadLimits(), 0),
    (HeadLimits(), 10),
    (HeadLimits(request_line=20, field_section=60, fields=3), 0),
    (HeadLimits(request_line=16, field_section=20, fields=1), 5),
]


def reader(data: bytes) -> None:
    """Any split of any input reads the same, and raises nothing but a refusal."""
    choices = Choices(data)
    limits, body_limit = LIMITS[choices.below(len(LIMITS))]
    first, second = choices.byte(), choices.byte()
    sent = choices.rest()
    whole = read([sent], limits, body_limit)
    assert read(cut(sent, [first, first + second]), limits, body_limit) == whole
    assert read(bytewise(sent), limits, body_limit) == whole


def differential(data: bytes) -> None:
    """Where h11 or httptools read something else, a rule knows why."""
    for peer in PEERS:
        for difference in differences(peer, data):
            explanation(difference)


STATUSES = [200, 204, 304, 404, 500, 100, 199, 0, 99, 600, 201, 206, 416, 599]
METHODS = ["GET", "HEAD", "POST", "DELETE"]
NAMES = [
    b"content-length",
    b"Content-Length",
    b"transfer-encoding",
    b"connection",
    b"date",
    b"server",
    b"x",
    b"set-cookie",
    b"upgrade",
]


def response(data: bytes) -> None:
    """Whatever an app sends, the client reads one response, with the fields that it may have."""
    choices = Choices(data)
    method = METHODS[choices.below(len(METHODS))]
    is_1_1 = choices.flag()
    writer = ResponseWriter(DefaultFields(b"tricorn", [(b"x-added", b"1")]))
    writer.start_request(method, is_1_1, choices.flag())
    fields: list[tuple[bytes, bytes]] = []
    try:
        sent = write_response(writer, choices, fields)
    except ResponseError:
        return  # the app was told, and the connection is cut
    check_response(method, sent, fields, writer)


def write_response(
    writer: ResponseWriter, choices: Choices, fields: list[tuple[bytes, bytes]]
) -> bytes:
    """A response of a random shape; `fields` takes what the app asked for."""
    status = STATUSES[choices.below(len(STATUSES))]
    for _ in range(choices.below(5)):
        name = choices.text() if choices.flag() else NAMES[choices.below(len(NAMES))]
        value = b"%d" % choices.below(20) if choices.flag() else choices.text()
        fields.append((name, value))
    more = choices.flag()
    sent = behind(writer, writer.head(status, list(fields), choices.content(), more))
    while more:
        more = choices.left
        sent += behind(writer, writer.body(choices.content(), more))
    return sent


def behind(writer: ResponseWriter, data: bytes) -> bytes:
    """`data` and what the writer holds, as a connection writes it that holds nothing back."""
    return b"".join(writer.pieces(data))


def check_response(
    method: str, sent: bytes, fields: list[tuple[bytes, bytes]], writer: ResponseWriter
) -> None:
    """h11, as the client, reads exactly one response and no field that nobody asked for."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(sent)
    head = client.next_event()
    assert isinstance(head, h11.Response), head
    asked = {name.lower() for name, _ in fields}
    added = {b"x-added", b"server", b"content-length", b"transfer-encoding", b"connection"}
    assert {name for name, _ in head.headers} <= asked | added
    values = {value.strip(b" \t") for _, value in fields}
    assert all(value in values for name, value in head.headers if name not in added)
    check_content(client, writer)


def check_content(client: h11.Connection, writer: ResponseWriter) -> None:
    """The content ends where it says; short of that, the connection closes."""
    event = client.next_event()
    while isinstance(event, h11.Data):
        event = client.next_event()
    if event is h11.NEED_DATA:
        assert not writer.keep_alive, "an unfinished response on a connection that goes on"
        return
    assert isinstance(event, h11.EndOfMessage), event
    assert not client.trailing_data[0], "bytes behind the response"


MESSAGE_LIMITS = [
    MessageLimits(),
    MessageLimits(message=20, fragments=2, controls=3),
    MessageLimits(message=0, fragments=1, controls=0),
    MessageLimits(message=130),
]
TERMS = [
    None,
    DeflateTerms(12, 15, True, True, b""),
    DeflateTerms(12, 9, False, False, b""),
]


def messages(data: bytes) -> None:
    """Any split of what a WebSocket client sends reads the same, and raises but a violation."""
    choices = Choices(data)
    limits = MESSAGE_LIMITS[choices.below(len(MESSAGE_LIMITS))]
    terms = TERMS[choices.below(len(TERMS))]
    first, second = choices.byte(), choices.byte()
    sent = choices.rest() if choices.flag() else wild_stream(choices, terms is not None)
    whole = hear([sent], limits, terms)
    assert alike(hear(cut(sent, [first, first + second]), limits, terms), whole)
    assert alike(hear(bytewise(sent), limits, terms), whole)


def frames(data: bytes) -> None:
    """Whatever is sent to whom in which order, each client's own inflater reads it."""
    choices = Choices(data)
    cache = FrameCache()
    bits = [9 + choices.below(7) for _ in range(4)]
    terms = [DeflateTerms(each, 15, choices.flag(), True, b"") for each in bits]
    deflaters = [Deflater(each) for each in terms]
    inflaters = [zlib.decompressobj(-each) for each in bits]
    texts = [*(text * 9 for text in TEXTS), choices.text().decode("latin-1") * 3]
    while choices.left:
        text = texts[choices.below(len(texts))]
        for _ in range(1 + choices.below(4)):
            peer = choices.below(4)
            frame = cache.text(text, deflaters[peer])
            if not terms[peer].server_context:
                inflaters[peer] = zlib.decompressobj(-bits[peer])
            assert heard_text(frame, inflaters[peer]) == text
        if choices.below(5) == 1:
            cache.forget()
        if choices.below(5) == 1:
            deflaters[choices.below(4)].rest()


def heard_text(frame: bytes, inflater: zlib._Decompress) -> str:
    """One text frame of a server's, as RFC 6455 §5.2 and RFC 7692 §7.2.2 have it."""
    start = 2 if frame[1] < 126 else 4
    payload = frame[start:]
    assert len(payload) == (frame[1] if start == 2 else int.from_bytes(frame[2:4], "big"))
    assert frame[0] in (0x81, 0xC1)
    if frame[0] == 0xC1:
        payload = inflater.decompress(payload + b"\0\0\xff\xff")
    return payload.decode()


def handshake(data: bytes) -> None:
    """A handshake is read or refused; what is agreed to is what a client may be answered."""
    choices = Choices(data)
    names = [b"key", b"version", b"protocol", b"extensions"]
    values = [b"dGhlIHNhbXBsZSBub25jZQ==", b"13", b"chat", b"permessage-deflate"]
    fields = []
    for name, value in zip(names, values, strict=True):
        fields += [
            (b"sec-websocket-" + name, value if choices.flag() else choices.text())
            for _ in range((1, 1, 0, 2)[choices.below(4)])
        ]
    try:
        read = read_handshake("GET", fields, False, True)
    except Refusal as refusal:
        assert refusal.status in (400, 426)
        return
    assert len(read.accept) == 28
    assert len(set(read.subprotocols)) == len(read.subprotocols)
    if read.deflate is not None:
        assert 9 <= read.deflate.server_window_bits <= 12
        assert 8 <= read.deflate.client_window_bits <= 15


def http2(data: bytes) -> None:
    """Any split of what an HTTP/2 client sends is the same to the app and to the client."""
    choices = Choices(data)
    first, second = choices.byte(), choices.byte()
    sent = wild_connection(choices)
    whole = hear_http2([sent])
    frames_in(whole.sent)
    assert hear_http2(cut(sent, [first, first + second])) == whole
    assert hear_http2(bytewise(sent)) == whole


Decoded = tuple[tuple[tuple[bytes, bytes], ...], bool]
HPACK_LIMITS = [(1 << 20, 1000), (200, 1000), (1 << 20, 3)]


def hpack(data: bytes) -> None:
    """A field block comes to what `hpack` makes of it, whatever came before, or is refused."""
    choices = Choices(data)
    writer = BlockWriter(choices)
    limits = HPACK_LIMITS[choices.below(len(HPACK_LIMITS))]
    ours, fresh = HpackDecoder(4096, *limits), HpackDecoder(4096, *limits)
    theirs = hpack_library.Decoder(max_header_list_size=1 << 30)
    encoder, client = HpackEncoder(), hpack_library.Decoder(max_header_list_size=1 << 30)
    while choices.left:
        block = writer.block()
        for _ in range(1 + choices.below(2)):
            fresh.last_block = None
            found = decoded(ours, block)
            assert found == decoded(fresh, block)
            if not same_as_theirs(found, theirs, block):
                return
            if not isinstance(found, str):
                fields = list(found[0])
                assert client.decode(encoder.encode(fields), raw=True) == fields


def decoded(decoder: HpackDecoder, block: bytes) -> Decoded | str:
    try:
        return decoder.decode(block), decoder.malformed
    except HpackError:
        return "broken"
    except FieldSectionTooLarge:
        return "too large"


def same_as_theirs(found: Decoded | str, theirs: hpack_library.Decoder, block: bytes) -> bool:
    """Compare with what `hpack` makes of a block; False where the connection would end."""
    try:
        expected = theirs.decode(block, raw=True)
    except hpack_library.HPACKError:
        assert found == "broken"
        return False
    if found == "broken":
        # It takes integers of more bytes that add nothing.
        assert re.search(rb"[\x80-\xff]{5}", block)
        return False
    assert isinstance(found, str) or found[0] == tuple(expected)
    return True


def proxy(data: bytes) -> None:
    """A PROXY protocol header reads the same in any pieces, and raises nothing but its error."""
    choices = Choices(data)
    versions = [VERSIONS, frozenset({1}), frozenset({2})][choices.below(3)]
    start = [b"", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11\x00"][choices.below(4)]
    sent = start + choices.rest()
    whole = proxy_header(sent, versions)
    for size in range(len(sent) + 1):
        found = proxy_header(sent[:size], versions)
        if found is not None:
            # What the bytes say that have come isn't taken back by those behind.
            assert found == whole
            break
    else:
        assert whole is None
    if isinstance(whole, tuple):
        assert 0 < whole[1] <= min(len(sent), MOST_BYTES)


def proxy_header(data: bytes, versions: frozenset[int]) -> tuple[ProxyHeader, int] | str | None:
    try:
        return read_header(data, versions)
    except ProxyHeaderError as error:
        assert error.reason.isascii()
        return error.reason


TARGETS: dict[str, Callable[[bytes], None]] = {
    "reader": reader,
    "differential": differential,
    "response": response,
    "handshake": handshake,
    "messages": messages,
    "frames": frames,
    "http2": http2,
    "hpack": hpack,
    "proxy": proxy,
}
