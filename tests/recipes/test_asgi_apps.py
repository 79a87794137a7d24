"""ASGI frameworks as people use them: a real process, real requests, a clean end."""

import asyncio
import signal
from collections.abc import Iterator

import httpx
import pytest

from tests.recipes.apps_folder import APPS
from tests.support.raw import RawClient
from tests.support.server import serve
from tests.support.tools import need_package
from tests.support.wait import wait_for

# App -> the package it needs.
FRAMEWORKS = {
    "starlette_app:bare": "starlette",
    "fastapi_app:app": "fastapi",
    "django_app:app": "django",
    "quart_app:app": "quart",
    "litestar_app:app": "litestar",
}
MORE_FRAMEWORKS = {
    "starlette_app:app": "starlette",
    "falcon_app:app": "falcon",
    "sanic_app:app": "sanic",
    "blacksheep_app:app": "blacksheep",
}
PACKAGES = FRAMEWORKS | MORE_FRAMEWORKS
# One group each, so that only one worker starts its server.
TARGETS = [
    pytest.param(
        target,
        marks=[
            pytest.mark.xdist_group(target),
            *([pytest.mark.slow_matrix] if target in MORE_FRAMEWORKS else []),
        ],
    )
    for target in PACKAGES
]
STREAMED = "".join(f"part {number}\n" for number in range(5))
MEGABYTES = b"0123456789abcdef" * 200_000


@pytest.fixture(params=TARGETS)
def framework(request, serve_recipe):
    return serve_recipe(request.param, PACKAGES[request.param])


@pytest.fixture
def client(framework) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=framework.url, timeout=60, trust_env=False) as client:
        yield client


class TestEachFramework:
    def test_keep_alive(self, client):
        for _ in range(3):
            answer = client.get("/")
            assert (answer.status_code, answer.text) == (200, "Hello, world")

    def test_path_is_decoded(self, client):
        assert client.get("/hello/J%C3%BCrgen").text == "Hello, Jürgen"

    def test_unknown_path(self, client):
        assert client.get("/unknown").status_code == 404

    def test_streamed_response(self, client):
        with client.stream("GET", "/stream") as answer:
            assert answer.headers.get("content-length") is None
            assert "".join(answer.iter_text()) == STREAMED

    def test_upload(self, client):
        assert client.post("/upload", content=MEGABYTES).text == str(len(MEGABYTES))

    def test_upload_in_chunks(self, client):
        pieces = (MEGABYTES[:100_000] for _ in range(20))
        assert client.post("/upload", content=pieces).text == "2000000"

    def test_empty_upload(self, client):
        assert client.post("/upload").text == "0"

    def test_form(self, client):
        answer = client.post("/form", files={"file": ("name.bin", MEGABYTES)})
        assert answer.text == str(len(MEGABYTES))

    def test_head(self, client):
        answer = client.head("/")
        assert answer.content == b""
        assert answer.status_code in (200, 404, 405)  # some leave HEAD to the user
        assert client.get("/").text == "Hello, world"

    def test_startup_was_run(self, client, framework):
        if "lifespan' protocol appears unsupported" in framework.output():
            assert "django" in " ".join(framework.process.args)
            return
        assert client.get("/state").text == "started"

    def test_forty_at_once(self, framework):
        async def body():
            async with httpx.AsyncClient(base_url=framework.url, timeout=60) as client:
                return await asyncio.gather(*(client.get("/hello/you") for _ in range(40)))

        assert {answer.text for answer in asyncio.run(body())} == {"Hello, you"}


# These log a traceback of their own when a client leaves.
LOUD = {"blacksheep", "sanic"}
HOST = b"Host: 127.0.0.1\r\n"


@pytest.mark.parametrize("target", TARGETS)
def test_clients_that_leave_and_then_the_end(target):
    """SIGTERM: the stream is finished, then the app's shutdown, then exit code 0."""
    package = PACKAGES[target]
    need_package(package)
    with serve(target, app_dir=APPS, allow_errors=package in LOUD) as server:
        with server.connect() as raw:
            raw.send(b"POST /upload HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\nabc")
            raw.reset()
        with server.connect() as raw:
            start_stream(raw)
            raw.reset()
        with server.connect() as raw:
            start_stream(raw)
            server.process.send_signal(signal.SIGTERM)
            assert raw.read_until_closed().endswith(b"part 4\n\r\n0\r\n\r\n")
        assert server.wait() == 0
        assert "Exception in ASGI application" not in server.output()


def start_stream(raw: RawClient) -> None:
    raw.send(b"GET /stream HTTP/1.1\r\n" + HOST + b"\r\n")
    wait_for(lambda: raw.socket.recv(1), what="the response's start")
