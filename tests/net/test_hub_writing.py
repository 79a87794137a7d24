"""Writing by the hub's transports: backpressure, ends, files."""

import os

import pytest

from tests.net.hub_rig import Recorder, fill, read_all
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
