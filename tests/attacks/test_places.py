"""The same over each kind of socket: TCP, IPv6, Unix, and descriptors that were inherited."""

import contextlib
import os
import signal
import socket

import pytest

from tests.attacks.attacked import HERE, QUICK
from tests.support.raw import RawClient
from tests.support.server import serve
from tests.support.wait import wait_for

# In one process of the suite, which then starts each server once.
pytestmark = pytest.mark.xdist_group("places")

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
KINDS = ["tcp", "ipv6", "any", "unix", "fd", "unix-fd"]
# The loop's own transports know nothing of how a socket came to be: some kinds are enough.
PLACES = [*((kind, "hub") for kind in KINDS), *((kind, "loop") for kind in KINDS[::2])]
each_place = pytest.mark.parametrize(
    "place", PLACES, ids=["-".join(place) for place in PLACES], indirect=True
)


@contextlib.contextmanager
def serving(kind, transport, folder):
    """A server at the place, and the address to reach it."""
    path = str(folder / "socket")
    listening = None
    pass_fds = ()
    if kind == "ipv6" or kind == "any":
        if not socket.has_dualstack_ipv6():
            pytest.skip("no IPv6 here")
        where = ("--host", "::1" if kind == "ipv6" else "::", "--port", "0")
    elif kind == "unix":
        where = ("--uds", path)
    elif kind == "tcp":
        where = ("--port", "0")
    else:
        listening = socket.socket(socket.AF_UNIX if kind == "unix-fd" else socket.AF_INET)
        listening.bind(path if kind == "unix-fd" else ("127.0.0.1", 0))
        listening.listen(100)
        pass_fds = (listening.fileno(),)
        where = ("--fd", str(listening.fileno()))
    options = (*QUICK, *where, "--timeout-head", "1", "--timeout-write", "2")
    environment = {"TRICORN_TRANSPORT": transport}
    with serve("victim:app", *options, app_dir=HERE, env=environment, pass_fds=pass_fds) as server:
        yield server, address_of(server, kind, path, listening)
    if listening is not None:
        listening.close()


@pytest.fixture(scope="module")
def place(request, tmp_path_factory):
    """One server for the tests that leave it running."""
    with serving(*request.param, tmp_path_factory.mktemp("place")) as found:
        yield found


def address_of(server, kind, path, listening):
    if kind.startswith("unix"):
        return path
    if listening is not None:
        return listening.getsockname()
    return ("127.0.0.1" if kind == "any" else server.host, server.port)


@each_place
def test_it_behaves_the_same(place):
    _, address = place
    with RawClient(address) as client:
        # In order, refused with an answer, and closed.
        client.send(GET * 3 + b"GET /\0 HTTP/1.1\r\n\r\n" + GET)
        assert [client.read_response().status for _ in range(4)] == [200, 200, 200, 400]
        client.half_close()
        assert client.read_until_closed() == b""
    with RawClient(address) as client:
        client.send(GET[:9])
        assert client.read_response().status == 408
    with RawClient(address) as client:
        client.send(GET)
        client.half_close()
        assert client.read_response().body == b"fine"
        assert client.read_until_closed() == b""
    with RawClient(address) as client:
        body = os.urandom(1 << 20)
        client.send(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n" + body)
        assert client.read_response().body == b"1048576"
        assert len(client.get("/big?mib=8").body) == 8 << 20
        assert len(client.get(f"/file?path={__file__}").body) == os.path.getsize(__file__)


def sockets_of(server):
    """How many sockets it has open; uvloop opens other descriptors when it first needs them."""
    folder = f"/proc/{server.pid}/fd"
    targets = []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            targets.append(os.readlink(f"{folder}/{name}"))
    return sum(target.startswith("socket:") for target in targets)


@each_place
def test_clients_that_leave(place):
    server, address = place
    before = sockets_of(server)
    leavers = [RawClient(address) for _ in range(4)]
    for client in leavers:
        client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    with RawClient(address) as client:
        wait_for(lambda: client.get("/waiting").body == b"4", what="the calls to wait")
        leavers[0].close()
        leavers[1].reset()
        leavers[2].half_close()
        leavers[3].close()
        wait_for(lambda: client.get("/waiting").body == b"0", what="the apps to be told")
    leavers[2].close()
    wait_for(lambda: sockets_of(server) <= before, what="the sockets to close")


@each_place
def test_a_client_that_reads_nothing(place):
    server, address = place

    with RawClient(address) as other:
        assert other.get("/").body == b"fine"
        before = sockets_of(server)
        with RawClient(address) as client:
            client.send(b"GET /big?mib=100 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: sockets_of(server) > before, what="the call to begin")
            assert other.get("/").body == b"fine"
            wait_for(lambda: sockets_of(server) <= before, what="the server to give up")


@pytest.mark.parametrize("transport", ["hub", "loop"])
@pytest.mark.parametrize("kind", ["any", "unix", "fd"])
def test_a_stop_finishes_what_runs(kind, transport, tmp_path):
    with serving(kind, transport, tmp_path) as (server, address):
        with RawClient(address) as client, RawClient(address) as rested:
            assert rested.get("/").status == 200
            client.send(b"GET /nap HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: rested.get("/count").body == b"2", what="it to run")
            server.process.send_signal(signal.SIGTERM)
            assert client.read_response().body == b"rested"
            assert client.read_until_closed() == b""
            assert rested.read_until_closed() == b""
        server.wait()
