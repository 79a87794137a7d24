"""The health path and the delay before a drain, with a load balancer that looks and stops sending.

No delay is waited for where its length matters: it is long, and a second signal ends it.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.serve.systemd import Systemd
from tests.support.load import Load
from tests.support.raw import RawClient, Response
from tests.support.server import Server, serve, start
from tests.support.wait import wait_for
from tests.support.workers import workers

LONG = ("--health-path", "/healthz", "--drain-delay", "600")
HELLO = b"Hello, world"
KINDS = [(), ("--workers", "2"), ("--workers", "2", "--preload")]
one_and_two = pytest.mark.parametrize("kind", KINDS[:2])


def ask(server: Server, target: str = "/healthz") -> Response:
    with server.connect() as client:
        return client.get(target, "Connection: close")


def is_draining(server: Server, times: int = 1) -> bool:
    """Whether all of so many checks say so; each may meet another worker."""
    return all(ask(server).status == 503 for _ in range(times))


class Balancer:
    """Sends requests as long as its checks, one after the other, say that it may."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.load = Load(server.connect, "/", HELLO)
        self.failures = 0
        self.removed = threading.Event()
        self._thread = threading.Thread(target=self._check)

    def _check(self) -> None:
        while self.failures < 3:
            self.failures = self.failures + 1 if ask(self.server).status != 200 else 0
        self.removed.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.load:
            self._thread.start()
            yield
            assert self.removed.wait(60)
        self._thread.join()
        self.load.check()


@pytest.mark.parametrize("kind", KINDS)
def test_no_request_fails_when_the_balancer_has_the_time_to_notice(kind: tuple[str, ...]) -> None:
    with serve("asked:app", *LONG, *kind) as server:
        assert (ask(server).status, ask(server).body) == (200, b"ready\n")
        balancer = Balancer(server)
        with balancer.running():
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: is_draining(server), what="draining")
            # New connections and kept ones are still served.
            balancer.load.wait_answered(50)
        wait_for(lambda: is_draining(server, 10), what="all workers to say so")
        assert ask(server).body == b"draining\n"
        assert ask(server, "/").body == HELLO
        assert server.stop(signal.SIGTERM) == 0


@one_and_two
def test_sigint_has_no_delay_and_ends_one(kind: tuple[str, ...]) -> None:
    with serve("plain:app", *LONG, *kind) as server:
        assert server.stop(signal.SIGINT) == 0
        assert "Draining in" not in server.output()
    with serve("plain:app", *LONG, *kind) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_output("Draining in 600 s")
        assert server.stop(signal.SIGINT) == 0


@one_and_two
def test_the_delay_ends_by_itself(kind: tuple[str, ...]) -> None:
    with serve("plain:app", "--drain-delay", "0.5", *kind) as server:
        assert server.stop() == 0
        assert "Draining in 0.5 s; until then connections are accepted." in server.output()


def test_without_a_delay_the_drain_begins_at_once() -> None:
    with serve("plain:app", "--health-path", "/healthz") as server:
        assert ask(server).body == b"ready\n"
        assert server.stop() == 0
        assert "Draining in" not in server.output()


def test_a_worker_that_is_lost_in_the_delay_is_replaced() -> None:
    with serve("plain:app", *LONG, "--workers", "2") as server:
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: is_draining(server, 10), what="draining")
        before = workers(server)
        os.kill(before[1], signal.SIGKILL)
        wait_for(lambda: server.output().count("startup complete") == 3, what="a new worker")
        assert is_draining(server, 20)
        # Nothing is restarted now.
        now = workers(server)
        server.process.send_signal(signal.SIGHUP)
        assert is_draining(server, 20)
        assert workers(server) == now
        assert server.stop() == 0


def test_ctl_stop_has_the_delay(tmp_path: Path) -> None:
    control = str(tmp_path / "control")
    with serve("plain:app", *LONG, "--control", control) as server:
        ctl("stop", control)
        wait_for(lambda: is_draining(server), what="draining")
        assert json.loads(ctl("status", control, "--json"))["stopping"]
        ctl("stop", control)
        assert server.wait() == 0


def ctl(what: str, control: str, *more: str) -> str:
    command = [sys.executable, "-m", "tricorn", "ctl", what, "--control", control, *more]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.mark.parametrize("kind", [(), ("--workers", "2")])
def test_systemd_hears_of_it_when_the_delay_begins(tmp_path: Path, kind: tuple[str, ...]) -> None:
    systemd = Systemd(tmp_path / "notify")
    with serve("plain:app", *LONG, *kind, env={"NOTIFY_SOCKET": systemd.path}) as server:
        assert systemd.hears() == "READY=1"
        server.process.send_signal(signal.SIGTERM)
        assert systemd.hears() == "STOPPING=1"
        assert ask(server, "/").body == HELLO
        assert server.stop() == 0
    systemd.sock.close()


