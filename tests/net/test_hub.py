"""Transports of the hub keep asyncio's promises, over real sockets."""

import asyncio
import contextlib
import errno
import gc
import os
import socket
import time

import pytest

from tricorn.net import hub as hub_module
from tricorn.net import sysio
from tricorn.net.hub import Hub

pytestmark = pytest.mark.skipif(not sysio.HAS_EPOLL, reason="the hub needs epoll")


class Recorder:
    """A protocol that writes down what it is told."""

    def __init__(self):
        self.events = []
        self.received = b""
        self.transport = None
        self.keep_open = False
        self.within = 0  # depth of the hub's calls
        self.on_data = None
        self.on_made = None

    def connection_made(self, transport):
        self.transport = transport
        self.events.append("made")
        if self.on_made:
            self.on_made(transport)

    def data_received(self, data):
        assert data and type(data) is bytes
        self.within += 1
        self.received += data
        if self.on_data:
            self.on_data(data)
        self.within -= 1

    def eof_received(self):
        self.events.append("eof")
        return self.keep_open

    def pause_writing(self):
        self.events.append("pause")

    def resume_writing(self):
        self.events.append("resume")

    def connection_lost(self, error):
        assert not self.within, "connection_lost within data_received"
        self.events.append("lost" if error is None else f"lost: {type(error).__name__}")


class Place:
    """A hub under a loop that the test turns by hand, and its clients."""

    def __init__(self, loop, family, address):
        self.loop = loop
        self.hub = Hub(loop)
        self.listening = socket.socket(family)
        self.listening.bind(address)
        self.listening.listen(100)
        self.listening.setblocking(False)
        self.address = self.listening.getsockname()
        self.protocols = []
        self.make = Recorder
        self.listener = self.hub.listen(self.listening, self.protocol)
        self.clients = []

    def protocol(self):
        made = self.make()
        self.protocols.append(made)
        return made

    def dial(self):
        client = socket.socket(self.listening.family)
        client.settimeout(30)
        client.connect(self.address)
        self.clients.append(client)
        return client

    def connect(self):
        """A client, and the protocol that serves it."""
        count = len(self.protocols)
        client = self.dial()
        self.until(lambda: len(self.protocols) > count)
        return client, self.protocols[-1]

    def until(self, condition, deadline=30):
        async def wait():
            end = time.monotonic() + deadline
            while not condition():
                assert time.monotonic() < end, "it never came"
                await asyncio.sleep(0.001)

        self.loop.run_until_complete(wait())

    def turn(self):
        self.loop.run_until_complete(asyncio.sleep(0.01))

    def close(self):
        for client in self.clients:
            client.close()
        self.hub.unlisten(self.listener)
        self.hub.close()
        self.listening.close()


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request, quick_collection):
    factory = asyncio.new_event_loop
    if request.param == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    made = factory()
    faults = []
    made.set_exception_handler(lambda _, context: faults.append(context))
    yield made
    gc.collect()
    made.run_until_complete(asyncio.sleep(0))
    made.close()
    assert not faults, faults


@pytest.fixture(params=["tcp", "unix"])
def place(request, loop, tmp_path):
    if request.param == "tcp":
        made = Place(loop, socket.AF_INET, ("127.0.0.1", 0))
    else:
        made = Place(loop, socket.AF_UNIX, str(tmp_path / "socket"))
    yield made
    made.close()
    for protocol in made.protocols:
        lost = [event for event in protocol.events if event.startswith("lost")]
        assert len(lost) == 1, protocol.events
        assert protocol.events[-1] == lost[0]


def fill(place, protocol, amount=8 << 20):
    """Write more than the system takes; what was written."""
    data = os.urandom(amount)
    protocol.transport.write(data)
    assert protocol.transport.get_write_buffer_size() > 0
    assert protocol.events[-1] == "pause"
    return data


