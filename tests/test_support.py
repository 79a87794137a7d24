"""The tests' own tools are tested against Uvicorn, the reference."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support import tools
from tests.support.raw import BadResponse, RawClient
from tests.support.server import launch, serve, start
from tests.support.tools import need_tool
from tests.support.wait import wait_for


@pytest.fixture
def pair():
    """A raw client, and the socket that plays its server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with RawClient(listener.getsockname(), deadline=5) as client:
            server, _ = listener.accept()
            with server:
                yield client, server


class TestServe:
    def test_it_starts_answers_and_stops(self):
        with serve("plain:app", module="uvicorn") as server:
            with server.connect() as client:
                response = client.get("/")
            assert (response.status, response.body) == (200, b"Hello, world")
            assert server.url == f"http://127.0.0.1:{server.port}"
            server.wait_output("GET / HTTP/1.1")
            assert "GET /" in server.stdout()
            assert "running on" in server.stderr()
            assert server.stop() == -signal.SIGTERM  # Uvicorn's way; ours may differ
        assert server.process.poll() is not None

    def test_a_unix_socket(self, tmp_path):
        path = str(tmp_path / "socket")
        with serve("plain:app", "--uds", path, module="uvicorn") as server:
            assert server.path == path
            with server.connect() as client:
                assert client.get("/state").body == b"the lifespan was here"

    def test_a_start_that_fails_is_told_with_the_output(self):
        with pytest.raises(RuntimeError, match="nowhere"):
            with serve("nowhere:app", module="uvicorn"):
                pass

    def test_a_start_that_shall_fail(self):
        server = start("nowhere:app", module="uvicorn")
        assert server.wait() == 3  # Uvicorn, where the app can't be imported
        assert "nowhere" in server.output()

    def test_a_traceback_fails_the_test(self):
        with pytest.raises(AssertionError, match="the app broke before"):
            with serve("plain:app", module="uvicorn") as server:
                with server.connect() as client:
                    assert client.get("/error").status == 500

    def test_a_traceback_can_be_allowed(self):
        with serve("plain:app", module="uvicorn", allow_errors=True) as server:
            with server.connect() as client:
                assert client.get("/error").status == 500

    def test_a_failing_test_shows_the_servers_output(self):
        with pytest.raises(ZeroDivisionError) as caught:
            with serve("plain:app", module="uvicorn"):
                raise ZeroDivisionError
        assert "running on" in caught.value.__notes__[0]


class TestRawClient:
    def test_routes_of_the_plain_app(self):
        with serve("plain:app", module="uvicorn") as server, server.connect() as client:
            client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
            assert client.read_response().body == b"abc"
            streamed = client.get("/stream")
            assert streamed.header(b"transfer-encoding") == b"chunked"
            assert streamed.body.endswith(b"chunk 9\n")
            assert b'"method": "GET"' in client.get("/headers", "X: y").body
            assert client.get("/nowhere").status == 404
            client.send(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.read_response("HEAD").body == b""
            assert client.read_until_closed() == b""
            assert client.is_closed()

    def test_an_interim_response_is_a_response_of_its_own(self, pair):
        client, server = pair
        server.sendall(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        )
        assert client.read_response().status == 100
        assert client.read_response().body == b"hi"

    def test_trailers_and_chunks_byte_by_byte(self, pair):
        client, server = pair
        data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n"

        def send_slowly():
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data:
                server.sendall(bytes((byte,)))

        sender = threading.Thread(target=send_slowly)
        sender.start()
        response = client.read_response()
        sender.join()
        assert response.body == b"abc"
        assert response.trailers == [(b"a", b"b")]

    def test_without_framing_the_body_ends_with_the_connection(self, pair):
        client, server = pair
        server.sendall(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        server.close()
        assert client.read_response().body == b"all of it"

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\nA: b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: b\x00\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
            b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        ],
    )
    def test_a_bad_response_is_refused(self, pair, answer):
        client, server = pair
        server.sendall(answer)
        with pytest.raises(BadResponse):
            client.read_response()

    def test_a_cut_response_is_an_error(self, pair):
        client, server = pair
        server.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
        server.close()
        with pytest.raises(ConnectionError):
            client.read_response()

    def test_silence_is_a_timeout(self, pair):
        client, _ = pair
        client.deadline = 0.05
        with pytest.raises(TimeoutError):
            client.read_response()

    def test_reset_and_half_close(self, pair):
        client, server = pair
        client.half_close()
        assert server.recv(1) == b""
        client.reset()
        with pytest.raises(ConnectionError):
            wait_for(lambda: server.send(b"x") and None, 5)


def test_wait_for_tells_what_it_waited_for():
    with pytest.raises(TimeoutError, match="the moon"):
        wait_for(lambda: False, 0.01, "the moon")


def test_a_missing_tool_fails_in_ci_and_skips_elsewhere(monkeypatch):
    assert need_tool("sh").endswith("sh")
    monkeypatch.setattr(tools, "IN_CI", True)
    with pytest.raises(pytest.fail.Exception):
        need_tool("no-such-program")
    monkeypatch.setattr(tools, "IN_CI", False)
    with pytest.raises(pytest.skip.Exception):
        need_tool("no-such-program")


BREAKS = """
from tests.support.server import launch

def test_breaks():
    server = launch(["sh", "-c", "echo said; echo warned >&2; exit 3"])
    assert server.wait() == 0
"""


def test_a_failure_shows_what_any_started_program_wrote(tmp_path):
    (tmp_path / "test_breaking.py").write_text(BREAKS)
    conftest = Path(__file__).with_name("conftest.py")
    (tmp_path / "conftest.py").write_text(
        f"import sys\nsys.path.insert(0, {str(conftest.parent.parent)!r})\n"
        "from tests.conftest import pytest_runtest_makereport\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110)
    assert done.returncode == 1
    assert "echo warned" in done.stdout and "\nsaid\n" in done.stdout, done.stdout
    assert "\nwarned\n" in done.stdout


def test_output_is_what_was_written_before_it_was_asked_for(tmp_path):
    """However far the threads are that read: a test that saw the file sees the line, too."""
    for number in range(20):
        seen = tmp_path / str(number)
        with launch(
            ["sh", "-c", f"echo first; echo second >&2; : > {seen}; exec sleep 60"]
        ) as server:
            while not seen.exists():
                pass
            assert (server.stdout(), server.stderr()) == ("first\n", "second\n")
