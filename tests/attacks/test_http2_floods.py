"""Frames that cost the client nothing: the connection that sends too many of them is ended.

Each flood is of many MiB or of 100,000 frames. It must be ended with GOAWAY, or, where what comes
is only thrown away, cost no memory and little time. Others are served all the while.
"""

from collections.abc import Iterator

import pytest

from tests.attacks.attacked import DRAIN, HERE, QUICK, Victim
from tests.attacks.http2_floods import (
    BLOCKS,
    CHEAP,
    MIB,
    RESETS,
    attacking,
    bomb,
    thrash,
)
from tests.support.h2_frames import Code, get
from tests.support.http2 import Http2Client
from tests.support.server import serve
from tests.support.wait import DEADLINE, wait_for

# Thrown away as they come, and no more than that: these needn't end the connection.
HARMLESS = ("large unknown frames", "DATA of padding")


@pytest.fixture(scope="module", params=["hub", "loop"])
def made(request: pytest.FixtureRequest) -> Iterator[Victim]:
    environment = {"TRICORN_TRANSPORT": request.param}
    options = (*QUICK, *DRAIN, "--http2", "all")
    with serve("victim:app", *options, app_dir=HERE, env=environment) as server:
        victim = Victim(server)
        victim.get()
        yield victim
        assert server.process.poll() is None, server.output()
        assert victim.get() == b"fine"


def over(client: Http2Client, *codes: Code) -> None:
    """The flood is ended, with the code."""
    client.read_to_the_end()
    assert client.gone is not None, client.frames[-5:]
    assert client.gone.code in codes, client.gone


@pytest.mark.parametrize("kind", RESETS)
def test_streams_that_come_to_nothing(made: Victim, kind: str) -> None:
    """Of 20,000 only few are run, and few at a time: a reset one counts until its app is done."""
    called, memory = made.count(), made.memory()
    with attacking(made, RESETS[kind], DEADLINE) as client:
        over(client, *RESETS[kind].codes)
    assert made.count() - called < 1000
    assert made.memory() - memory < 4 * MIB


@pytest.mark.parametrize("kind", CHEAP)
def test_cheap_frames(made: Victim, kind: str) -> None:
    memory, cpu = made.memory(), made.cpu()
    with attacking(made, CHEAP[kind], DEADLINE) as client:
        assert made.get() == b"fine"
        if kind in HARMLESS:
            settled(client, made)
        else:
            over(client, *CHEAP[kind].codes)
        assert made.memory() - memory < 4 * MIB
    assert made.cpu() - cpu < 3


def settled(client: Http2Client, made: Victim) -> None:
    """The flood is over, ended or read to its end."""
    client.read_to_the_end() if client.ended else client.half_close()
    client.read_to_the_end()


@pytest.mark.parametrize("kind", BLOCKS)
def test_header_blocks_without_end(made: Victim, kind: str) -> None:
    memory, cpu, called = made.memory(), made.cpu(), made.count()
    with attacking(made, BLOCKS[kind], DEADLINE) as client:
        over(client, Code.ENHANCE_YOUR_CALM, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR)
        assert made.memory() - memory < 4 * MIB
    assert made.cpu() - cpu < 2
    assert made.count() - called == 0


def test_hpack_bomb(made: Victim) -> None:
    """12,000 references to 4,000 bytes in each of 20 requests would be 1 GB."""
    called = made.count()
    before = made.forget_peak()
    with made.connect_http2() as client:
        for number in range(20):
            client.send(bomb(2 * number + 1, 12_000))
        over_or_refused(client, 39)
    assert made.peak() - before < 8 * MIB
    assert made.count() - called == 0


def over_or_refused(client: Http2Client, last: int) -> None:
    """Each stream is refused with 431 or reset, or the connection ends."""
    for stream in range(1, last + 1, 2):
        seen = client.stream(stream)
        try:
            client.until(lambda seen=seen: seen.ended or seen.reset is not None, "a refusal")
        except ConnectionError:
            assert client.gone is not None
            assert client.gone.code in (Code.ENHANCE_YOUR_CALM, Code.PROTOCOL_ERROR)
            return
        if seen.ended:
            assert seen.response().status == 431


def test_table_thrash(made: Victim) -> None:
    """Requests that replace the whole table cost a few times the plain ones, and no memory."""

    def cost(requests: list[bytes]) -> float:
        before = made.cpu()
        with made.connect_http2() as client:
            for start in range(0, len(requests), 50):
                client.send(b"".join(requests[start : start + 50]))
                for number in range(start, start + 50):
                    assert client.response(2 * number + 1).status == 200
        return made.cpu() - before

    numbers = [2 * number + 1 for number in range(1000)]
    cost([get(number) for number in numbers])
    memory = made.memory()
    assert cost([thrash(number) for number in numbers]) < 2
    assert made.memory() - memory < 2 * MIB


def test_streams_at_a_time(made: Victim) -> None:
    """No more run than SETTINGS_MAX_CONCURRENT_STREAMS says, and others are served."""
    with made.connect_http2() as client:
        most = client.settings[3]
        waiting = int(made.get("/waiting"))
        for number in range(most * 3):
            client.send(get(2 * number + 1, b"/wait"))
            if not number % 100:
                assert made.get() == b"fine"
        client.until(
            lambda: (
                client.gone is not None
                or sum(seen.reset is not None for seen in client.streams.values()) >= most * 2
            ),
            "refusals",
        )
        assert int(made.get("/waiting")) - waiting <= most
    wait_for(lambda: int(made.get("/waiting")) == waiting, what="the app to be told")
