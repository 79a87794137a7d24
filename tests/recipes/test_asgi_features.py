"""What single frameworks and libraries ask of a server beyond requests and answers."""

import asyncio
import gzip
import signal
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.recipes.apps_folder import APPS
from tests.support.server import serve
from tests.support.tools import need_package
from tests.support.wait import wait_for

TEXT = (APPS / "static" / "text.txt").read_bytes()


BARE = pytest.param("starlette_app:bare", marks=pytest.mark.xdist_group("starlette_app:bare"))
BEHIND_MIDDLEWARE = pytest.param(
    "starlette_app:app",
    marks=[pytest.mark.xdist_group("starlette_app:app"), pytest.mark.slow_matrix],
)


def connected(server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
        yield client


def leave_within_response(server, target: str) -> None:
    with server.connect() as raw:
        raw.send(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        wait_for(lambda: raw.socket.recv(1), what="the response's start")
        raw.reset()


class TestStarlette:
    @pytest.fixture(params=[BARE, BEHIND_MIDDLEWARE])
    def server(self, request, serve_recipe):
        return serve_recipe(request.param, "starlette")

    @pytest.fixture
    def client(self, server):
        yield from connected(server)

    def noted(self, client, what: str, before: int = 0) -> None:
        wait_for(lambda: client.get("/noted").json().count(what) > before, what=what)

    def test_task_behind_the_response(self, client):
        assert client.get("/background").text == "soon"
        self.noted(client, "background")

    def test_stream_is_closed_when_the_client_leaves(self, server, client):
        before = client.get("/noted").json().count("stream closed")
        leave_within_response(server, "/endless")
        self.noted(client, "stream closed", before)

    @pytest.mark.parametrize("route", ["/file", "/static/text.txt"])
    def test_file(self, client, route):
        answer = client.get(route, headers={"accept-encoding": "identity"})
        assert answer.content == TEXT
        assert answer.headers["content-length"] == str(len(TEXT))

    @pytest.mark.parametrize("route", ["/file", "/static/text.txt"])
    def test_head_of_a_file(self, client, route):
        answer = client.head(route, headers={"accept-encoding": "identity"})
        assert (answer.content, answer.headers["content-length"]) == (b"", str(len(TEXT)))

    def test_range(self, client):
        answer = client.get("/file", headers={"range": "bytes=10-29"})
        assert (answer.status_code, answer.content) == (206, TEXT[10:30])
        assert answer.headers["content-range"] == f"bytes 10-29/{len(TEXT)}"

    def test_several_ranges(self, client):
        answer = client.get("/file", headers={"range": "bytes=0-9,100-109"})
        assert answer.status_code == 206
        assert TEXT[:10] in answer.content and TEXT[100:110] in answer.content

    def test_range_that_is_not_there(self, client):
        answer = client.get("/file", headers={"range": f"bytes={len(TEXT)}-"})
        assert answer.status_code == 416

    def test_not_modified(self, client):
        tag = client.get("/static/text.txt").headers["etag"]
        answer = client.get("/static/text.txt", headers={"if-none-match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert client.get("/").text == "Hello, world"


@pytest.mark.xdist_group("starlette_app:bare")
class TestStarletteBare:
    """What middleware hides from the server."""

    @pytest.fixture
    def server(self, serve_recipe):
        return serve_recipe("starlette_app:bare", "starlette")

    @pytest.fixture
    def client(self, server):
        yield from connected(server)

    def test_client_that_leaves_is_noticed(self, server, client):
        """Behind BaseHTTPMiddleware, Starlette can't tell, whatever the server does."""
        with server.connect() as raw:
            raw.send(b"GET /patient HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_for(lambda: "disconnected" in client.get("/noted").json())

    def test_file_is_sent_by_its_path(self, client):
        """The pathsend extension: Starlette leaves reading the file to the server."""
        assert client.get("/file").content == TEXT
        assert client.get("/sent").json() == ["http.response.start", "http.response.pathsend"]


@pytest.mark.xdist_group("starlette_app:app")
@pytest.mark.slow_matrix
class TestStarletteMiddleware:
    @pytest.fixture
    def client(self, serve_recipe):
        yield from connected(serve_recipe("starlette_app:app", "starlette"))

    def test_field_that_was_added(self, client):
        assert client.get("/stream").headers["x-stamp"] == "started"

    def test_compressed_response(self, client):
        with client.stream("GET", "/big", headers={"accept-encoding": "gzip"}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw) == b"word " * 20_000


@pytest.mark.xdist_group("fastapi_app:app")
class TestFastAPI:
    @pytest.fixture
    def server(self, serve_recipe):
        return serve_recipe("fastapi_app:app", "fastapi")

    @pytest.fixture
    def client(self, server):
        yield from connected(server)

    def test_json(self, client):
        item = {"name": "tea", "price": 2.5}
        assert client.post("/items", json=item).json() == item

    def test_json_that_is_not_valid(self, client):
        assert client.post("/items", json={"name": "tea"}).status_code == 422

    def test_documentation(self, client):
        assert client.get("/docs").status_code == 200
        assert "/items" in client.get("/openapi.json").json()["paths"]

    def test_task_behind_the_response(self, client):
        assert client.get("/background").text == "soon"
        wait_for(lambda: "background" in client.get("/noted").text)

    def test_dependency_is_closed_when_the_client_leaves(self, server, client):
        leave_within_response(server, "/stream")
        wait_for(lambda: "opened" in client.get("/noted").text)
        wait_for(lambda: balanced(client.get("/noted").text), what="what was opened to be closed")

    def test_client_that_leaves_is_noticed(self, server, client):
        with server.connect() as raw:
            raw.send(b"GET /patient HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_for(lambda: "disconnected" in client.get("/noted").text)


def balanced(noted: str) -> bool:
    return noted.count("opened") == noted.count("closed")


@pytest.mark.xdist_group("django_app:app")
class TestDjango:
    @pytest.fixture
    def server(self, serve_recipe):
        return serve_recipe("django_app:app", "django")

    @pytest.fixture
    def client(self, server):
        yield from connected(server)

    def test_static_file(self, client):
        assert client.get("/static/text.txt").content == TEXT

    def test_host_that_is_not_allowed(self, server):
        with server.connect() as raw:
            assert raw.get("/").status == 400  # Django's own check: "Host: test"

    def test_stream_is_closed_when_the_client_leaves(self, server, client):
        leave_within_response(server, "/endless")
        wait_for(lambda: "stream closed" in client.get("/noted").text)


@pytest.mark.xdist_group("sse_app:app")
class TestServerSentEvents:
    def test_endless_stream_ends_with_the_server(self):
        """sse-starlette finds the server behind the handler of SIGTERM."""
        need_package("sse_starlette")
        with serve("sse_app:app", app_dir=APPS) as server:
            with server.connect() as raw:
                raw.send(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                wait_for(lambda: raw.socket.recv(1), what="the first event")
                start = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                with suppress(ConnectionResetError):  # sse-starlette leaves without an end
                    raw.read_until_closed()
            assert server.wait() == 0
            # Far below the 30 s for which a stream that doesn't end is waited for.
            assert time.monotonic() - start < 20

    def test_client_that_leaves(self, serve_recipe):
        server = serve_recipe("sse_app:app", "sse_starlette")
        for _ in range(3):
            leave_within_response(server, "/events")
        with server.connect() as raw:
            assert raw.get("/unknown").status == 404


@pytest.mark.xdist_group("socketio_app:app")
@pytest.mark.slow_matrix
class TestSocketIO:
    def test_long_polling(self, serve_recipe):
        need_package("socketio")
        import socketio

        server = serve_recipe("socketio_app:app", "socketio")

        async def talk() -> tuple[int, str]:
            client = socketio.AsyncClient()
            answers: asyncio.Queue[str] = asyncio.Queue()
            client.on("answer", answers.put)
            await client.connect(server.url, transports=["polling"])
            try:
                length = await client.call("shout", "hello", timeout=30)
                return length, await asyncio.wait_for(answers.get(), 30)
            finally:
                await client.eio.disconnect(abort=True)  # else it waits for its next ping

        assert asyncio.run(talk()) == (5, "HELLO")

    def test_end_while_a_client_polls(self):
        need_package("socketio")
        with serve("socketio_app:app", app_dir=APPS) as server:
            with server.connect() as raw:
                opened = raw.get("/socket.io/?EIO=4&transport=polling")
                assert opened.status == 200
                raw.reset()
            assert server.stop() == 0


@pytest.mark.slow_matrix
class TestModelContextProtocol:
    def test_tool_is_called(self, serve_recipe):
        # Not in the test group: it brings 25 packages. Install it to run this.
        mcp = pytest.importorskip("mcp")
        server = serve_recipe("mcp_app:app", "mcp")

        async def call() -> list[str]:
            async with mcp.Client(f"{server.url}/mcp") as client:
                result = await client.call_tool("add", {"a": 2, "b": 3})
                return [part.text for part in result.content]

        assert asyncio.run(call()) == ["5"]
