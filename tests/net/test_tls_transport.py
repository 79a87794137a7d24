"""What a protocol over TLS is handed, record by record; real handshakes, and no sockets."""

import asyncio
import random
import ssl
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.net.rig import FakeTransport
from tests.support.certificates import Files
from tricorn.net.service import ConnectionLimits, Service
from tricorn.net.tls import TlsOptions, make_context
from tricorn.net.tls_transport import TlsTransport
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields


class Protocol:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.transport: Any = None
        self.pauses = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.told.append(data)
        if self.pauses:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.told.append("end")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.told.append("lost")


class Connection:
    """A server's side on a transport made of lists, and the client, the handshake done."""

    def __init__(self, loop: asyncio.AbstractEventLoop, files: Files) -> None:
        defaults = DefaultFields(b"tricorn", [], False)
        service = Service(None, loop, ConnectionLimits(), HeadLimits(), defaults)
        context = make_context(TlsOptions((files.make("server", "a.example"),)))
        self.protocol = Protocol()
        self.plain = FakeTransport(loop, {})
        self.server = TlsTransport(service, context, lambda: self.protocol)
        self.plain.protocol = self.server
        self.server.connection_made(self.plain)
        trusting = ssl.create_default_context(cafile=files.authority_file)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = trusting.wrap_bio(self.incoming, self.outgoing, server_hostname="a.example")
        with pytest.raises(ssl.SSLWantReadError):
            self.client.do_handshake()
        self.server.data_received(self.outgoing.read())
        self.incoming.write(self.plain.written)
        self.client.do_handshake()
        self.server.data_received(self.outgoing.read())

    def records(self, *contents: bytes) -> bytes:
        """A record for each, encrypted."""
        for content in contents:
            self.client.write(content)
        return self.outgoing.read()

    def goodbye(self) -> bytes:
        """The client's close_notify."""
        with pytest.raises(ssl.SSLWantReadError):
            self.client.unwrap()
        return self.outgoing.read()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def made(loop: asyncio.AbstractEventLoop, files: Files) -> Connection:
    return Connection(loop, files)


class TestRecords:
    def test_one(self, made: Connection) -> None:
        made.server.data_received(made.records(b"hello"))
        assert made.protocol.told == [b"hello"]

    def test_those_that_come_together_are_handed_on_together(self, made: Connection) -> None:
        made.server.data_received(made.records(b"one", b"two", bytes(16384), b"three"))
        assert made.protocol.told == [b"onetwo" + bytes(16384) + b"three"]

    @pytest.mark.parametrize("cut", [1, 5, 20, -1])
    def test_what_is_whole_of_a_record_cut_waits(self, made: Connection, cut: int) -> None:
        first, second = made.records(b"one", b"two"), made.records(b"three", b"four")
        made.server.data_received(first + second[:cut])
        whole = b"onetwothree" if cut == -1 else b"onetwo"
        assert made.protocol.told == [whole]
        made.server.data_received(second[cut:])
        assert b"".join(made.protocol.told) == b"onetwothreefour"

    def test_the_end_behind_them_is_told_after_them(self, made: Connection) -> None:
        made.server.data_received(made.records(b"one", b"two") + made.goodbye())
        assert made.protocol.told == [b"onetwo", "end"]
        assert made.plain.closed

    def test_the_end_waits_while_reading_is_paused(
        self, loop: asyncio.AbstractEventLoop, made: Connection
    ) -> None:
        made.protocol.pauses = True
        made.server.data_received(made.records(b"one", b"two") + made.goodbye())
        assert made.protocol.told == [b"onetwo"]
        made.server.resume_reading()
        loop.run_until_complete(asyncio.sleep(0))
        assert made.protocol.told[:2] == [b"onetwo", "end"]

    def test_what_came_before_a_broken_one_is_handed_on(self, made: Connection) -> None:
        good, broken = made.records(b"one", b"two"), bytearray(made.records(b"three"))
        broken[-1] ^= 1
        made.server.data_received(good + bytes(broken))
        assert made.protocol.told == [b"onetwo"]
        assert made.plain.closed

    @pytest.mark.parametrize("size", [1, 16384])
    def test_one_alone_after_one_in_parts(self, made: Connection, size: int) -> None:
        for content in (b"a" * size, b"b" * size):
            record = made.records(content)
            made.server.data_received(record[:7])
            made.server.data_received(record[7:])
            made.server.data_received(made.records(content))
        assert b"".join(made.protocol.told) == b"a" * 2 * size + b"b" * 2 * size

    def test_the_end_alone(self, made: Connection) -> None:
        made.server.data_received(made.goodbye())
        assert made.protocol.told == ["end"]
        assert made.plain.closed

    def test_a_broken_one_alone(self, made: Connection) -> None:
        broken = bytearray(made.records(b"one"))
        broken[-1] ^= 1
        made.server.data_received(bytes(broken))
        assert made.protocol.told == []
        assert made.plain.closed

    def test_nothing_between_two(self, made: Connection) -> None:
        made.server.data_received(made.records(b"one"))
        made.server.data_received(b"")
        made.server.data_received(made.records(b"two"))
        assert made.protocol.told == [b"one", b"two"]

    def test_one_that_comes_while_another_is_handed_on(self, made: Connection) -> None:
        first, *records = [made.records(content) for content in (b"one", b"two", b"three")]

        class Nested(Protocol):
            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                if records:
                    made.server.data_received(records.pop(0))

        made.server.protocol = nested = Nested()
        made.server.data_received(first)
        assert nested.told == [b"one", b"two", b"three"]

    def test_the_end_that_comes_while_one_is_handed_on(self, made: Connection) -> None:
        class Nested(Protocol):
            def data_received(self, data: bytes) -> None:
                super().data_received(data)
                made.server.eof_received()

        made.server.protocol = nested = Nested()
        made.server.data_received(made.records(b"one"))
        assert nested.told == [b"one", "end"]

    def test_one_that_comes_while_reading_is_paused(
        self, loop: asyncio.AbstractEventLoop, made: Connection
    ) -> None:
        made.protocol.pauses = True
        made.server.data_received(made.records(b"one"))
        made.server.data_received(made.records(b"two"))
        assert made.protocol.told == [b"one"]
        made.server.resume_reading()
        loop.run_until_complete(asyncio.sleep(0))
        assert made.protocol.told == [b"one", b"two"]

    @pytest.mark.parametrize("seed", range(8))
    def test_any_pieces_of_many(self, made: Connection, seed: int) -> None:
        chance = random.Random(seed)
        contents = [
            bytes(chance.choices(range(256), k=chance.choice([1, 60, 3000]))) for _ in range(60)
        ]
        stream = made.records(*contents)
        heads = [0]
        while heads[-1] < len(stream):
            at = heads[-1]
            heads.append(at + 5 + int.from_bytes(stream[at + 3 : at + 5], "big"))
        # Most cuts are between two records, where most are in life.
        cuts = {at for at in heads if chance.random() < 0.7}
        cuts |= {chance.randrange(len(stream)) for _ in range(20)}
        places = sorted(cuts | {0, len(stream)})
        for start, end in pairwise(places):
            made.server.data_received(stream[start:end])
        assert b"".join(made.protocol.told) == b"".join(contents)