def read_all(place, client, count):
    """Read so many bytes while the hub goes on."""
    client.settimeout(0)
    data = bytearray()

    def enough():
        try:
            while len(data) < count:
                piece = client.recv(1 << 20)
                if not piece:
                    return True
                data.extend(piece)
        except BlockingIOError:
            return False
        return True

    place.until(enough)
    return bytes(data)


class TestReading:
    def test_data_and_the_end(self, place):
        client, protocol = place.connect()
        client.sendall(b"hello")
        place.until(lambda: protocol.received == b"hello")
        client.shutdown(socket.SHUT_WR)
        place.until(lambda: "lost" in protocol.events)
        assert protocol.events == ["made", "eof", "lost"]
        assert client.recv(1) == b""

    def test_data_that_came_with_the_connection(self, place):
        client = place.dial()
        client.sendall(b"early")
        place.until(lambda: place.protocols and place.protocols[0].received == b"early")

    def test_pause_and_resume(self, place):
        client, protocol = place.connect()
        transport = protocol.transport
        assert transport.is_reading()
        transport.pause_reading()
        transport.pause_reading()
        assert not transport.is_reading()
        client.sendall(b"waits")
        place.turn()
        assert protocol.received == b""
        transport.resume_reading()
        transport.resume_reading()
        place.until(lambda: protocol.received == b"waits")

    def test_a_pause_within_data_received(self, place):
        client, protocol = place.connect()
        protocol.on_data = lambda data: protocol.transport.pause_reading()
        client.sendall(b"x" * 1_000_000 if place.listening.family == socket.AF_INET else b"x" * 9)
        place.until(lambda: protocol.received)
        first = len(protocol.received)
        place.turn()
        assert len(protocol.received) == first <= sysio.RECEIVE_SIZE

    def test_read_now(self, place):
        client, protocol = place.connect()
        client.sendall(b"unseen")
        while not protocol.received:  # the system may take a moment to hand it over
            protocol.transport.read_now()
        assert protocol.received == b"unseen"
        protocol.transport.read_now()

    def test_a_half_closed_connection_stays_and_costs_nothing(self, place):
        client, protocol = place.connect()
        protocol.keep_open = True
        client.shutdown(socket.SHUT_WR)
        place.until(lambda: "eof" in protocol.events)
        before = time.process_time()
        place.loop.run_until_complete(asyncio.sleep(0.2))
        assert time.process_time() - before < 0.1
        protocol.transport.write(b"answer")
        place.turn()
        assert client.recv(100) == b"answer"
        protocol.transport.close()
        place.until(lambda: "lost" in protocol.events)
        assert protocol.events == ["made", "eof", "lost"]

    def test_a_reset(self, place):
        if place.listening.family == socket.AF_UNIX:
            pytest.skip("Unix sockets have none")
        client, protocol = place.connect()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        place.until(lambda: len(protocol.events) > 1)
        assert protocol.events == ["made", "lost: ConnectionResetError"]

    def test_a_client_that_is_gone_while_reading_is_paused(self, place):
        client, protocol = place.connect()
        fill(place, protocol)
        protocol.transport.pause_reading()
        client.close()
        place.until(lambda: protocol.events[-1].startswith("lost"))

    def test_an_error_in_the_protocol_keeps_the_others(self, place):
        client, protocol = place.connect()
        other, unharmed = place.connect()
        raised = []

        def fail(data):
            protocol.within -= 1
            raise LookupError("the protocol's own")

        protocol.on_data = fail
        place.loop.set_exception_handler(lambda _, context: raised.append(context))
        client.sendall(b"bad")
        other.sendall(b"good")
        place.until(lambda: unharmed.received == b"good" and raised)
        assert isinstance(raised[0]["exception"], LookupError)
        # As on the loop's own transports, the connection is over.
        place.until(lambda: protocol.events == ["made", "lost: LookupError"])

    @pytest.mark.parametrize("where", ["factory", "connection_made", "first bytes"])
    def test_an_error_at_the_beginning_closes_the_connection(self, place, where, caplog):
        def fail(_):
            raise LookupError("the protocol's own")

        class Failing(Recorder):
            def __init__(self):
                super().__init__()
                if where == "factory":
                    fail(self)
                if where == "connection_made":
                    self.on_made = fail

            def data_received(self, data):
                fail(data)

        place.make = Failing
        client = place.dial()
        client.sendall(b"bad")
        place.until(lambda: "A connection could not begin." in caplog.text)
        place.make = Recorder
        other, unharmed = place.connect()
        other.sendall(b"good")
        place.until(lambda: unharmed.received == b"good")
        with contextlib.suppress(ConnectionResetError):  # its bytes may have been left unread
            assert client.recv(1) == b""
        assert [t for t in place.hub.transports if t is not None] == [unharmed.transport]
        for protocol in place.protocols[:-1]:
            assert protocol.events[1:] == ["lost: LookupError"]
        assert "LookupError: the protocol's own" in caplog.text


