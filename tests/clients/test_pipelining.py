"""Clients that send a hundred requests and then read a hundred answers."""

import threading

DEPTH = 100


def request(target: str, content: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: test\r\nContent-Length: %d\r\n\r\n%b" % (
        target.encode(),
        len(content),
        content,
    )


def contents() -> list[bytes]:
    return [b"request %d" % number for number in range(DEPTH)]


def test_answers_in_order(place):
    with place.connect() as client:
        client.send(b"".join(request("/echo", content) for content in contents()))
        assert [client.read_response().body for _ in range(DEPTH)] == contents()
        assert client.get("/").body == b"Hello, world"


def test_answers_in_order_where_some_take_time(place):
    with place.connect() as client:
        targets = ["/slow?seconds=0.05" if n % 25 == 3 else "/echo" for n in range(DEPTH)]
        pairs = zip(targets, contents(), strict=True)
        client.send(b"".join(request(target, content) for target, content in pairs))
        answers = [client.read_response().body for _ in range(DEPTH)]
        assert answers == [
            b"at last" if "slow" in target else content
            for target, content in zip(targets, contents(), strict=True)
        ]


def test_answer_that_says_404_in_the_midst(place):
    with place.connect() as client:
        targets = ["/nowhere" if n == 50 else "/echo" for n in range(DEPTH)]
        client.send(b"".join(request(target) for target in targets))
        statuses = [client.read_response().status for _ in range(DEPTH)]
        assert statuses == [404 if n == 50 else 200 for n in range(DEPTH)]


def last_of_a_pipeline(place, last, name):
    """What answers ``last``, behind good requests; the connection ends with it.

    Those before it are answered, and nothing behind it is run.
    """
    with place.connect() as client:
        good = b"".join(request("/echo", content) for content in contents()[:50])
        key = f"behind-{name}-{place.kind}"
        client.send(good + last + request(f"/receive?key={key}") * 49)
        assert [client.read_response().body for _ in range(50)] == contents()[:50]
        answer = client.read_response()
        assert client.read_until_closed() == b""
    with place.connect() as client:
        assert client.get(f"/seen?key={key}").body == b"[]"
    return answer


def test_bad_request_in_the_midst(place):
    refused = last_of_a_pipeline(place, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "bad")
    assert (refused.status, refused.header(b"connection")) == (400, b"close")


def test_close_in_the_midst(place):
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert last_of_a_pipeline(place, last, "closing").body == b"Hello, world"


def test_streamed_answers(place):
    with place.connect() as client:
        client.send(request("/stream") * DEPTH)
        expected = b"".join(b"chunk %d\n" % number for number in range(10))
        assert {client.read_response().body for _ in range(DEPTH)} == {expected}


def test_large_answers_to_a_client_that_reads_late(place):
    """100 answers of 256 KiB don't fit into any buffer: the server has to wait."""
    content = bytes(range(256)) * 1024
    with place.connect(30) as client:
        sender = threading.Thread(
            target=client.socket.sendall, args=(request("/echo", content) * DEPTH,)
        )
        sender.start()
        for _ in range(DEPTH):
            assert client.read_response().body == content
        sender.join(10)
        assert not sender.is_alive()
