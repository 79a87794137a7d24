"""What a connection has written and the system hasn't taken, over real sockets."""

import os

import pytest

from tests.net.hub_rig import fill, read_all
from tricorn.net import sysio

pytestmark = pytest.mark.skipif(not sysio.HAS_EPOLL, reason="the hub needs epoll")


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
