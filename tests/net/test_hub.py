"""The hub accepts, and serves what is ready, whatever one of its connections does."""

import contextlib
import errno
import os
import select
import socket
import time

import pytest

from tests.net.hub_rig import Place, Recorder
from tricorn.net import accept_error, sysio
from tricorn.net import hub as hub_module

pytestmark = pytest.mark.skipif(not sysio.HAS_EPOLL, reason="the hub needs epoll")


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
                patch.setattr(accept_error, "_RETRY", 0.2)
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

    def test_wildcard_listeners_know_the_address_of_each_connection(self, every_loop):
        place = Place(every_loop, socket.AF_INET, ("0.0.0.0", 0))
        place.address = ("127.0.0.1", place.address[1])
        _, protocol = place.connect()
        assert protocol.transport.get_extra_info("sockname") == place.address
        place.close()


class TestErrors:
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


class TestSending:
    """Answers of one batch wait for each other, and not for slow apps."""

    @pytest.fixture
    def answered(self, place):
        """How many answers had arrived when the hub came to each of three connections."""
        clients = [place.connect() for _ in range(3)]
        found = []

        def answer(protocol, seconds):
            found.append(len(select.select([client for client, _ in clients], [], [], 0)[0]))
            protocol.transport.write(b"answer")
            time.sleep(seconds)

        def ask(seconds):
            for client, protocol in clients:
                protocol.on_data = lambda _, protocol=protocol: answer(protocol, seconds)
                client.sendall(b"request")
            place.until(lambda: len(found) == 3)
            assert [client.recv(100) for client, _ in clients] == [b"answer"] * 3
            return found

        return ask

    def test_an_app_that_takes_its_time_does_not_hold_up_others_answers(self, answered):
        assert answered(seconds=0.05) == [0, 1, 2]

    def test_answers_of_quick_apps_leave_together(self, place, answered):
        place.hub.send_within = 3600
        assert answered(seconds=0) == [0, 0, 0]