class TestWriting:
    def test_small_and_joined_writes(self, place):
        client, protocol = place.connect()
        transport = protocol.transport
        transport.write(b"one")
        transport.write(bytearray(b"two"))
        transport.write(memoryview(b"three"))
        transport.write(b"")
        transport.writelines([b"fo", b"ur"])
        place.turn()
        assert client.recv(100) == b"onetwothreefour"
        assert protocol.events == ["made"]

    def test_partial_writes_arrive_whole_and_in_order(self, place):
        client, protocol = place.connect()
        data = fill(place, protocol)
        more = [os.urandom(size) for size in (1, 100_000, 7)]
        for piece in more:
            protocol.transport.write(piece)
        total = data + b"".join(more)
        assert read_all(place, client, len(total)) == total
        place.until(lambda: protocol.events[-1] == "resume")
        assert protocol.events == ["made", "pause", "resume"]
        assert protocol.transport.get_write_buffer_size() == 0

    @pytest.mark.parametrize("size", [1, 1000, 100_000])
    def test_many_pieces_arrive_whole_and_in_order(self, place, size):
        client, protocol = place.connect()
        pieces = [os.urandom(size) for _ in range(200)]
        pieces[3] = bytearray(pieces[3])
        total = b"".join(pieces)

        def reply(_):
            protocol.transport.writelines(pieces)
            pieces[3][:] = bytes(size)
            protocol.transport.write(b"last")

        protocol.on_data = reply
        client.sendall(b"go")
        assert read_all(place, client, len(total) + 4) == total + b"last"
        assert protocol.transport.get_write_buffer_size() == 0

    def test_within_data_received_too(self, place):
        client, protocol = place.connect()
        data = os.urandom(4 << 20)

        def reply(_):
            protocol.transport.write(b"first")
            protocol.transport.write(data)
            protocol.transport.write(b"last")

        protocol.on_data = reply
        client.sendall(b"go")
        assert read_all(place, client, len(data) + 9) == b"first" + data + b"last"

    def test_what_the_caller_changes_later_was_copied(self, place):
        client, protocol = place.connect()
        fill(place, protocol)
        data = bytearray(b"kept")
        protocol.transport.write(data)
        data[:] = b"lost"
        data.extend(b"and longer")
        assert read_all(place, client, (8 << 20) + 4)[-4:] == b"kept"

    def test_a_large_array_that_was_sent_in_part(self, place):
        client, protocol = place.connect()
        data = bytearray(os.urandom(8 << 20))
        copy = bytes(data)
        protocol.transport.write(data)
        data[:] = bytes(len(data))
        data.clear()
        assert read_all(place, client, len(copy)) == copy

    def test_write_eof_follows_what_was_written(self, place):
        client, protocol = place.connect()
        data = fill(place, protocol)
        assert protocol.transport.can_write_eof()
        protocol.transport.write_eof()
        protocol.transport.write_eof()
        protocol.transport.write(b"too late")
        assert read_all(place, client, len(data) + 1) == data
        # Our side is over; theirs isn't.
        client.setblocking(True)
        client.sendall(b"still")
        place.until(lambda: protocol.received == b"still")

    def test_close_sends_what_waits(self, place):
        client, protocol = place.connect()
        data = fill(place, protocol)
        protocol.transport.close()
        protocol.transport.close()
        assert protocol.transport.is_closing()
        assert not protocol.transport.is_reading()
        client.setblocking(False)
        client.send(b"unheard")
        assert read_all(place, client, len(data) + 1) == data
        place.until(lambda: "lost" in protocol.events)
        assert protocol.received == b""

    def test_abort_doesnt(self, place):
        client, protocol = place.connect()
        data = fill(place, protocol)
        protocol.transport.abort()
        protocol.transport.abort()
        assert "lost" not in protocol.events  # soon, and not within the call
        place.until(lambda: "lost" in protocol.events)
        received = b""
        try:
            while piece := client.recv(1 << 20):
                received += piece
        except ConnectionResetError:
            pass
        assert len(received) < len(data)
        protocol.transport.write(b"nothing happens")
        protocol.transport.close()

    def test_close_and_abort_within_the_protocols_calls(self, place):
        for end in ("close", "abort"):
            client, protocol = place.connect()
            protocol.on_data = lambda _, end=end, it=protocol: getattr(it.transport, end)()
            client.sendall(b"x")
            place.until(lambda it=protocol: "lost" in it.events)

            class Short(Recorder):
                def connection_made(self, transport, end=end):
                    super().connection_made(transport)
                    getattr(transport, end)()

            place.make = Short
            client, protocol = place.connect()
            place.until(lambda it=protocol: "lost" in it.events)
            place.make = Recorder

    def test_an_error_while_writing(self, place):
        client, protocol = place.connect()
        protocol.transport.pause_reading()
        fill(place, protocol)
        client.close()
        place.until(lambda: protocol.events[-1].startswith("lost"))
        assert protocol.transport.get_write_buffer_size() == 0
        assert protocol.transport.is_closing()

    def test_the_marks(self, place):
        _, protocol = place.connect()
        transport = protocol.transport
        assert transport.get_write_buffer_limits() == (16384, 65536)
        transport.set_write_buffer_limits(high=100)
        assert transport.get_write_buffer_limits() == (25, 100)
        transport.set_write_buffer_limits(low=100)
        assert transport.get_write_buffer_limits() == (100, 400)
        transport.set_write_buffer_limits()
        assert transport.get_write_buffer_limits() == (16384, 65536)
        with pytest.raises(ValueError, match="high"):
            transport.set_write_buffer_limits(high=1, low=2)


