"""Running out of descriptors and of connections: survived, and over when they are back."""

import resource

import pytest

from tests.support.closing import all_closed
from tests.support.wait import DEADLINE, wait_for


def test_out_of_descriptors(victim):
    made = victim("--limit-connections", "10000")
    resource.prlimit(made.server.pid, resource.RLIMIT_NOFILE, (48, 48))
    clients = []
    try:
        clients += [made.connect() for _ in range(80)]
        wait_for(lambda: made.descriptors() == 48, what="no descriptor to be left")
        # Who got in is served, with little work for those who didn't.
        assert clients[0].get("/").body == b"fine"
        cpu = made.cpu()
        with pytest.raises(TimeoutError):
            clients[79].deadline = 1
            clients[79].get("/")
        assert made.cpu() - cpu < 0.5
        assert clients[1].get("/").body == b"fine"
        for client in clients[:50]:
            client.close()
        # Who waits is served when others leave.
        clients[79].deadline = DEADLINE
        assert clients[79].read_response().body == b"fine"
    finally:
        for client in clients:
            client.close()
    made.settled(40)
    assert made.get() == b"fine"
    logged = made.server.output().count("Too many open files")
    assert logged < 100


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_limit_connections(victim, loop):
    made = victim("--limit-connections", "3", "--loop", loop)
    with all_closed(made.connect() for _ in range(3)) as clients:
        for client in clients:
            assert client.get("/").body == b"fine"
        with made.connect() as waiting:
            # Accepted by the system, not by the server: no answer, and no refusal.
            waiting.deadline = 0.5
            with pytest.raises(TimeoutError):
                waiting.get("/")
            assert clients[2].get("/").body == b"fine"
            clients[0].close()
            waiting.deadline = DEADLINE
            assert waiting.read_response().body == b"fine"


def test_limit_concurrency(victim):
    made = victim("--limit-concurrency", "1")
    with made.connect() as one:
        for _ in range(3):
            assert one.get("/").status == 200
        one.send(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        with made.connect() as other:
            assert other.get("/").status == 503
        one.send(b"2")
        assert one.read_response().status == 200
        assert one.get("/").status == 200
    # Each look is a client, too: the last one may not have left yet.
    made.stopped = True
    wait_for(lambda: status(made) == 200, what="room again")


def status(made):
    with made.connect() as client:
        return client.get("/").status
