"""Requests that offer HTTP/2 on the way, as Java's HttpClient sends them.

Java's client puts the offer into the first request of every connection and waits for
101 or a plain answer. The offer is ignored (RFC 9110 §7.8), and the content is part
of the request as ever.
"""

import json

import pytest

SETTINGS = "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"
OFFER = (
    "Connection: Upgrade, HTTP2-Settings",
    "Host: localhost",
    f"HTTP2-Settings: {SETTINGS}",
    "Upgrade: h2c",
    "User-Agent: Java-http-client/21.0.4",
)
CONTENT = b'{"name": "value"}' * 1000


def head(method: str, target: str, *lines: str) -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/1.1", *OFFER, *lines, "", "")).encode()


def test_get_that_says_it_has_no_content(place):
    with place.connect() as client:
        client.send(head("GET", "/headers", "Content-Length: 0"))
        answer = client.read_response()
        assert answer.status == 200
        assert answer.header(b"upgrade") is None
        scope = json.loads(answer.body)
        assert ["http2-settings", SETTINGS] in scope["headers"]
        assert scope["http_version"] == "1.1"


@pytest.mark.parametrize("apart", [False, True], ids=["with the head", "behind the head"])
def test_content_of_known_length(place, apart):
    with place.connect() as client:
        data = head("POST", "/echo", f"Content-Length: {len(CONTENT)}")
        for piece in (data, CONTENT) if apart else (data + CONTENT,):
            client.send(piece)
        answer = client.read_response()
        assert (answer.status, answer.body) == (200, CONTENT)
        assert client.get("/").body == b"Hello, world"


def test_content_in_chunks(place):
    with place.connect() as client:
        client.send(head("POST", "/echo", "Transfer-Encoding: chunked"))
        client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(CONTENT), CONTENT))
        answer = client.read_response()
        assert (answer.status, answer.body) == (200, CONTENT)
        assert client.get("/").body == b"Hello, world"


def test_content_that_waits_for_100_continue(place):
    with place.connect() as client:
        client.send(head("POST", "/echo", "Content-Length: 5", "Expect: 100-continue"))
        assert client.read_response().status == 100
        client.send(b"12345")
        assert client.read_response().body == b"12345"


def test_content_that_looks_like_http_2_is_content(place):
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    with place.connect() as client:
        client.send(head("POST", "/echo", f"Content-Length: {len(preface)}") + preface)
        assert client.read_response().body == preface


@pytest.mark.parametrize("offer", ["TLS/1.3", "h2c, websocket", "IRC/6.9"])
def test_other_offers(place, offer):
    with place.connect() as client:
        lines = ["Host: test", "Connection: upgrade", f"Upgrade: {offer}", "Content-Length: 2"]
        client.send("\r\n".join(("POST /echo HTTP/1.1", *lines, "", "ab")).encode())
        answer = client.read_response()
        assert (answer.status, answer.body) == (200, b"ab")


def test_a_websocket_is_no_post(place):
    with place.connect() as client:
        lines = ["Host: test", "Connection: upgrade", "Upgrade: websocket", "Content-Length: 2"]
        client.send("\r\n".join(("POST /echo HTTP/1.1", *lines, "", "ab")).encode())
        answer = client.read_response()
        assert (answer.status, answer.header(b"connection")) == (400, b"close")
        assert b"GET" in answer.body
