"""WSGI apps, of frameworks and without, served by a real process."""

import array
import fcntl
import json
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.recipes.apps_folder import APPS
from tests.support.raw import RawClient, Response
from tests.support.server import Server, serve
from tests.support.wait import wait_for

BIG = 50_000_000

Start = Callable[..., Server]


def request(server: Server, method: str, target: str, body: bytes = b"", *lines: str) -> Response:
    """One request with content on a connection of its own."""
    fields = ["Host: test.example", f"Content-Length: {len(body)}", *lines]
    head = "\r\n".join((f"{method} {target} HTTP/1.1", *fields, "", ""))
    with server.connect() as client:
        client.send(head.encode() + body)
        return client.read_response(method)


def meet(server: Server, count: int) -> None:
    """So many requests are answered when all of them run at the same time."""
    clients = [server.connect() for _ in range(count)]
    for client in clients:
        client.send(b"GET /meet?%d HTTP/1.1\r\nHost: t\r\n\r\n" % count)
    for client in clients:
        assert client.read_response().body == b"met"
        client.close()


def multipart(name: str, content: bytes) -> tuple[bytes, str]:
    """A form with one file, and its Content-Type line."""
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n\r\n'
    line = "Content-Type: multipart/form-data; boundary=XX"
    return head.encode() + content + b"\r\n--XX--\r\n", line


def unread(client: RawClient) -> int:
    """How many bytes have arrived that nobody has read."""
    count = array.array("i", [0])
    fcntl.ioctl(client.socket, termios.FIONREAD, count)
    return count[0]


class TestFlask:
    @pytest.fixture
    def server(self, serve_recipe: Start) -> Server:
        return serve_recipe("wsgi_flask:app", "flask", "--root-path", "/base")

    def test_an_answer(self, server: Server) -> None:
        with server.connect() as client:
            for _ in range(3):  # on one connection
                response = client.get("/")
                assert response.body == b"Hello, Flask"
                assert response.header(b"content-length") == b"12"

    def test_it_was_recognised(self, server: Server) -> None:
        assert "WSGI application detected" in server.output()

    def test_what_it_sees(self, server: Server) -> None:
        response = request(server, "GET", "/facts/k%C3%A4se%2Fbrot?q=%C3%A9")
        assert response.status == 404  # the slash was decoded, as PEP 3333 has it
        facts = json.loads(request(server, "GET", "/facts/k%C3%A4se?q=1").body)
        assert facts == {
            "name": "käse",
            "host": "test.example",
            "url": "http://test.example/base/facts/käse?q=1",
            "remote": "127.0.0.1",
            "script": "/base",
            "multithread": True,
        }

    def test_forms(self, server: Server) -> None:
        line = "Content-Type: application/x-www-form-urlencoded"
        response = request(server, "POST", "/form", b"a=1&b=%C3%A9", line)
        assert json.loads(response.body) == {"form": {"a": "1", "b": "é"}, "size": None}

    @pytest.mark.parametrize("size", [10, 3_000_000])
    def test_uploads(self, server: Server, size: int) -> None:
        body, line = multipart("file", b"x" * size)
        response = request(server, "POST", "/form", body, line)
        assert json.loads(response.body) == {"form": {}, "size": size}

    def test_chunked_content(self, server: Server) -> None:
        with server.connect() as client:
            client.send(
                b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
            )
            assert client.read_response().body == b"onetwo"

    def test_a_stream(self, server: Server) -> None:
        response = request(server, "GET", "/stream")
        assert response.header(b"transfer-encoding") == b"chunked"
        assert response.body.decode() == "".join(f"/stream {n}\n" for n in range(10))

    def test_files(self, server: Server) -> None:
        content = (APPS / "wsgi_flask.py").read_bytes()
        response = request(server, "GET", "/file")
        assert response.body == content
        assert response.header(b"content-length") == str(len(content)).encode()
        part = request(server, "GET", "/file", b"", "Range: bytes=10-19")
        assert (part.status, part.body) == (206, content[10:20])
        etag = (response.header(b"etag") or b"").decode()
        assert request(server, "GET", "/file", b"", f"If-None-Match: {etag}").status == 304
        head = request(server, "HEAD", "/file")
        assert head.header(b"content-length") == str(len(content)).encode()
        assert request(server, "GET", "/made").body == b"made up"


