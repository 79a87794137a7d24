"""The server under `--reload` as it leaves: what becomes of connections that can't be handed on."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from tests.apps.plain import app
from tests.serve.rig import address, in_thread
from tests.support.certificates import Files
from tests.support.wait import wait_for
from tricorn import Config
from tricorn.net import sysio, tls_transport
from tricorn.serve import reloaded
from tricorn.serve.handover import Handover
from tricorn.serve.reloaded import ReloadedServer
from tricorn.serve.worker_server import Channel

pytestmark = pytest.mark.skipif(not sysio.HAS_EPOLL, reason="the loop's TLS knows of no reload")

ASKING = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG = 60.0


class Client:
    """A real TLS client, its handshake in steps."""

    def __init__(self, server: Any, files: Files) -> None:
        self.sock = socket.create_connection(address(server), 30)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = ssl.create_default_context(cafile=files.authority_file)
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def hello(self) -> bytes:
        """The first bytes of a handshake."""
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def begin(self) -> None:
        """Do the handshake."""
        self.sock.sendall(self.hello())
        self.go_on()

    def go_on(self) -> None:
        """Do the rest of the handshake."""
        self._until(self.tls.do_handshake)

    def ask(self) -> bytes:
        """Send a request; return the beginning of the answer."""
        self.tls.write(ASKING)
        self._send()
        return self.read()

    def read(self) -> bytes:
        """Some bytes; none at close_notify. Raises ssl.SSLError at an end without it."""
        read: bytes = self._until(lambda: self.tls.read(65536))
        return read

    def _until(self, step: Any) -> Any:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._send()
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
                continue
            self._send()
            return result

    def _send(self) -> None:
        self.sock.sendall(self.outgoing.read())


class Leaving:
    """A server that is to leave, and its clients."""

    def __init__(self, server: Any, files: Files, clients: contextlib.ExitStack) -> None:
        self.server = server
        self.files = files
        self.clients = clients

    def dial(self) -> Client:
        """A client that has connected, and been accepted."""
        before = len(self.server.server_state.connections)
        client = Client(self.server, self.files)
        self.clients.enter_context(client.sock)
        wait_for(lambda: len(self.server.server_state.connections) > before)
        return client

    def rest(self) -> Client:
        """A client that has been answered, and keeps its connection."""
        client = self.dial()
        client.begin()
        answer = client.ask()
        while not answer.endswith(b"Hello, world"):
            answer += client.read()
        return client

    def leave(self, resting: Client) -> None:
        """Have the server leave, and wait until it has closed who rests between two requests."""
        self.server.should_exit = True
        assert resting.read() == b""


@contextlib.contextmanager
def serving(files: Files, monkeypatch: pytest.MonkeyPatch, within: float) -> Iterator[Leaving]:
    """A server that gives who may be answered `within` seconds as it leaves."""
    # The drain's own bound is to be seen here, and none beneath it.
    monkeypatch.setattr(reloaded, "_ANSWER_WITHIN", within)
    monkeypatch.setattr(tls_transport, "_LATE", LONG)
    made = files.make("reloaded", "localhost")
    parent, own = socket.socketpair()
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    handover = Handover((ends[0].detach(), ends[1].detach()))
    tls = {"ssl_certfile": made.certfile, "ssl_keyfile": made.keyfile}
    config = Config(app, port=0, log_config=None, lifespan="off", **tls)
    server = ReloadedServer(config, Channel(own), handover)
    with contextlib.ExitStack() as clients, parent, own, handover.giving, handover.taking:
        with in_thread(server):
            assert server.server_state.service is not None
            server.server_state.service.patience = LONG
            yield Leaving(server, files, clients)


@pytest.fixture
def patient(files: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[Leaving]:
    with serving(files, monkeypatch, LONG) as place:
        yield place


@pytest.fixture
def brisk(files: Files, monkeypatch: pytest.MonkeyPatch) -> Iterator[Leaving]:
    with serving(files, monkeypatch, 0.2) as place:
        yield place


def test_who_has_connected_over_tls_may_ask(patient: Leaving) -> None:
    resting = patient.rest()
    new = patient.dial()
    new.begin()
    patient.leave(resting)
    assert new.ask().startswith(b"HTTP/1.1 200 ")


def test_a_handshake_may_end_and_the_client_ask(patient: Leaving) -> None:
    resting = patient.rest()
    new = patient.dial()
    hello = new.hello()
    new.sock.sendall(hello[:20])
    patient.leave(resting)
    new.sock.sendall(hello[20:])
    new.go_on()
    assert new.ask().startswith(b"HTTP/1.1 200 ")


def test_who_does_not_ask_is_told_of_the_end(brisk: Leaving) -> None:
    resting = brisk.rest()
    new = brisk.dial()
    new.begin()
    brisk.leave(resting)
    assert new.read() == b""
