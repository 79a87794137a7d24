"""A hub's connection keeps the promises of asyncio's transports, over real sockets."""

import asyncio
import os
import socket
import time

import pytest

from tests.net.hub_rig import Recorder, fill, read_all
from tricorn.net import sysio

pytestmark = pytest.mark.skipif(not sysio.HAS_EPOLL, reason="the hub needs epoll")


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


class TestEnds:
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