class TestFiles:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "file"
        path.write_bytes(os.urandom(3 << 20))
        with open(path, "rb") as opened:
            yield opened

    def test_it_follows_what_was_written(self, place, file):
        client, protocol = place.connect()
        data = fill(place, protocol)
        waiting = protocol.transport.get_write_buffer_size()
        sending = place.loop.create_task(protocol.transport.send_file(file, 5, 2 << 20))
        place.turn()
        # While nothing moves, the protocol sees what is left.
        assert protocol.transport.get_write_buffer_size() == waiting + (2 << 20)
        file.seek(5)
        expected = data + file.read(2 << 20)
        assert read_all(place, client, len(expected)) == expected
        place.until(sending.done)
        assert sending.result() == 2 << 20
        assert protocol.events[-1] == "resume"
        assert protocol.transport.get_write_buffer_size() == 0

    def test_a_file_that_is_too_short(self, place, file):
        client, protocol = place.connect()
        sending = place.loop.create_task(protocol.transport.send_file(file, 2 << 20, 2 << 20))
        read_all(place, client, 1 << 20)
        place.until(sending.done)
        assert sending.result() == 1 << 20

    def test_a_client_that_leaves(self, place, file):
        client, protocol = place.connect()
        sending = place.loop.create_task(protocol.transport.send_file(file, 0, 3 << 20))
        place.turn()
        left = protocol.transport.get_write_buffer_size()
        client.close()
        place.until(sending.done)
        if left:
            assert isinstance(sending.exception(), ConnectionError)
        place.until(lambda: protocol.events[-1].startswith("lost"))


