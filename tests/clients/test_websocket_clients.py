"""WebSocket clients, as people have them, against the real server."""

import asyncio
import json
import signal

import pytest

pytest.importorskip("websockets")
pytest.importorskip("wsproto")
pytest.importorskip("picows")

from tests.clients.websocket_peers import PATIENCE, PEERS, Ended
from tests.support.server import serve
from tests.support.wait import wait_for

pytestmark = pytest.mark.xdist_group("websocket_clients")
MESSAGES = [
    "",
    "a",
    "Ahoy, \u4f60\u597d \U0001f984",
    b"",
    bytes(range(256)),
    "x" * 125,
    b"x" * 126,
    "y" * 65535,
    b"y" * 65536,
    "the same again and again " * 50_000,
    bytes(range(256)) * 8192,  # 2 MiB
]
BOTH = [
    pytest.param(name, deflate, id=f"{name}{'-deflate' if deflate else ''}")
    for name, peer in PEERS.items()
    for deflate in (False, True)
    if peer.deflates or not deflate
]
every_client = pytest.mark.parametrize(("name", "deflate"), BOTH)


@pytest.fixture(scope="module")
def server():
    with serve("sockets:app") as server:
        yield server


def run(work):
    async def body():
        async with asyncio.timeout(PATIENCE * 2):
            return await work()

    return asyncio.run(body())


def at(server, target):
    return server.url.replace("http", "ws") + target


def left(server):
    with server.connect() as client:
        return json.loads(client.get("/left").body)


async def how_it_ends(peer):
    try:
        while True:
            await peer.receive()
    except Ended as ended:
        return ended.code, ended.reason


@every_client
class TestEachClient:
    def test_echo(self, server, name, deflate):
        async def work():
            peer = await PEERS[name]().open(at(server, "/"), deflate)
            for message in MESSAGES:
                await peer.send(message)
                assert await peer.receive() == message
            agreed = [value for name, value in peer.fields if name.lower().endswith("-extensions")]
            if name != "wsproto":  # which shows the other fields only
                assert bool(agreed) == deflate
            await peer.close(1000, "")

        run(work)

    def test_many_at_once(self, server, name, deflate):
        """The client doesn't wait for an answer before it sends on."""

        async def work():
            peer = await PEERS[name]().open(at(server, "/"), deflate)
            for number in range(500):
                await peer.send(f"message {number}")
            assert [await peer.receive() for _ in range(500)] == [
                f"message {number}" for number in range(500)
            ]
            await peer.close(1000, "")

        run(work)

    def test_fragments(self, server, name, deflate):
        pieces = ["\u4f60", "", "\u597d " * 5000, "!"]
        binary = [bytes([number]) * 300 for number in range(50)]

        async def work():
            peer = await PEERS[name]().open(at(server, "/"), deflate)
            for message in (pieces, binary, pieces):
                await peer.send(None, message)
                assert await peer.receive() == type(message[0])().join(message)
            await peer.close(1000, "")

        run(work)

    def test_ping(self, server, name, deflate):
        async def work():
            peer = await PEERS[name]().open(at(server, "/"), deflate)
            await peer.ping()
            await peer.send("still here")
            assert await peer.receive() == "still here"
            await peer.close(1000, "")

        run(work)

    def test_subprotocol_and_fields(self, server, name, deflate):
        async def work():
            offered = ["mqtt", "chat.v2"]
            peer = await PEERS[name]().open(at(server, "/subprotocol"), deflate, offered)
            assert peer.subprotocol == "chat.v2"
            await peer.close(1000, "")
            peer = await PEERS[name]().open(at(server, "/fields"), deflate)
            fields = [(name.lower(), value) for name, value in peer.fields]
            assert ("x-horns", "three") in fields
            if name != "picows" or len(fields) != len(dict(fields)):  # it may keep one of each
                cookies = [value for name, value in fields if name == "set-cookie"]
                assert cookies == ["a=1", "b=2"]
            await peer.close(1000, "")

        run(work)

    def test_scope(self, server, name, deflate):
        async def work():
            sent = [("X-Horns", "three")]
            target = "/scope?a=%20b"
            peer = await PEERS[name]().open(at(server, target), deflate, ["a", "b"], sent)
            seen = json.loads(await peer.receive())
            await peer.close(1000, "")
            assert seen["subprotocols"] == ["a", "b"]
            assert ["x-horns", "three"] in seen["fields"]
            assert (seen["path"], seen["query"]) == ("/scope", "a=%20b")
            assert (seen["scheme"], seen["http_version"]) == ("ws", "1.1")

        run(work)

    @pytest.mark.parametrize(("code", "reason"), [(1000, ""), (4321, "bye, \u4f60\u597d")])
    def test_client_closes(self, server, name, deflate, code, reason):
        key = f"{name}-{deflate}-{code}"

        async def work():
            peer = await PEERS[name]().open(at(server, f"/note?{key}"), deflate)
            await peer.close(code, reason)

        run(work)
        wait_for(lambda: key in left(server), what="the app to be told")
        assert left(server)[key] == ["websocket.disconnect", code, reason]

    @pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1013, "later"), (4001, "x" * 120)])
    def test_server_closes(self, server, name, deflate, code, reason):
        async def work():
            target = at(server, f"/close?{code},{reason}")
            peer = await PEERS[name]().open(target, deflate)
            await peer.send("close, please")
            assert await how_it_ends(peer) == (code, reason)

        run(work)

    def test_app_returns(self, server, name, deflate):
        async def work():
            peer = await PEERS[name]().open(at(server, "/return"), deflate)
            assert (await how_it_ends(peer))[0] == 1000

        run(work)

    def test_large_stream(self, server, name, deflate):
        """The app sends faster than the client reads."""

        async def work():
            peer = await PEERS[name]().open(at(server, "/pour?300"), deflate)
            await asyncio.sleep(0.1)
            sizes = {len(await peer.receive()) for _ in range(300)}
            assert sizes == {65536}
            assert (await how_it_ends(peer))[0] == 1000

        run(work)


