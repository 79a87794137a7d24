"""Which worker serves which socket."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.raw import RawClient
from tests.support.server import Server, serve
from tests.support.wait import wait_for
from tests.support.workers import wait_replaced, workers
from tricorn.net.address import Bind
from tricorn.net.listen import Listener, ListenOptions, open_listeners
from tricorn.supervise.dealing import deal, open_own

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel spreads on Linux only")

SHARED_PORT = ListenOptions(reuse_port=True)


@pytest.fixture
def listeners() -> Iterator[list[Listener]]:
    found: list[Listener] = []
    yield found
    for listener in found:
        listener.close()


def numbers(listeners: list[Listener]) -> list[int]:
    return [listener.sock.fileno() for listener in listeners]


class TestDealing:
    def test_all_serve_all_by_default(self, listeners: list[Listener]) -> None:
        binds = [Bind("tcp", host="127.0.0.1"), Bind("tcp", host="127.0.0.1")]
        listeners += open_listeners(binds, ListenOptions())
        assert open_own(listeners, 4, ListenOptions()) == []
        assert deal(listeners, 4) == [numbers(listeners)]

    @pytest.mark.parametrize(
        ("places", "lots"),
        [(1, [[0, 1, 2]]), (2, [[0, 2], [1]]), (3, [[0], [1], [2]]), (4, [[0], [1], [2], [0]])],
    )
    def test_each_has_its_own_and_none_is_left(
        self, listeners: list[Listener], places: int, lots: list[list[int]]
    ) -> None:
        listeners += open_listeners([Bind("tcp", host="127.0.0.1")], SHARED_PORT)
        listeners += open_own(listeners, 3, SHARED_PORT)
        assert len({listener.port for listener in listeners}) == 1
        fds = numbers(listeners)
        assert deal(listeners, places) == [[fds[at] for at in lot] for lot in lots]

    def test_what_is_there_counts(self, listeners: list[Listener]) -> None:
        listeners += open_listeners([Bind("tcp", host="127.0.0.1")], SHARED_PORT)
        listeners += open_own(listeners, 2, SHARED_PORT)
        listeners += open_own(listeners, 3, SHARED_PORT)
        assert len(listeners) == 3
        assert open_own(listeners, 3, SHARED_PORT) == []

    def test_inherited_sockets_are_for_all(self, listeners: list[Listener]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as given:
            listeners += open_listeners([Bind("fd", fd=given.fileno())], SHARED_PORT)
            assert open_own(listeners, 3, SHARED_PORT) == []

    def test_a_socket_that_was_opened_without_is_for_all(self, listeners: list[Listener]) -> None:
        # Taken over by SIGUSR2 from a tricorn that wasn't told to share the port.
        listeners += open_listeners([Bind("tcp", host="127.0.0.1")], ListenOptions())
        assert open_own(listeners, 3, SHARED_PORT) == []


def spread(server: Server, count: int) -> Counter[int]:
    """By which workers so many connections are served that are open at once."""
    clients = [server.connect(60) for _ in range(count)]
    found = Counter(who(client) for client in clients)
    for client in clients:
        client.close()
    return found


def who(client: RawClient) -> int:
    return int(client.get("/who").body.decode().split()[0])


class TestServing:
    def test_connections_are_spread(self) -> None:
        with serve("worked:app", "--workers", "4", "--reuse-port") as server:
            found = spread(server, 200)
            # Fifty each on average, with a deviation of six.
            assert len(found) == 4
            assert min(found.values()) >= 10

    def test_what_waits_for_a_dead_worker_is_served_by_the_next(self) -> None:
        with serve("worked:app", "--workers", "2", "--reuse-port", allow_errors=True) as server:
            victim = min(spread(server, 60))
            os.kill(victim, signal.SIGSTOP)
            wait_for(lambda: is_stopped(victim), 20, "the worker to stop")
            waiting = [server.connect(60) for _ in range(40)]
            for client in waiting:
                client.send(b"GET /who HTTP/1.1\r\nHost: a\r\n\r\n")
            os.kill(victim, signal.SIGKILL)
            answers = {int(client.read_response().body.split()[0]) for client in waiting}
            assert len(answers) == 2
            assert victim not in answers
            for client in waiting:
                client.close()

    def test_a_restart_keeps_them(self) -> None:
        with serve("worked:app", "--workers", "2", "--reuse-port") as server:
            before = workers(server)
            server.process.send_signal(signal.SIGHUP)
            now = wait_replaced(server, before)
            assert set(spread(server, 60)) == set(now.values())

    @pytest.mark.parametrize("options", [(), ("--preload",)])
    def test_a_stop_leaves_none_behind(self, options: tuple[str, ...]) -> None:
        with serve("worked:app", "--workers", "2", "--reuse-port", *options) as server:
            assert len(spread(server, 60)) == 2
            assert server.stop() == 0
            with pytest.raises(OSError, match=r"refused|reset"):
                server.connect()

    def test_their_number_stays(self) -> None:
        with serve("worked:app", "--workers", "2", "--reuse-port") as server:
            server.process.send_signal(signal.SIGTTIN)
            server.wait_output("No worker more or fewer: with --reuse-port each worker has")
            assert len(workers(server)) == 2


def is_stopped(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat").read_text()
    return status.rpartition(")")[2].split()[0] == "T"
