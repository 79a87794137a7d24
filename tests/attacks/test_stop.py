"""A server that stops under load fails no request."""

import math
import signal
import threading
import time

import pytest

from tests.support.closing import all_closed
from tests.support.raw import BadResponse
from tests.support.wait import wait_for

RESTS = 0.1  # seconds: a thread that got no processor for so long has rested


class Load:
    """Clients that ask again and again on kept connections, and look at each answer."""

    def __init__(self, server, target, expected, takes):
        self.server = server
        self.takes = takes  # seconds at least, for an answer
        self.target = target
        self.expected = expected
        self.answered = 0
        self.failed = []
        self.raced = []  # asked on a resting connection that was being closed just then
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run) for _ in range(8)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stop.is_set():
            try:
                client = self.server.connect()
            except ConnectionRefusedError:
                return  # it listens no more
            except OSError as error:
                self.failed.append(error)
                return
            with client:
                self.use(client)

    def use(self, client):
        request = f"GET {self.target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        answered = 0.0  # not before that
        while not self.stop.is_set():
            if client.is_closed():
                return  # before anything was sent
            asking = time.monotonic()
            asked = math.inf
            try:
                client.send(request)
                asked = time.monotonic()  # by now the server has it, if ever
                response = client.read_response()
            except (OSError, BadResponse) as error:
                if not answered or client.buffer:
                    self.failed.append(error)
                elif asked - answered < RESTS:
                    self.raced.append(error)
                return
            with self.lock:
                self.answered += 1
            answered = asking + self.takes
            if (response.status, response.body) != (200, self.expected):
                self.failed.append(response)
            if response.header(b"connection") == b"close":
                return

    def join(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize(
    ("target", "expected", "takes"),
    [("/", b"fine", 0.0), ("/nap", b"rested", 0.19), ("/big?mib=1", bytes(1 << 20), 0.0)],
)
def test_under_load(victim, target, expected, takes):
    made = victim("--timeout-graceful-shutdown", "30")
    load = Load(made.server, target, expected, takes)
    try:
        wait_for(lambda: load.answered > 30, what="the load to run")
        made.terminate()
        code = made.server.wait()
    finally:
        load.join()
    assert not load.failed, load.failed
    # RFC 9112 §9.6: a client that rested may ask while the end is on its way. These didn't
    # rest, so each was answered, and told that there is no more.
    assert not load.raced, load.raced
    assert code in (0, -signal.SIGTERM)


def test_resting_and_new_connections_close_at_once(victim):
    made = victim("--timeout-graceful-shutdown", "30")
    with made.connect() as new, made.connect() as rested, made.connect() as asking:
        assert rested.get("/").status == 200
        called = made.count()
        asking.send(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        wait_for(lambda: made.count() > called, what="the upload to begin")
        made.terminate()
        assert new.read_until_closed() == b""
        assert rested.read_until_closed() == b""
        asking.send(b"2")
        response = asking.read_response()
        assert (response.body, response.header(b"connection")) == (b"2", b"close")
        assert asking.read_until_closed() == b""
    made.server.wait()


def test_requests_that_were_sent_before_it_stops_are_answered(victim):
    """They may lie unread in the system, on connections that nobody has accepted yet."""
    made = victim("--timeout-graceful-shutdown", "30")
    made.server.process.send_signal(signal.SIGSTOP)
    with all_closed(made.connect() for _ in range(20)) as clients:
        for client in clients:
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        made.terminate()
        made.server.process.send_signal(signal.SIGCONT)
        for client in clients:
            response = client.read_response()
            assert response.body == b"fine"
            assert client.read_until_closed() == b""
    made.server.wait()


def test_an_upload_goes_on(victim):
    made = victim("--timeout-graceful-shutdown", "30")
    with made.connect() as client:
        called = made.count()
        client.send(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234")
        wait_for(lambda: made.count() > called, what="the upload to begin")
        made.terminate()
        made.server.wait_output("Waiting for connections to close")
        client.send(b"56789")
        response = client.read_response()
        assert (response.body, response.header(b"connection")) == (b"10", b"close")
    made.server.wait()
