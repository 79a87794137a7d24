"""Slow clients: each phase of a connection ends in time."""

import select
import socket
import statistics
import threading
import time

import pytest

from tests.attacks.attacked import until_over
from tests.support.closing import all_closed
from tests.support.wait import wait_for

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def trickle(client, data, stop):
    """Sends a byte each 50 ms until the server has enough of it."""
    try:
        while not stop.is_set():
            client.socket.sendall(data)
            time.sleep(0.05)
    except OSError:
        pass


def readable(client):
    """Whether something has come, the end included."""
    return bool(select.select([client.socket], [], [], 0)[0])


@pytest.fixture
def dripping():
    """Starts clients that trickle; they end with the test."""
    stop = threading.Event()
    threads = []

    def start(client, data):
        thread = threading.Thread(target=trickle, args=(client, data, stop))
        thread.start()
        threads.append(thread)

    yield start
    stop.set()
    for thread in threads:
        thread.join()


def test_who_says_nothing(victim):
    made = victim("--timeout-idle", "1")
    start = time.monotonic()
    with made.connect() as client:
        assert until_over(client, start) > 0.4  # a second, less the half by which clocks tick


def test_a_slow_head(victim, dripping):
    made = victim("--timeout-head", "1")
    with made.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        dripping(client, b"X")
        response = client.read_response()
        assert (response.status, response.header(b"connection")) == (408, b"close")


def test_many_slow_heads_keep_nobody_out(victim):
    made = victim("--timeout-head", "3")
    with all_closed(made.connect() for _ in range(200)) as clients:
        for client in clients:
            client.send(GET[:10])
        assert made.get() == b"fine"
        assert not readable(clients[-1]), "others were served only when the slow ones were gone"
        for client in clients:
            assert client.read_response().status == 408


@pytest.mark.parametrize("chunked", [False, True])
def test_slow_content(victim, dripping, chunked):
    made = victim("--timeout-body", "1")
    how = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000"
    with made.connect() as client:
        client.send(b"POST /read HTTP/1.1\r\nHost: a\r\n" + how + b"\r\n\r\n")
        dripping(client, b"1\r\nx\r\n" if chunked else b"x")
        assert client.read_response().status == 408


def test_a_resting_connection(victim):
    made = victim("--timeout-keep-alive", "1")
    with made.connect() as client:
        start = time.monotonic()
        assert client.get("/").status == 200
        assert until_over(client, start) > 0.4


def never_reading(victim, target, tmp_path):
    made = victim("--timeout-write", "1")
    before = made.memory(), made.descriptors()
    with made.connect() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        wait_for(lambda: readable(client), what="the answer to begin")
        held = []

        def given_up():
            held.append(made.memory())
            return made.descriptors() <= before[1]

        wait_for(given_up, what="the server to give up")
    # What it held for most of that second, when nothing moved any more.
    return statistics.median(held) - before[0]


def test_a_client_that_never_reads_a_stream(victim, tmp_path):
    assert never_reading(victim, "/big?mib=200", tmp_path) < 2 << 20


def test_a_client_that_never_reads_a_lump(victim, tmp_path):
    # The app made one piece of it: that is its own, and it is held once.
    assert never_reading(victim, "/lump?mib=32", tmp_path) < 36 << 20


def test_a_client_that_never_reads_a_file(victim, tmp_path):
    path = tmp_path / "file"
    with open(path, "wb") as file:
        file.truncate(200 << 20)
    assert never_reading(victim, f"/file?path={path}", tmp_path) < 2 << 20


def test_a_client_that_reads_slowly_gets_it_all(victim):
    made = victim("--timeout-write", "2")
    with made.connect() as client:
        client.send(b"GET /big?mib=64 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        left = 64 << 20
        end = time.monotonic() + 5  # well over twice the limit
        while time.monotonic() < end:
            left -= len(client.socket.recv(100_000))
            time.sleep(0.02)
        while piece := client.socket.recv(1 << 20):
            left -= len(piece)
        assert left < 0  # the head came with it


def test_many_unread_pipelined_requests(victim):
    """100,000 requests whose answers nobody reads: bounded, and not even run."""
    made = victim("--timeout-write", "30")
    before = made.memory()
    called = made.count()
    with made.connect() as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.socket.settimeout(0.5)
        request = b"GET /big?mib=1 HTTP/1.1\r\nHost: a\r\n\r\n"
        sent = 0
        try:
            while sent < 100_000 * len(request):
                sent += client.socket.send(request * 1000)
        except TimeoutError:
            pass
        assert made.memory() - before < 2 << 20
        assert made.count() - called < 20


@pytest.mark.parametrize("target", ["/", "/lump?mib=1"])
def test_pipelined_requests_that_are_read(victim, target):
    made = victim()
    request = f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with made.connect() as client:
        sender = threading.Thread(target=client.socket.sendall, args=(request * 100,))
        sender.start()
        for _ in range(100):
            assert client.read_response().status == 200
        sender.join()


def test_ten_thousand_connections_opened_and_reset(victim):
    made = victim()
    descriptors = made.descriptors()
    wait = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"

    def come_and_go(requests, together):
        clients = [made.connect() for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.send(request)
        if together:
            wait_for(lambda: int(made.get("/waiting")) == len(clients), what="all to be there")
        for client in clients:
            client.reset()

    kinds = [[GET[: n % len(GET)], wait, b""][n % 3] for n in range(500)]
    # What 500 at a time cost, once, and what rounds cost that overlap.
    come_and_go([wait] * 500, together=True)
    for _ in range(5):
        come_and_go(kinds, together=False)
    made.settled(descriptors)
    memory = made.memory()
    for _ in range(20):
        come_and_go(kinds, together=False)
    made.settled(descriptors)
    assert made.memory() - memory < 4 << 20
    wait_for(lambda: made.get("/waiting") == b"0", what="each app to be told")
