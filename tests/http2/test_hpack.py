"""RFC 7541: what a header block may be, in all encodings, and what it may not."""

import json

import pytest
from hpack import Encoder, HeaderTuple, NeverIndexedHeaderTuple

from tests.http2.cases import Case, answered, connection_error, hold, response_on
from tests.support.h2_frames import (
    END_HEADERS,
    END_STREAM,
    Code,
    Kind,
    Setting,
    block,
    frame,
    get,
    integer,
    literal,
    request,
    settings,
    string,
)
from tests.support.http2 import Http2Client

BLOCK = block(request())
BROKEN = connection_error(Code.COMPRESSION_ERROR)
# GET, http, / from the static table, and an authority: the shortest request.
INDEXED = b"\x82\x86\x84" + b"\x41" + string(b"test")


def whole(stream: int, payload: bytes) -> bytes:
    return frame(Kind.HEADERS, END_STREAM | END_HEADERS, stream, payload)


def bad(section: str, title: str, payload: bytes) -> Case:
    """A block that can't be decoded: the connection's table is lost, and so is the connection."""
    return Case(section, title, whole(1, BLOCK + payload), BROKEN)


def good(section: str, title: str, payload: bytes) -> Case:
    return Case(section, title, whole(1, payload), answered(1, body=b"Hello, world"))