class TestExtra:
    def test_what_is_known(self, place):
        client, protocol = place.connect()
        info = protocol.transport.get_extra_info
        assert info("sockname") == place.address
        if place.listening.family == socket.AF_INET:
            assert info("peername") == client.getsockname()
        else:
            assert info("peername") == ""
        assert info("socket").fileno() == protocol.transport.fd
        assert info("sslcontext") is None
        assert info("no such", 5) == 5
        protocol.transport.abort()
        place.turn()
        assert info("socket") is None

    def test_another_protocol(self, place):
        client, protocol = place.connect()
        other = Recorder()
        transport = protocol.transport
        transport.set_protocol(other)
        assert transport.get_protocol() is other
        client.sendall(b"now yours")
        place.until(lambda: other.received == b"now yours")
        client.close()
        place.until(lambda: "lost" in other.events)
        protocol.events.append("lost")  # the fixture looks at those it made
        assert protocol.received == b""

    def test_wildcard_listeners_know_the_address_of_each_connection(self, loop):
        place = Place(loop, socket.AF_INET, ("0.0.0.0", 0))
        place.address = ("127.0.0.1", place.address[1])
        _, protocol = place.connect()
        assert protocol.transport.get_extra_info("sockname") == place.address
        place.close()


class TestAccepting:
    def test_a_pause(self, place):
        place.listener.pause()
        place.listener.pause()
        place.dial()
        place.turn()
        assert place.protocols == []
        place.listener.resume()
        place.until(lambda: len(place.protocols) == 1)

    @pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
    def test_exhaustion_is_waited_out(self, place, monkeypatch, caplog, number):
        calls = []

        def accept(sock):
            calls.append(sock)
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            try:
                patch.setattr(hub_module, "accept", accept)
                patch.setattr(hub_module, "_RETRY_ACCEPT", 0.2)
            except AttributeError:
                pytest.skip("compiled: tests/attacks has it with a real server")
            place.dial()
            place.turn()
            place.turn()
        if not calls:
            pytest.skip("compiled: tests/attacks has it with a real server")
        assert len(calls) == 1  # and not at each turn
        assert os.strerror(number) in caplog.text
        place.until(lambda: len(place.protocols) == 1)

    def test_a_listener_that_is_gone(self, place):
        place.hub.unlisten(place.listener)
        place.listener.resume()
        place.dial()
        place.turn()
        assert place.protocols == []

    def test_many_at_once(self, place):
        for number in range(90):
            place.dial().sendall(b"%d" % number)
        place.until(lambda: len(place.protocols) == 90)
        place.until(lambda: all(protocol.received for protocol in place.protocols))
        received = sorted(int(protocol.received) for protocol in place.protocols)
        assert received == list(range(90))

    def test_a_descriptor_that_is_used_again_within_one_batch(self, place):
        """Events of a closed connection must not reach the new one with its number."""
        _, first = place.connect()
        second_client, second = place.connect()
        number = second.transport.fd
        place.listener.pause()
        client = place.dial()

        def swap(data):
            second.transport.abort()
            place.listener.resume()
            place.listener.on_events(sysio.READABLE)

        first.on_data = swap
        place.clients[0].sendall(b"go")
        second_client.sendall(b"for the second")
        place.until(lambda: len(place.protocols) == 3)
        new = place.protocols[2]
        assert new.transport.fd == number
        client.sendall(b"for the new")
        place.until(lambda: new.received == b"for the new")
        assert new.events == ["made"]
        place.until(lambda: "lost" in second.events)
