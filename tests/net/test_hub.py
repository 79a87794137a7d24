"""Transports of the hub keep asyncio's promises, over real sockets."""

import asyncio
import contextlib
import socket
import time

import pytest

from tests.net.hub_rig import Place, Recorder, fill
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

    def test_wildcard_listeners_know_the_address_of_each_connection(self, every_loop):
        place = Place(every_loop, socket.AF_INET, ("0.0.0.0", 0))
        place.address = ("127.0.0.1", place.address[1])
        _, protocol = place.connect()
        assert protocol.transport.get_extra_info("sockname") == place.address
        place.close()
