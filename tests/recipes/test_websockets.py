"""WebSockets of real frameworks: a real process, a real client, a clean end."""

import asyncio
import json

import httpx
import pytest

from tests.recipes.apps_folder import APPS
from tests.support.server import serve
from tests.support.tools import need_package
from tests.support.wait import wait_for

websockets = pytest.importorskip("websockets")
from websockets.sync.client import connect  # noqa: E402

# App -> the package it needs, and how it answers a client that it doesn't want.
FRAMEWORKS = {
    "starlette_app:bare": ("starlette", 401),
    "starlette_app:app": ("starlette", 401),
    "fastapi_app:app": ("fastapi", 403),
    "channels_app:app": ("channels", 403),
    "litestar_app:app": ("litestar", 403),
    "quart_app:app": ("quart", 401),
}
TARGETS = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in FRAMEWORKS]


@pytest.fixture(params=TARGETS)
def framework(request, serve_recipe):
    return serve_recipe(request.param, FRAMEWORKS[request.param][0])


def target(framework) -> str:
    return next(name for name in FRAMEWORKS if name in framework.process.args)


def address(framework, path: str) -> str:
    return framework.url.replace("http", "ws") + path


def open_socket(framework, path: str, **more):
    return connect(address(framework, path), proxy=None, max_size=None, **more)


def noted(framework) -> str:
    path = "/noted-by-channels" if "channels" in target(framework) else "/noted"
    return httpx.get(framework.url + path, trust_env=False).text


class TestEachFramework:
    @pytest.mark.parametrize("compression", ["deflate", None])
    def test_talk(self, framework, compression):
        with open_socket(framework, "/talk/Anna", compression=compression) as socket:
            for text in ("hello", "", "\u4f60\u597d", "again " * 20_000):
                socket.send(text)
                answer = json.loads(socket.recv(30))
                assert answer == {"name": "Anna", "text": text, "word": "started"}

    def test_subprotocol(self, framework):
        with open_socket(framework, "/talk/Ben", subprotocols=["v2", "v1"]) as socket:
            assert socket.subprotocol == "v2"

    def test_binary(self, framework):
        with open_socket(framework, "/mirror") as socket:
            # Quart looks for the text of a message without bytes, and there is none.
            empty = () if "quart_app:app" in target(framework) else (0,)
            for size in (*empty, 1, 70_000, 2_000_000):
                data = bytes(range(256)) * (size // 256) + b"." * (size % 256)
                socket.send(data)
                assert socket.recv(30) == data

    def test_app_closes(self, framework):
        with open_socket(framework, "/talk/Cleo") as socket:
            socket.send("close")
            with pytest.raises(websockets.ConnectionClosed):
                socket.recv(30)
            assert (socket.close_code, socket.close_reason) == (4001, "as you wish")

    @pytest.mark.parametrize("politely", [True, False])
    def test_client_that_leaves_is_noticed(self, framework, politely):
        name = f"Dora{politely}"
        socket = open_socket(framework, f"/talk/{name}").__enter__()
        socket.send("hello")
        socket.recv(30)
        if politely:
            socket.close(1001, "off")
        else:
            socket.socket.shutdown(2)
            socket.close()
        wait_for(lambda: f"{name} left" in noted(framework), what="the app to be told")

    @pytest.mark.parametrize("path", ["/forbidden", "/nowhere"])
    def test_refusal(self, framework, path):
        if path == "/nowhere" and "channels" in target(framework):
            pytest.skip("Channels raises for what it has no route for")
        with pytest.raises(websockets.InvalidStatus) as refused:
            open_socket(framework, path)
        wanted = FRAMEWORKS[target(framework)][1]
        answer = refused.value.response.status_code
        assert answer == wanted if path == "/forbidden" else answer in (403, 404)

    def test_many_at_once(self, framework):
        async def talk(number: int) -> list[str]:
            async with websockets.connect(
                address(framework, "/mirror"), proxy=None, open_timeout=60
            ) as socket:
                for message in range(20):
                    await socket.send(b"%d" % (number * message))
                return [await socket.recv() for _ in range(20)]

        async def body():
            return await asyncio.gather(*(talk(number) for number in range(30)))

        for number, found in enumerate(asyncio.run(body())):
            assert found == [b"%d" % (number * message) for message in range(20)]


@pytest.mark.parametrize("target", TARGETS)
def test_end_of_the_server(target):
    """Who is there is told why, the app has its end, and the exit code is 0."""
    need_package(FRAMEWORKS[target][0])
    with serve(target, app_dir=APPS) as server:
        with open_socket(server, "/talk/Anna") as socket:
            socket.send("hello")
            socket.recv(30)
            server.process.terminate()
            with pytest.raises(websockets.ConnectionClosed):
                socket.recv(30)
            assert socket.close_code == 1012
        assert server.wait() == 0
        assert "Exception in ASGI application" not in server.output()


@pytest.mark.xdist_group("channels_app:app")
def test_a_group_of_channels(serve_recipe):
    server = serve_recipe("channels_app:app", "channels")
    with open_socket(server, "/talk/Anna") as anna, open_socket(server, "/talk/Ben") as ben:
        ben.send("ahoy")
        assert json.loads(anna.recv(30)) == json.loads(ben.recv(30))


@pytest.mark.xdist_group("socketio_app:app")
class TestSocketIO:
    @pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]])
    def test_call_and_answer(self, serve_recipe, transports):
        need_package("socketio")
        import socketio

        server = serve_recipe("socketio_app:app", "socketio")

        async def talk() -> tuple[int, str, str]:
            client = socketio.AsyncClient()
            answers: asyncio.Queue[str] = asyncio.Queue()
            client.on("answer", answers.put)
            await client.connect(server.url, transports=transports)
            try:
                length = await client.call("shout", "hello", timeout=30)
                answer = await asyncio.wait_for(answers.get(), 30)
                return length, answer, client.transport()
            finally:
                await client.disconnect()

        assert asyncio.run(talk()) == (5, "HELLO", "websocket")
