"""RFC 9113 §8: requests and responses, well formed or not."""

import json

import pytest

from tests.http2.cases import (
    Case,
    alive,
    answered,
    either_error,
    hold,
    malformed,
)
from tests.support.h2_frames import Code, Setting, data, get, headers, post, request, reset
from tests.support.http2 import Http2Client

METHOD, SCHEME, PATH = (b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")
AUTHORITY = (b":authority", b"test")
PSEUDO = [METHOD, SCHEME, PATH, AUTHORITY]


def bad(section: str, title: str, fields, end: bool = True) -> Case:
    return Case(section, title, headers(1, fields, end), malformed(1))


def field(section: str, title: str, name: bytes, value: bytes = b"v") -> Case:
    return bad(section, title, [*PSEUDO, (name, value)])


def upload(title: str, length: bytes, *pieces: bytes) -> Case:
    """Content that isn't as long as it says."""
    sent = [post(1, b"/echo", (b"content-length", length))]
    sent += [data(1, piece) for piece in pieces[:-1]]
    return Case("8.1.1", title, b"".join(sent) + data(1, pieces[-1], end=True), malformed(1))


FRAMING = [
    Case(
        "8.1",
        "second HEADERS without END_STREAM",
        post(1) + data(1, b"x") + headers(1, [(b"x-t", b"1")], end=False),
        either_error(1, Code.PROTOCOL_ERROR),
    ),
    Case(
        "8.1",
        "HEADERS, DATA, HEADERS",
        post(1) + data(1, b"x") + headers(1, [(b"x-t", b"1")]),
        answered(1, body=b"x"),
    ),
    Case("8.1", "HEADERS, HEADERS", post(1) + headers(1, [(b"x-t", b"1")]), answered(1, body=b"")),
    Case(
        "8.1",
        "trailers with a pseudo-header field",
        post(1) + data(1, b"x") + headers(1, [METHOD]),
        malformed(1),
    ),
    Case(
        "8.1",
        "trailers with a name in upper case",
        post(1) + data(1, b"x") + headers(1, [(b"X-T", b"1")]),
        malformed(1),
    ),
    Case(
        "8.1",
        "whole response before the content",
        (post(1, b"/"), lambda client: client.response(1), data(1, b"x", end=True), get(3)),
        answered(3),
    ),
    upload("content shorter than its length", b"3", b"ab"),
    upload("content longer than its length", b"1", b"ab"),
    upload("content in pieces, longer than its length", b"3", b"ab", b"cd"),
    upload("content in pieces, shorter than its length", b"5", b"ab", b"cd"),
    upload("length that is no number", b"x", b"ab"),
    upload("negative length", b"-2", b"ab"),
    upload("length with a plus", b"+2", b"ab"),
    upload("length larger than any", b"99999999999999999999", b"ab"),
    Case(
        "8.1.1", "length without content", get(1, b"/echo", (b"content-length", b"1")), malformed(1)
    ),
    bad(
        "8.1.1",
        "two lengths that differ",
        [*PSEUDO, (b"content-length", b"1"), (b"content-length", b"2")],
        end=False,
    ),
    Case(
        "8.1.1",
        "length 0 and no content",
        get(1, b"/echo", (b"content-length", b"0")),
        answered(1, body=b""),
    ),
    Case(
        "8.1.1",
        "length that fits",
        post(1, b"/echo", (b"content-length", b"4")) + data(1, b"ab") + data(1, b"cd", end=True),
        answered(1, body=b"abcd"),
    ),
]
FIELDS = [
    field("8.2.1", "name in upper case", b"X-Upper"),
    field("8.2.1", "name with a space", b"x y"),
    field("8.2.1", "name with a control character", b"x\x01y"),
    field("8.2.1", "name with NUL", b"x\0y"),
    field("8.2.1", "name with a byte over 0x7e", b"x\xe9"),
    field("8.2.1", "name with DEL", b"x\x7f"),
    field("8.2.1", "name with a colon", b"x:y"),
    field("8.2.1", "empty name", b""),
    field("8.2.1", "value with NUL", b"x", b"a\0b"),
    field("8.2.1", "value with LF", b"x", b"a\nb"),
    field("8.2.1", "value with CR", b"x", b"a\rb"),
    field("8.2.1", "value with another field in it", b"x", b"a\r\nx-other: b"),
    field("8.2.1", "value that begins with a space", b"x", b" a"),
    field("8.2.1", "value that ends with a tab", b"x", b"a\t"),
    Case("8.2.1", "empty value", get(1, b"/", (b"x", b"")), answered(1)),
    Case("8.2.1", "value with spaces within", get(1, b"/", (b"x", b"a b\tc")), answered(1)),
    Case("8.2.1", "value of bytes over 0x7f", get(1, b"/", (b"x", b"\xff\xe9")), answered(1)),
    field("8.2.2", "connection", b"connection", b"keep-alive"),
    field("8.2.2", "connection: close", b"connection", b"close"),
    field("8.2.2", "proxy-connection", b"proxy-connection", b"keep-alive"),
    field("8.2.2", "keep-alive", b"keep-alive", b"timeout=5"),
    field("8.2.2", "transfer-encoding", b"transfer-encoding", b"chunked"),
    field("8.2.2", "upgrade", b"upgrade", b"websocket"),
    field("8.2.2", "te: gzip", b"te", b"gzip"),
    field("8.2.2", "te: trailers, gzip", b"te", b"trailers, gzip"),
    Case("8.2.2", "te: trailers", get(1, b"/", (b"te", b"trailers")), answered(1)),
]
PSEUDO_FIELDS = [
    bad("8.3", "unknown pseudo-header field", [*PSEUDO, (b":unknown", b"x")]),
    bad("8.3", "pseudo-header field of a response", [*PSEUDO, (b":status", b"200")]),
    bad(
        "8.3", "pseudo-header field behind a field", [METHOD, SCHEME, (b"x", b"y"), PATH, AUTHORITY]
    ),
    bad("8.3", "empty pseudo-header name", [*PSEUDO, (b":", b"x")]),
    bad("8.3.1", "no :method", [SCHEME, PATH, AUTHORITY]),
    bad("8.3.1", "no :scheme", [METHOD, PATH, AUTHORITY]),
    bad("8.3.1", "no :path", [METHOD, SCHEME, AUTHORITY]),
    bad("8.3.1", "empty :path", [METHOD, SCHEME, (b":path", b""), AUTHORITY]),
    bad("8.3.1", "no fields at all", []),
    *(bad("8.3.1", f"{one[0].decode()} twice", [*PSEUDO, one]) for one in PSEUDO),
    bad("8.3.1", ":path without a slash", [METHOD, SCHEME, (b":path", b"nothing"), AUTHORITY]),
    bad("8.3.1", ":path with a space", [METHOD, SCHEME, (b":path", b"/a b"), AUTHORITY]),
    bad(
        "8.3.1", ":path with a control character", [METHOD, SCHEME, (b":path", b"/a\rb"), AUTHORITY]
    ),
    bad("8.3.1", ":path with a fragment", [METHOD, SCHEME, (b":path", b"/a#b"), AUTHORITY]),
    bad("8.3.1", ":path * of GET", [METHOD, SCHEME, (b":path", b"*"), AUTHORITY]),
    bad("8.3.1", ":method that is no token", [(b":method", b"G ET"), SCHEME, PATH, AUTHORITY]),
    bad("8.3.1", "empty :method", [(b":method", b""), SCHEME, PATH, AUTHORITY]),
    bad("8.3.1", ":authority with userinfo", [METHOD, SCHEME, PATH, (b":authority", b"me@test")]),
    bad("8.3.1", ":authority with a space", [METHOD, SCHEME, PATH, (b":authority", b"a b")]),
    bad("8.3.1", ":authority with a slash", [METHOD, SCHEME, PATH, (b":authority", b"a/b")]),
    bad("8.3.1", "another host than :authority", [*PSEUDO, (b"host", b"other")]),
    bad("8.3.1", "two hosts", [*PSEUDO[:3], (b"host", b"a"), (b"host", b"a")]),
    bad("8.3.1", "neither :authority nor host", PSEUDO[:3]),
    Case("8.3.1", "the same host as :authority", get(1, b"/", (b"host", b"test")), answered(1)),
    Case(
        "8.3.1",
        "host without :authority",
        headers(1, [*PSEUDO[:3], (b"host", b"test")]),
        answered(1),
    ),
    Case(
        "8.3.1",
        "OPTIONS *",
        headers(1, [(b":method", b"OPTIONS"), SCHEME, (b":path", b"*"), AUTHORITY]),
        answered(1, 404),
    ),
    bad("8.5", "CONNECT with :path", [(b":method", b"CONNECT"), PATH, AUTHORITY], end=False),
    bad("8.5", "CONNECT with :scheme", [(b":method", b"CONNECT"), SCHEME, AUTHORITY], end=False),
    bad("8.5", "CONNECT without :authority", [(b":method", b"CONNECT")], end=False),
    bad("8441 4", ":protocol without CONNECT", [*PSEUDO, (b":protocol", b"websocket")]),
    bad(
        "8441 4",
        "extended CONNECT without :path",
        [(b":method", b"CONNECT"), (b":protocol", b"websocket"), SCHEME, AUTHORITY],
        end=False,
    ),
]
CASES = FRAMING + FIELDS + PSEUDO_FIELDS


@pytest.mark.parametrize("case", CASES, ids=str)
def test_messages(case, client):
    hold(case, client)


def scope(client: Http2Client, fields, stream: int = 1):
    client.send(headers(stream, fields))
    return json.loads(client.response(stream).body)


def test_malformed_requests_never_reach_the_app(client):
    """§8.1.1: what is known to be malformed with its head isn't handed on."""
    client.start().send(get(1, b"/calls"))
    before = int(client.response(1).body)
    whole = [one for one in FIELDS + PSEUDO_FIELDS if one.then.__qualname__.startswith("malformed")]
    for number, case in enumerate(whole):
        assert isinstance(case.sent, bytes)
        stream = 2 * number + 3
        client.send(case.sent[:5] + stream.to_bytes(4, "big") + case.sent[9:])
        malformed(stream)(client)
    last = 2 * len(whole) + 3
    client.send(get(last, b"/calls"))
    assert int(client.response(last).body) == before


def test_scope(client):
    """§8.3.1: what the app sees is what HTTP/1.1 would have shown it."""
    client.start()
    more = [(b"x-one", b"1"), (b"x-one", b"2"), (b"te", b"trailers")]
    found = scope(client, [METHOD, SCHEME, (b":path", b"/headers?a=%20b"), AUTHORITY, *more])
    assert found["http_version"] == "2"
    assert found["type"] == "http"
    assert (found["method"], found["scheme"], found["path"]) == ("GET", "http", "/headers")
    assert (found["raw_path"], found["query_string"]) == ("/headers", "a=%20b")
    assert found["headers"][0] == ["host", "test"]
    assert [pair for pair in found["headers"] if pair[0] == "x-one"] == [
        ["x-one", "1"],
        ["x-one", "2"],
    ]
    assert not any(name.startswith(":") for name, _ in found["headers"])


def test_one_host_where_both_are_sent(client):
    client.start()
    found = scope(client, [*PSEUDO[:2], (b":path", b"/headers"), AUTHORITY, (b"host", b"test")])
    assert [pair for pair in found["headers"] if pair[0] == "host"] == [["host", "test"]]


def test_cookies_are_joined(client):
    """§8.2.3: with a semicolon and a space, before anyone else sees them."""
    client.start()
    pieces = [(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2"), (b"cookie", b"c=3")]
    found = scope(client, [METHOD, SCHEME, (b":path", b"/headers"), AUTHORITY, *pieces])
    assert [pair for pair in found["headers"] if pair[0] == "cookie"] == [
        ["cookie", "a=1; b=2; c=3"]
    ]


def test_head(client):
    """§8.1: a response to HEAD ends with its head, and says how long it would be."""
    client.start().send(headers(1, request(b"/", b"HEAD")))
    response = client.response(1)
    assert (response.status, response.body) == (200, b"")
    assert response.header(b"content-length") == b"12"


def test_204(client):
    client.start().send(get(1, b"/empty"))
    response = client.response(1)
    assert (response.status, response.body, response.header(b"content-length")) == (204, b"", None)


def test_trailers_of_a_response(client):
    """§8.1: a last HEADERS with END_STREAM."""
    client.start()
    client.send(post(1, b"/trailers", (b"te", b"trailers")) + data(1, b"four", end=True))
    response = client.response(1)
    assert response.body == b"four"
    assert response.trailers == [(b"x-count", b"4")]


def test_early_hints(client):
    """§8.1: interim responses come before, in HEADERS without END_STREAM."""
    client.start().send(get(1, b"/early"))
    response = client.response(1)
    assert response.informed == [[(b"link", b"</a.css>; rel=preload")]]
    assert (response.status, response.body) == (200, b"on time")


def test_expect_100_continue(client):
    """RFC 9110 §10.1.1: asked for, and answered when the app wants the content."""
    client.start().send(post(1, b"/echo", (b"expect", b"100-continue")))
    client.until(lambda: bool(client.stream(1).sections), "an interim response")
    assert client.stream(1).sections[0][0] == (b":status", b"100")
    client.send(data(1, b"now", end=True))
    assert client.response(1).body == b"now"


def test_responses_have_no_fields_of_a_connection(client):
    """§8.2.2: and none of HTTP/1.1's framing."""
    client.start().send(get(1, b"/stream") + get(3, b"/nowhere"))
    for stream in (1, 3):
        response = client.response(stream)
        names = {name for name, _ in response.headers}
        assert not names & {b"connection", b"transfer-encoding", b"keep-alive", b"upgrade"}
        assert b"date" in names


def test_100_requests_at_a_time(client):
    client.start()
    client.send(b"".join(get(2 * number + 1, b"/bytes?%d" % number) for number in range(100)))
    for number in range(100):
        assert len(client.response(2 * number + 1).body) == number


def test_a_slow_stream_holds_up_no_other(client):
    client.start().send(get(1, b"/hold") + get(3))
    assert client.response(3).status == 200
    assert not client.stream(1).sections


def test_app_hears_of_a_reset(client):
    """A stream that is reset frees its place: /hold returns."""
    client.start()
    for number in range(client.settings[Setting.MAX_CONCURRENT_STREAMS] + 50):
        client.send(get(2 * number + 1, b"/hold"))
        alive(client)
        client.send(reset(2 * number + 1))
    client.send(get(9999))
    assert client.response(9999).status == 200
