"""Accepting connections by the hub."""

import errno
import os

import pytest

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