def test_it_is_not_logged_nor_counted() -> None:
    options = ("--health-path", "/healthz", "--limit-max-requests", "2")
    with serve("plain:app", *options) as server:
        for _ in range(5):
            assert ask(server).body == b"ready\n"
        ask(server, "/one")
        ask(server, "/two")
        assert server.wait() == 0
        lines = server.stdout()
        assert '"GET /one HTTP/1.1"' in lines
        assert "healthz" not in lines


def test_http_1_0_without_host() -> None:
    with serve("plain:app", "--health-path", "/healthz") as server, server.connect() as client:
        client.send(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.read_response().body == b"ready\n"
        assert client.read_until_closed() == b""


LATE = """
import os, time
while not os.path.exists("imported"):
    time.sleep(0.01)

async def app(scope, receive, send):
    import asyncio
    await receive()
    if scope["type"] == "lifespan":
        while not os.path.exists("started"):
            await asyncio.sleep(0.01)
        result = "failed" if os.path.exists("broken") else "complete"
        await send({"type": f"lifespan.startup.{result}"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"from the app"})
"""


class Late:
    """A server whose app waits, as it is imported and as it starts, for files."""

    def __init__(self, place: Path, *options: str) -> None:
        (place / "late.py").write_text(LATE)
        self.place = place
        self.path = str(place / "s")
        line = ("late:app", "--uds", self.path, "--health-path", "/healthz", *options)
        self.server = start(*line, cwd=place)

    def connect(self) -> RawClient:
        """A client, as soon as somebody listens."""

        def connected() -> RawClient | None:
            try:
                return RawClient(self.path)
            except OSError:
                return None

        return wait_for(connected, what="somebody to listen")

    def check(self) -> bytes:
        with self.connect() as client:
            client.send(b"GET /healthz HTTP/1.0\r\n\r\n")
            return client.read_response().body

    def let(self, *steps: str) -> None:
        for step in steps:
            (self.place / step).touch()


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Callable[..., Late]]:
    made: list[Late] = []

    def make(*options: str) -> Late:
        made.append(Late(tmp_path, *options))
        return made[-1]

    yield make
    for one in made:
        one.server.kill()


class TestWhileItStarts:
    @pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
    def test_checks_are_told(self, late: Callable[..., Late], loop: str) -> None:
        server = late("--loop", loop)
        assert server.check() == b"starting\n"
        server.let("imported")
        server.server.wait_output("Waiting for application startup.")
        assert server.check() == b"starting\n"
        with server.connect() as client:
            client.send(b"HEAD /healthz?a HTTP/1.1\r\nHost: a\r\n\r\n")
            response = client.read_response("HEAD")
            assert (response.status, response.header(b"connection")) == (503, b"close")
            assert response.header(b"cache-control") == b"no-store"
            assert client.read_until_closed() == b""
        server.let("started")
        wait_for(lambda: server.check() == b"ready\n", what="the start")

    def test_others_are_served_after_it(self, late: Callable[..., Late]) -> None:
        server = late()
        requests = (
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /healthzz HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            b"GET /heal",
            b"",
        )
        clients = [server.connect() for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.send(request)
        # Behind the others in the same queue.
        assert server.check() == b"starting\n"
        server.let("imported", "started")
        assert clients[0].read_response().body == b"from the app"
        assert clients[1].read_response().body == b"from the app"
        assert clients[2].read_response().status == 405
        clients[3].send(b"thz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert clients[3].read_response().body == b"ready\n"
        assert clients[4].get("/").body == b"from the app"
        for client in clients:
            client.close()

    def test_a_start_that_fails_lets_them_go(self, late: Callable[..., Late]) -> None:
        server = late()
        with server.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert server.check() == b"starting\n"
            server.let("broken", "imported", "started")
            assert server.server.wait() == 3
            with contextlib.suppress(ConnectionError):
                assert client.read_until_closed() == b""

    def test_a_signal_ends_it(self, late: Callable[..., Late]) -> None:
        server = late()
        assert server.check() == b"starting\n"
        assert server.server.stop(signal.SIGINT) == 0

    def test_workers_leave_checks_in_the_queue(self, late: Callable[..., Late]) -> None:
        server = late("--workers", "2")
        with server.connect() as client:
            client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            server.let("imported", "started")
            assert client.read_response().body == b"ready\n"


@pytest.mark.parametrize("path", ["healthz", "/a b", "/a?b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    command = [sys.executable, "-m", "tricorn", "plain:app", "--health-path", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "is no path; write one such as /healthz" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
