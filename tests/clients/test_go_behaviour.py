"""What Go's net/http does on the wire: trailers, reuse, requests given up."""

from tests.support.wait import wait_for

AGENT = "User-Agent: Go-http-client/1.1"


def post(target: str, *lines: str) -> bytes:
    fixed = (f"POST {target} HTTP/1.1", "Host: test", AGENT, "Transfer-Encoding: chunked")
    return "\r\n".join((*fixed, *lines, "Accept-Encoding: gzip", "", "")).encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


END = b"0\r\nX-Checksum: 900150983cd24fb0\r\nX-Empty:\r\n\r\n"


def test_upload_with_a_trailer_section(place):
    """It is read and bounded, and never merged into the fields (RFC 9110 §6.5.1)."""
    with place.connect() as client:
        for _ in range(3):
            client.send(post("/echo", "Trailer: X-Checksum, X-Empty"))
            client.send(chunk(b"abc") + chunk(b"def" * 5000) + END)
            answer = client.read_response()
            assert answer.body == b"abc" + b"def" * 5000


def test_response_with_a_trailer_section(place):
    with place.connect() as client:
        for size in (0, 7, 70_000):
            client.send(post("/trailers", "TE: trailers") + chunk(b"x" * size + b"y") + END)
            answer = client.read_response()
            assert answer.body == b"x" * size + b"y"
            assert answer.header(b"trailer") == b"x-count"
            assert answer.trailers == [(b"x-count", b"%d" % (size + 1))]


def test_response_without_one_where_nobody_asked(place):
    with place.connect() as client:
        client.send(post("/trailers") + chunk(b"abc") + END)
        answer = client.read_response()
        assert (answer.body, answer.trailers) == (b"abc", [])


def test_a_hundred_requests_on_one_connection(place):
    with place.connect() as client:
        for number in range(100):
            assert client.get("/echo" if number % 2 else "/", AGENT).status == 200


def test_content_not_read_to_the_end_by_the_app(place):
    """The app answers without receiving; the rest of the content is let pass."""
    with place.connect() as client:
        client.send(post("/") + chunk(b"abc"))
        assert client.read_response().body == b"Hello, world"
        client.send(chunk(b"x" * 200_000) + END)
        assert client.get("/", AGENT).body == b"Hello, world"


def test_request_given_up_within_the_response(place):
    """A Context that is cancelled: Go closes the connection with data unread."""
    target = f"/drip?key=go-{place.kind}"
    with place.connect() as client:
        client.send(f"GET {target} HTTP/1.1\r\nHost: test\r\n{AGENT}\r\n\r\n".encode())
        wait_for(lambda: client.socket.recv(100), what="the response's start")
    with place.connect() as client:
        wait_for(
            lambda: b"send raised OSError" in client.get(f"/seen?key=go-{place.kind}").body,
            what="the app's send() to fail",
        )