class TestDjango:
    @pytest.fixture
    def server(self, serve_recipe: Start) -> Server:
        return serve_recipe("wsgi_django:application", "django", "--interface", "wsgi")

    def test_an_answer(self, server: Server) -> None:
        assert request(server, "GET", "/").body == b"Hello, Django"
        assert request(server, "GET", "/nowhere").status == 404

    def test_what_it_sees(self, server: Server) -> None:
        lines = ("X-Forwarded-Proto: https", "X-Forwarded-For: 192.0.2.7")
        facts = json.loads(request(server, "GET", "/facts/%C3%A9?a=1", b"", *lines).body)
        assert facts == {
            "path": "/facts/é",
            "query": {"a": "1"},
            "host": "test.example",
            "secure": True,
            "remote": "192.0.2.7",
        }

    def test_a_stream(self, server: Server) -> None:
        body = request(server, "GET", "/stream").body
        assert body == b"".join(b"%d\n" % number for number in range(10))

    @pytest.mark.parametrize("size", [10, 3_000_000])
    def test_uploads(self, server: Server, size: int) -> None:
        body, line = multipart("file", b"\x01" * size)
        response = request(server, "POST", "/upload", body, line)
        assert json.loads(response.body) == {"size": size, "sum": size}

    def test_content_in_pieces(self, server: Server) -> None:
        body = b"0123456789" * 10_000
        with server.connect() as client:
            client.send(b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n")
            for at in range(0, len(body), 7000):
                client.send(body[at : at + 7000])
            assert client.read_response().body == body

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_files(self, server: Server, method: str) -> None:
        response = request(server, method, "/download")
        assert response.header(b"content-length") == b"1024000"
        assert response.body == (bytes(range(256)) * 4000 if method == "GET" else b"")
        module = (APPS / "wsgi_django.py").read_bytes()
        assert request(server, "GET", "/module").body == module


class TestPlain:
    @pytest.fixture
    def server(self) -> Iterator[Server]:
        with serve("wsgi_plain:app", app_dir=APPS) as server:
            yield server

    def test_answers(self, server: Server) -> None:
        with server.connect() as client:
            assert client.get("/").body == b"hello"
            assert client.get("/write").body == b"written, returned"
            assert client.get("/none").status == 204
            assert client.get("/nowhere").status == 404
            assert client.get("/").body == b"hello"

    def test_answers_in_the_order_of_pipelined_requests(self, server: Server) -> None:
        targets = ["/sleep?0.2", "/", "/write", "/nowhere", "/"]
        with server.connect() as client:
            for target in targets:
                client.send(f"GET {target} HTTP/1.1\r\nHost: t\r\n\r\n".encode())
            bodies = [client.read_response().body for _ in targets]
        assert bodies == [b"slept", b"hello", b"written, returned", b"not here\n", b"hello"]

    @pytest.mark.parametrize("leave", ["close", "reset"])
    def test_a_client_that_leaves_ends_an_endless_answer(self, server: Server, leave: str) -> None:
        client = server.connect()
        client.send(b"GET /endless HTTP/1.1\r\nHost: t\r\n\r\n")
        wait_for(lambda: client.socket.recv(100_000))
        getattr(client, leave)()
        server.wait_output("closed\n")

    def test_a_client_that_reads_nothing_and_leaves(self, server: Server) -> None:
        """The app's thread waits for room, and must be told."""
        with server.connect() as client:
            client.send(b"GET /endless HTTP/1.1\r\nHost: t\r\n\r\n")
            waiting = 0

            def is_stuck() -> bool:
                nonlocal waiting
                before, waiting = waiting, unread(client)
                time.sleep(0.05)
                return waiting == before > 0

            wait_for(is_stuck, what="no more arrives")
            assert "closed" not in server.output()
        server.wait_output("closed\n")

    def test_more_leave_than_there_are_threads(self, server: Server) -> None:
        for _ in range(25):
            with server.connect() as client:
                client.send(b"GET /endless HTTP/1.1\r\nHost: t\r\n\r\n")
                client.socket.recv(1000)
        wait_for(lambda: server.output().count("closed\n") == 25, what="25 iterables closed")
        assert request(server, "GET", "/").body == b"hello"

    def test_an_upload_that_is_cut_off(self, server: Server) -> None:
        with server.connect() as client:
            head = b"POST /reads HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n"
            client.send(head + b"x" * 500_000)
        server.wait_output("cut off\n")

    def test_uploads_that_take_their_time_hold_no_threads(self, server: Server) -> None:
        slow = [server.connect() for _ in range(20)]
        for client in slow:
            client.send(b"POST /reads HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\n12345")
        assert request(server, "POST", "/reads", b"abc").body == b"3"
        for client in slow:
            client.send(b"67890")
            assert client.read_response().body == b"10"
            client.close()

    def test_expect_100_continue(self, server: Server) -> None:
        fields = b"Host: t\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        with server.connect() as client:
            client.send(b"POST /reads HTTP/1.1\r\n" + fields)
            assert client.read_response().status == 100
            client.send(b"abc")
            assert client.read_response().body == b"3"
        with server.connect() as client:
            client.send(b"POST /refuses HTTP/1.1\r\n" + fields)
            assert client.read_response().status == 401

    def test_an_answer_is_whole_before_close_has_ended(self, server: Server) -> None:
        with server.connect() as client:
            assert client.get("/slow-close?30").body == b"quick"
            assert "closed late" not in server.output()
            assert client.get("/closes").body == b"closes"
        server.wait_output("closed late\n")

    def test_a_big_file(self, server: Server) -> None:
        with server.connect() as client:
            client.send(b"GET /big-file HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            pieces = []
            while piece := client.socket.recv(1 << 20):
                pieces.append(piece)
        head, _, body = b"".join(pieces).partition(b"\r\n\r\n")
        assert b"content-length: %d" % BIG in head
        assert len(body) == body.count(0) == BIG
        server.wait_output("file closed\n")

    def test_downloads_that_take_their_time_hold_no_threads(self, server: Server) -> None:
        slow: list[RawClient] = [server.connect() for _ in range(15)]
        for client in slow:
            client.send(b"GET /big-file HTTP/1.1\r\nHost: t\r\n\r\n")
            assert client.socket.recv(1)
        assert request(server, "GET", "/").body == b"hello"
        assert "file closed" not in server.output()
        for client in slow:
            client.close()
        wait_for(lambda: server.output().count("file closed\n") == 15, what="15 files closed")

    def test_requests_run_side_by_side(self, server: Server) -> None:
        meet(server, 10)

    def test_a_stop_lets_requests_and_their_close_end(self, server: Server) -> None:
        with server.connect() as quick, server.connect() as slow:
            assert quick.get("/slow-close?0.5").body == b"quick"
            slow.send(b"GET /sleep?0.5 HTTP/1.1\r\nHost: t\r\n\r\n")
            server.wait_output("sleeps\n")
            server.process.terminate()
            assert slow.read_response().body == b"slept"
        assert server.wait() == 0
        assert "closed late" in server.output()


def test_as_many_run_at_a_time_as_there_are_threads() -> None:
    with serve("wsgi_plain:app", "--wsgi-threads", "12", app_dir=APPS) as server:
        meet(server, 12)


def test_errors_are_told_with_the_apps_traceback() -> None:
    with serve("wsgi_plain:app", app_dir=APPS, allow_errors=True) as server:
        response = request(server, "GET", "/error")
        assert response.status == 500
        output = server.wait_output("LookupError: on purpose\n")
        assert 'raise LookupError("on purpose")' in output
        with pytest.raises(ConnectionError):
            request(server, "GET", "/error-late")
        server.wait_output("LookupError: on purpose, late\n")


def test_a_stuck_app_keeps_no_process_alive() -> None:
    options = ("--timeout-graceful-shutdown", "1")
    with serve("wsgi_plain:app", *options, app_dir=APPS, allow_errors=True) as server:
        with server.connect() as client:
            client.send(b"GET /sleep?60 HTTP/1.1\r\nHost: t\r\n\r\n")
            server.wait_output("sleeps\n")
            assert server.stop() == 0


def test_a_unix_socket_and_a_plain_function(tmp_path: Path) -> None:
    path = str(tmp_path / "wsgi.sock")
    with serve("wsgi_plain:function", "--uds", path, app_dir=APPS) as server:
        with server.connect() as client:
            assert client.get("/").body == b"function"
        server.wait_output("printed\n")
        assert "printed" in server.stderr() and "printed" not in server.stdout()