CASES = [
    good("2.3.1", "fields of the static table", INDEXED),
    bad("2.3.3", "index behind the static table, the dynamic one being empty", b"\xbe"),
    bad("2.3.3", "index 70", integer(70, 7, 0x80)),
    bad("2.3.3", "name with index 70", integer(70, 6, 0x40) + string(b"x")),
    bad("2.3.3", "name that isn't indexed with index 70", integer(70, 4) + string(b"x")),
    Case(
        "2.3.3",
        "entry of the dynamic table",
        (whole(1, INDEXED), response_on(1), whole(3, b"\x82\x86\x84\xbe")),
        answered(3),
    ),
    Case(
        "2.3.3",
        "index just behind the dynamic table",
        (whole(1, INDEXED), response_on(1), whole(3, b"\x82\x86\x84\xbe\xbf")),
        BROKEN,
    ),
    bad("4.2", "size update behind a field", b"\x20"),
    good("4.2", "size update at the beginning", b"\x20" + INDEXED),
    good("4.2", "two size updates at the beginning", b"\x20" + integer(4096, 5, 0x20) + INDEXED),
    bad("5.1", "integer that ends in its prefix", b"\xff"),
    bad("5.1", "integer that never ends", b"\xff" + b"\x80" * 20 + b"\x01"),
    bad("5.1", "integer beyond 32 bits", b"\xff\xff\xff\xff\xff\xff\x0f"),
    good(
        "5.1",
        "integer with bytes that add nothing",
        b"\x82\x86\x84\x41\x7f\x81\x80\x00" + b"a" * 128,
    ),
    bad("5.2", "string longer than the block", b"\x00\x01a\x05b"),
    bad(
        "5.2",
        "Huffman padding of more than 7 bits",
        b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
    ),
    bad("5.2", "Huffman padding of zeros", b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90"),
    bad(
        "5.2",
        "Huffman string with EOS",
        b"\x00\x85\xf2\xb2\x4a\x84\xff\x87\x49\x51\xff\xff\xff\xfa\x7f",
    ),
    bad("6.1", "index 0", b"\x80"),
    good(
        "6.2.1",
        "literal that is indexed, new name",
        INDEXED + b"\x40" + string(b"x-new") + string(b"1"),
    ),
    good(
        "6.2.2", "literal that isn't indexed, known name", INDEXED + integer(58, 4) + string(b"me")
    ),
    good(
        "6.2.3",
        "literal never to be indexed",
        INDEXED + b"\x10" + string(b"x-secret") + string(b"1"),
    ),
    Case(
        "6.3",
        "size update beyond SETTINGS_HEADER_TABLE_SIZE",
        (lambda client: client.send(beyond(client)),),
        BROKEN,
    ),
]


def beyond(client: Http2Client) -> bytes:
    size = client.settings.get(Setting.HEADER_TABLE_SIZE, 4096) + 1
    return whole(1, integer(size, 5, 0x20) + BLOCK)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hpack(case, client):
    hold(case, client)


def test_smaller_table_of_the_client_is_kept_to(client):
    """§4.2: the server's encoder says so at the next block, and never indexes beyond it; the
    decoder here would fail."""
    client.start({Setting.HEADER_TABLE_SIZE: 0})
    client.decoder.max_allowed_table_size = 0
    for stream in (1, 3, 5):
        client.send(get(stream))
        assert client.response(stream).status == 200
    client.decoder.max_allowed_table_size = 100
    client.send(settings({Setting.HEADER_TABLE_SIZE: 100}))
    for stream in (7, 9, 11):
        client.send(get(stream))
        assert client.response(stream).status == 200


FIELDS = [
    (b"x-empty", b""),
    (b"x-short", b"1"),
    (b"x-every-byte", bytes(range(33, 127)) + bytes(range(128, 256))),
    (b"x-long", b"0123456789abcdef" * 60),
    (b"accept-encoding", b"gzip, deflate"),
    (b"user-agent", b"a test"),
    (b"x-repeated", b"again"),
    (b"x-repeated", b"again"),
]


@pytest.mark.parametrize("huffman", [False, True], ids=["plain", "huffman"])
@pytest.mark.parametrize("never", [False, True], ids=["indexed", "never indexed"])
@pytest.mark.parametrize("sizes", [(4096,), (0,), (200, 4096), (4096, 60, 0, 4096)], ids=str)
def test_every_encoding_is_read_the_same(client, huffman, never, sizes):
    """§6: nine requests over one table, with its size changed in between."""
    client.start()
    encoder = Encoder()
    kind = NeverIndexedHeaderTuple if never else HeaderTuple
    fields = [kind(*field) for field in FIELDS]
    pseudo = [HeaderTuple(*field) for field in request(b"/headers")]
    for number in range(9):
        encoder.header_table_size = sizes[number % len(sizes)]
        stream = 2 * number + 1
        extra = [HeaderTuple(b"x-number", b"%d" % number)]
        client.send(whole(stream, encoder.encode(pseudo + fields + extra, huffman=huffman)))
        shown = json.loads(client.response(stream).body)["headers"]
        expected = [(b"host", b"test"), *FIELDS, (b"x-number", b"%d" % number)]
        assert shown == [[one.decode("latin-1") for one in field] for field in expected]


def test_secrets_and_lengths_do_not_mix_streams(client):
    """Interleaved requests share the decoder's table; each gets its own fields."""
    client.start()
    encoder = Encoder()
    sent = b""
    for number in range(40):
        fields = request(b"/headers", b"GET", (b"x-mine", b"%d" % (number % 7)))
        sent += whole(2 * number + 1, encoder.encode(fields))
    client.send(sent)
    for number in range(40):
        shown = json.loads(client.response(2 * number + 1).body)["headers"]
        assert ["x-mine", str(number % 7)] in shown


def test_a_field_section_too_large_is_refused_and_the_table_kept(client):
    """RFC 9113 §10.5.1: 431 or a reset; the block is decoded, so the connection may go on."""
    client.start()
    client.send(whole(1, INDEXED) + whole(3, b"\x82\x86\x84\xbe"))
    assert client.response(3).status == 200
    large = literal(b"x-large", b"v" * 16000)
    client.send(frame(Kind.HEADERS, END_STREAM, 5, b"\x82\x86\x84\xbe" + large[:16000]))
    rest = large[16000:] + large * 4
    for at in range(0, len(rest), 16000):
        flags = END_HEADERS if at + 16000 >= len(rest) else 0
        client.send(frame(Kind.CONTINUATION, flags, 5, rest[at : at + 16000]))
    seen = client.stream(5)
    client.until(lambda: seen.ended or seen.reset is not None or client.gone is not None, "an end")
    if seen.ended:
        assert seen.response().status == 431
    if client.gone is not None:
        assert client.gone.code in (Code.ENHANCE_YOUR_CALM, Code.PROTOCOL_ERROR)
    else:
        client.send(whole(7, b"\x82\x86\x84\xbe"))
        assert client.response(7).status == 200
