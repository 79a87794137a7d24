"""Clients that leave in each phase of an exchange, in each way.

The app is told, the server holds afterwards what it held before, its log shows
neither a traceback nor something leaked, and it goes on answering.
"""

import itertools
import json

import pytest

from tests.clients.leaving import PHASES, WAYS, counts, reset, resident, seen
from tests.support.server import serve
from tests.support.wait import wait_for

KEYS = itertools.count()
TOLD = 30.0  # seconds until the app knows, and until the server is at rest again
# The connection that looks on may have nothing to ask for a while.
QUIET = ("--no-access-log", "--timeout-keep-alive", "60")


@pytest.fixture(scope="module")
def at_rest(server):
    """What the process holds when this one connection is all there is."""
    with server.connect() as client:
        assert client.get("/").status == 200
        return counts(client)


def until_at_rest(client, expected):
    def differences():
        now = counts(client)
        return {name: now[name] for name in now if now[name] != expected[name]}

    wait_for(lambda: not differences(), TOLD, f"the server to hold only {expected}")


def leave(connect, phase, way, other, key):
    """One client that goes as far as the phase says, and leaves."""
    with connect() as client:
        if phase.sent:
            client.send(phase.bytes_for(key))
        if phase.answered:
            assert client.read_response().status == 200
        if phase.before:
            wait_for(
                lambda: seen(other, key)[: len(phase.before)] == phase.before,
                what=f"the app to see {phase.before}",
            )
        way(client)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_client_that_leaves(place, at_rest, phase, way):
    key = f"key-{next(KEYS)}"
    with place.connect() as other:
        leave(place.connect, phase, way, other, key)
        expected = phase.before + phase.after
        wait_for(lambda: seen(other, key) == expected, TOLD, f"the app to see {phase.after}")
        until_at_rest(other, at_rest)
        assert other.get("/").body == b"Hello, world"


def test_everything_at_once(place, at_rest):
    """All phases at the same time, and then one look at what is left."""
    with place.connect() as other:
        clients = []
        for phase in PHASES:
            client = place.connect()
            if phase.sent:
                client.send(phase.bytes_for(f"all-{place.kind}"))
            clients.append(client)
        wait_for(lambda: counts(other)["objects"]["HubTransport"] == len(PHASES) + 1)
        for client in clients:
            client.reset()
        until_at_rest(other, at_rest)


def test_in_development_mode():
    """asyncio's own checks are on: slow callbacks, futures nobody looked at, threads."""
    with serve("inspect_server:app", env={"PYTHONDEVMODE": "1"}) as server:
        with server.connect() as other:
            before = counts(other)
            for number, phase in enumerate(PHASES):
                leave(server.connect, phase, reset, other, f"key-{number}")
            until_at_rest(other, before)


@pytest.mark.slow_matrix
def test_ten_thousand_that_leave():
    """Memory, descriptors and tasks are the same after 3,000 of them and after 13,000."""
    with serve("inspect_server:app", *QUIET) as server:

        def abort(times: int) -> None:
            for number in range(times):
                phase = PHASES[number % len(PHASES)]
                with server.connect() as client:
                    if phase.sent:
                        client.send(phase.bytes_for("key"))
                    client.reset()

        with server.connect(30) as other:
            before = counts(other)

            def memory_after(thousands: int) -> int:
                for _ in range(4 * thousands):
                    abort(250)
                    until_at_rest(other, before)
                return resident(other)

            memory = memory_after(3)
            # 400 bytes for each would be far less than what one connection takes.
            assert memory_after(10) - memory < 4_000_000
            assert other.get("/").body == b"Hello, world"


@pytest.mark.slow_matrix
def test_ten_thousand_calls_of_an_app_that_waits():
    """Each client leaves when its app is known to wait."""
    with serve("inspect_server:app", *QUIET) as server:
        with server.connect(30) as other:
            before = counts(other)
            for _ in range(100):
                clients = [server.connect() for _ in range(100)]
                for client in clients:
                    client.send(b"GET /receive?key=waits HTTP/1.1\r\nHost: test\r\n\r\n")
                waiting = before["tasks"] + len(clients)
                wait_for(lambda: counts(other)["tasks"] >= waiting, TOLD)  # noqa: B023
                for client in clients:
                    client.reset()
                until_at_rest(other, before)
            told = json.loads(other.get("/seen?key=waits").body)
            assert told.count("disconnect") == told.count("called") == 10_000