@every_client
def test_end_of_the_server_and_of_an_app(name, deflate):
    with serve("sockets:app", allow_errors=True) as server:

        async def work():
            peer = await PEERS[name]().open(at(server, "/raise"), deflate)
            assert (await how_it_ends(peer))[0] == 1011
            peer = await PEERS[name]().open(at(server, "/"), deflate)
            await peer.send("still here")
            assert await peer.receive() == "still here"
            server.process.send_signal(signal.SIGTERM)
            assert (await how_it_ends(peer))[0] == 1012

        run(work)
        assert server.wait() == 0
        assert "RuntimeError: late" in server.output()


def test_room_of_all_clients(server):
    """One message, each client with what it agreed to."""

    async def work():
        peers = [await PEERS[name]().open(at(server, "/room"), deflate) for name, deflate in ALL]
        for number, speaker in enumerate(peers):
            text = f"message {number}: " + "\u4f60\u597d " * 1000
            await speaker.send(text)
            assert {await peer.receive() for peer in peers} == {text}
        for peer in peers:
            await peer.close(1000, "")

    run(work)


ALL = [one.values for one in BOTH]


class TestRefusals:
    """What clients see of an app that doesn't accept."""

    @pytest.mark.parametrize(("path", "status"), [("/refuse", 403), ("/deny", 418)])
    def test_websockets(self, server, path, status):
        import websockets

        async def work():
            with pytest.raises(websockets.InvalidStatus) as refused:
                await PEERS["websockets"]().open(at(server, path), True)
            return refused.value.response

        response = run(work)
        assert response.status_code == status
        if path == "/deny":
            assert (response.body, response.headers["x-why"]) == (b"no room", "no room")

    @pytest.mark.parametrize(("path", "status"), [("/refuse", 403), ("/deny", 418)])
    def test_aiohttp(self, server, path, status):
        import aiohttp

        async def work():
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await PEERS["aiohttp"]().open(at(server, path), False)
            return refused.value

        assert run(work).status == status

    def test_connection_goes_on(self, server):
        """A refusal is a plain response: the next request may come on the same connection."""
        fields = (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        with server.connect() as client:
            denied = client.get("/deny", *fields)
            assert (denied.status, denied.body) == (418, b"no room")
            assert denied.header(b"x-why") == b"no room"
            assert denied.header(b"upgrade") is None

    def test_app_that_raises_early(self):
        import websockets

        with serve("sockets:app", allow_errors=True) as server:

            async def work():
                with pytest.raises(websockets.InvalidStatus) as refused:
                    await PEERS["websockets"]().open(at(server, "/raise-early"), True)
                return refused.value.response.status_code

            assert run(work) == 500
