"""Slow and stalling HTTP/2 clients: each phase ends in time, and holds little until then."""

import pytest

from tests.attacks.attacked import Victim, one_transport
from tests.attacks.http2_floods import MIB
from tests.support.closing import all_closed
from tests.support.h2_frames import (
    END_STREAM,
    PREFACE,
    Code,
    Kind,
    Setting,
    block,
    data,
    frame,
    get,
    ping,
    post,
    request,
)
from tests.support.http2 import Http2Client
from tests.support.wait import wait_for

pytestmark = one_transport


@pytest.fixture
def begin(victim):
    def start(*options: str) -> Victim:
        return victim("--http2", "all", *options)

    return start


def test_who_says_nothing_behind_half_a_preface(begin):
    made = begin("--timeout-idle", "1", "--timeout-head", "1")
    with Http2Client((made.server.host, made.server.port)) as client:
        client.send(PREFACE[:20])
        client.read_bytes()


def test_who_says_nothing_behind_the_preface(begin):
    made = begin("--timeout-idle", "1", "--timeout-keep-alive", "1")
    with made.connect_http2(allows=False) as client:
        client.read_to_the_end()
        assert client.gone is not None and client.gone.code == Code.NO_ERROR


def test_a_slow_header_block(begin):
    """The first frame of a block, and nothing more."""
    made = begin("--timeout-head", "1")
    with made.connect_http2(allows=False) as client:
        client.send(frame(Kind.HEADERS, END_STREAM, 1, block(request())))
        client.read_to_the_end()


def test_a_slow_frame(begin):
    """A frame that never gets whole."""
    made = begin("--timeout-head", "1")
    with made.connect_http2(allows=False) as client:
        client.send(get(1)[:-3])
        client.read_to_the_end()


def test_slow_content(begin):
    """The stream is refused or reset; others go on."""
    made = begin("--timeout-body", "1")
    with made.connect_http2(allows=False) as client:
        client.send(post(1, b"/read") + data(1, b"x"))
        seen = client.stream(1)
        client.until(lambda: seen.ended or seen.reset is not None, "an end")
        if seen.ended:
            assert seen.response().status == 408
        client.send(get(3))
        assert client.response(3).body == b"fine"


def test_windows_that_never_open(begin):
    """100 responses of 20 MiB that the client doesn't let through: held in part, and given up."""
    made = begin("--timeout-write", "3")
    memory = made.memory()
    with made.connect_http2((Setting.INITIAL_WINDOW_SIZE, 0), allows=False) as client:
        client.send(b"".join(get(2 * number + 1, b"/big?mib=20") for number in range(100)))
        client.until(lambda: len(client.streams) == 100, "the heads")
        assert made.get() == b"fine"
        assert made.memory() - memory < 24 * MIB
        given_up(client)


def given_up(client: Http2Client) -> None:
    """The connection ends, or each stream of it."""

    def done() -> bool:
        return all(seen.reset is not None for seen in client.streams.values())

    try:
        client.until(done, "the end")
    except ConnectionError:
        pass


def test_a_window_that_opens_by_a_byte(begin):
    """Progress that is none: it is allowed to be slow, and holds no more for that."""
    made = begin()
    memory = made.memory()
    with made.connect_http2((Setting.INITIAL_WINDOW_SIZE, 1), allows=False) as client:
        client.send(b"".join(get(2 * number + 1, b"/big?mib=20") for number in range(50)))
        client.until(lambda: sum(len(s.body) for s in client.streams.values()) == 50, "50 bytes")
        assert made.get() == b"fine"
        assert made.memory() - memory < 12 * MIB


def test_a_client_that_never_reads(begin):
    """Its windows are open, its socket isn't read."""
    made = begin("--timeout-write", "1")
    memory, descriptors = made.memory(), made.descriptors()
    with made.connect_http2((Setting.INITIAL_WINDOW_SIZE, (1 << 31) - 1), allows=False) as client:
        client.send(b"".join(get(2 * number + 1, b"/big?mib=20") for number in range(100)))
        held = []

        def gone() -> bool:
            held.append(made.memory())
            return made.descriptors() <= descriptors

        wait_for(gone, what="the server to give up")
        assert max(held) - memory < 24 * MIB


def test_answers_that_nobody_reads(begin):
    """PINGs are answered, but not for ever into memory."""
    made = begin("--timeout-write", "1")
    memory = made.memory()
    with made.connect_http2(allows=False) as client:
        client.answers = False
        try:
            client.socket.settimeout(5)
            for _ in range(2000):
                client.socket.sendall(ping() * 1000)
        except OSError:  # TimeoutError is one
            pass
        assert made.memory() - memory < 4 * MIB


def test_content_that_nobody_reads(begin):
    """100 uploads to an app that doesn't read: bounded by the windows of the connection."""
    made = begin()
    memory = made.memory()
    with made.connect_http2(allows=False) as client:
        sent = 0
        for number in range(100):
            stream = 2 * number + 1
            client.send(post(stream, b"/ignore"))
        window = client.settings.get(Setting.INITIAL_WINDOW_SIZE, 65535)
        total = 65535 + sum(
            int.from_bytes(one.payload, "big")
            for one in client.frames
            if one.kind == Kind.WINDOW_UPDATE and not one.stream
        )
        for number in range(100):
            for _ in range(0, window - 16383, 16384):
                if sent + 16384 <= total:
                    client.send(data(2 * number + 1, bytes(16384)))
                    sent += 16384
        assert made.memory() - memory < 16 * MIB
        assert made.get() == b"fine"


def test_many_connections(begin):
    """500 that hold a stream each: a few KiB each, and freed when they go."""
    made = begin()
    memory, descriptors = made.memory(), made.descriptors()
    with all_closed(made.connect_http2(allows=False) for _ in range(500)) as clients:
        for client in clients:
            client.send(get(1, b"/wait"))
        wait_for(lambda: int(made.get("/waiting")) == 500, what="all to be there")
        assert made.memory() - memory < 500 * 100 * 1024
    made.settled(descriptors)
    wait_for(lambda: int(made.get("/waiting")) == 0, what="the app to be told")
