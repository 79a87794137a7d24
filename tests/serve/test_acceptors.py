"""Accepting by the hub, by us under the loop, and by the loop: the same to see for a program."""

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apps.plain import app
from tests.serve.rig import address, get, in_thread, make
from tests.support.certificates import Files
from tests.support.raw import RawClient
from tricorn.serve import acceptors
from tricorn.serve.acceptors import TRANSPORT_VARIABLE, HubAcceptor, hub_works

needs_epoll = pytest.mark.skipif(sys.platform != "linux", reason="the hub needs epoll")


@pytest.fixture(params=["hub", "loop", "the loop's server"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "the loop's server":
        monkeypatch.setattr(acceptors, "_has_readers", lambda loop: False)
        return str(request.param)
    if request.param == "hub" and sys.platform != "linux":
        pytest.skip("the hub needs epoll")
    monkeypatch.setenv(TRANSPORT_VARIABLE, request.param)
    return str(request.param)


@pytest.fixture
def place() -> Iterator[socket.socket]:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as sock:
        yield sock


class TestAllKinds:
    def test_serving(self, transport: str) -> None:
        server = make(app)
        with in_thread(server):
            (acceptor,) = server.servers
            assert isinstance(acceptor, HubAcceptor) is (transport == "hub")
            assert acceptor.is_serving()
            assert len(acceptor.sockets) == 1
            assert get(server).body == b"Hello, world"
        assert not acceptor.is_serving()
        assert list(acceptor.sockets) == []

    def test_two_sockets(self, transport: str, place: socket.socket) -> None:
        other = socket.create_server(("127.0.0.1", 0))
        server = make(app)
        with in_thread(server, sockets=[place, other]):
            for sock in (place, other):
                with RawClient(sock.getsockname()) as client:
                    assert client.get("/").status == 200

    def test_a_closed_one_refuses(self, transport: str) -> None:
        server = make(app)
        with in_thread(server):
            closed = address(server)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(closed, 5)

    def test_answers_are_the_same(self, transport: str) -> None:
        server = make(app, date_header=False)
        with in_thread(server):
            for target in ("/", "/stream", "/missing"):
                response = get(server, target)
                assert response.status in (200, 404)
            with RawClient(address(server)) as client:
                client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
                client.send(b"x" * 100000)
                assert client.read_response().body == b"x" * 100000

    def test_tls(self, transport: str, files: Files) -> None:
        made = files.make("accepting", "localhost")
        assert made.keyfile is not None
        server = make(app, ssl_certfile=made.certfile, ssl_keyfile=made.keyfile)
        context = ssl.create_default_context(cafile=files.authority_file)
        with in_thread(server):
            plain = socket.create_connection(address(server), 30)
            with context.wrap_socket(plain, server_hostname="localhost") as client:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.endswith(b"Hello, world")


@needs_epoll
class TestTheHub:
    def test_who_waits_in_the_backlog_is_served(self, place: socket.socket) -> None:
        """Connected before the server was there, and read though it closes at once."""

        async def main() -> None:
            server = make(app)
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup(sockets=[place])
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await server.shutdown(sockets=[place])

        with RawClient(place.getsockname()) as client:
            asyncio.run(main())
            response = client.read_response()
            assert response.status == 200
            assert response.header(b"connection") == b"close"

    def test_it_works_where_there_are_readers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.SelectorEventLoop()
        assert hub_works(loop)
        monkeypatch.setenv(TRANSPORT_VARIABLE, "loop")
        assert not hub_works(loop)
        loop.close()

    def test_it_does_not_where_there_are_none(self) -> None:
        class NoReaders(asyncio.AbstractEventLoop):
            pass

        loop: Any = NoReaders()
        assert not hub_works(loop)
