"""Clients that send byte by byte, read late, or end their side of the connection."""

import time

import pytest

from tests.support.wait import wait_for

GET = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
CONTENT = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"


def in_single_bytes(client, data: bytes) -> None:
    for index in range(len(data)):
        client.send(data[index : index + 1])
        time.sleep(0.0002)  # so that each arrives in a segment of its own


def test_byte_by_byte(place):
    with place.connect() as client:
        for _ in range(2):
            in_single_bytes(client, GET)
            assert client.read_response().body == b"Hello, world"
            in_single_bytes(client, CHUNKED + CONTENT)
            assert client.read_response().body == b"abcde"


def test_two_pipelined_requests_byte_by_byte(place):
    with place.connect() as client:
        in_single_bytes(client, CHUNKED + CONTENT + GET)
        assert client.read_response().body == b"abcde"
        assert client.read_response().body == b"Hello, world"


def test_answer_read_byte_by_byte(place):
    with place.connect() as client:
        client.send(b"GET /stream HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := client.socket.recv(1):
            received += piece
        assert received.endswith(b"chunk 9\n\r\n0\r\n\r\n")


class TestHalfClose:
    """The client ends its side behind the request and still gets the answer."""

    def test_request(self, place):
        with place.connect() as client:
            client.send(GET)
            client.half_close()
            assert client.read_response().body == b"Hello, world"
            assert client.read_until_closed() == b""

    def test_upload(self, place):
        with place.connect() as client:
            client.send(CHUNKED + CONTENT)
            client.half_close()
            assert client.read_response().body == b"abcde"
            assert client.read_until_closed() == b""

    def test_large_upload_echoed(self, place):
        content = bytes(range(256)) * 4000
        with place.connect() as client:
            length = len(content)
            client.send(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % length)
            client.send(content)
            client.half_close()
            assert client.read_response().body == content

    def test_answer_that_waits_for_something(self, place):
        key = f"half-{place.kind}"
        with place.connect() as client, place.connect() as other:
            client.send(f"GET /hold?key={key} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            client.half_close()
            wait_for(lambda: b"called" in other.get(f"/seen?key={key}").body)
            other.get(f"/release?key={key}")
            assert client.read_response().body == b"released"

    def test_pipelined_requests(self, place):
        with place.connect() as client:
            client.send(GET * 10)
            client.half_close()
            answers = [client.read_response().body for _ in range(10)]
            assert answers == [b"Hello, world"] * 10
            assert client.read_until_closed() == b""

    @pytest.mark.slow_matrix
    def test_slow_answer(self, place):
        """Longer than it takes until apps that ask are told that the client may be gone."""
        with place.connect() as client:
            client.send(b"GET /slow?seconds=2.5 HTTP/1.1\r\nHost: test\r\n\r\n")
            client.half_close()
            assert client.read_response().body == b"at last"
            assert client.read_until_closed() == b""

    @pytest.mark.slow_matrix
    def test_slow_answer_to_pipelined_requests(self, place):
        slow = b"GET /slow?seconds=1.3 HTTP/1.1\r\nHost: test\r\n\r\n"
        with place.connect() as client:
            client.send(slow + slow + GET)
            client.half_close()
            answers = [client.read_response().body for _ in range(3)]
            assert answers == [b"at last", b"at last", b"Hello, world"]

    def test_within_the_head(self, place):
        with place.connect() as client:
            client.send(GET[:-4])
            client.half_close()
            assert client.read_response().status == 400
            assert client.read_until_closed() == b""

    def test_within_the_content(self, place):
        """Refused, and an app that was reading is told (see also test_resets.py)."""
        with place.connect() as client:
            head = f"POST /receive?key=cut-{place.kind} HTTP/1.1\r\nHost: test\r\n"
            client.send(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + CONTENT[:8])
            client.half_close()
            assert client.read_response().status == 400
            assert client.read_until_closed() == b""

    def test_before_the_first_byte(self, place):
        with place.connect() as client:
            client.half_close()
            assert client.read_until_closed() == b""

    def test_while_idle(self, place):
        with place.connect() as client:
            assert client.get("/").status == 200
            client.half_close()
            assert client.read_until_closed() == b""
