"""One test class for both leaves: `sysio.py`, and its compiled twin where there is one."""

import errno
import os
import resource
import select
import socket
import sys
import threading

import pytest

import tricorn.net.sysio as imported
from tests.support.speeds import versions

LEAVES = versions(imported)


@pytest.fixture(params=LEAVES.values(), ids=LEAVES)
def leaf(request):
    if not request.param.HAS_EPOLL:
        pytest.skip("no epoll here")
    return request.param


@pytest.fixture(params=["tcp", "ipv6", "unix"])
def listening(request, tmp_path):
    family, address = {
        "tcp": (socket.AF_INET, ("127.0.0.1", 0)),
        "ipv6": (socket.AF_INET6, ("::1", 0)),
        "unix": (socket.AF_UNIX, str(tmp_path / "socket")),
    }[request.param]
    with socket.socket(family) as sock:
        sock.bind(address)
        sock.listen(10)
        sock.setblocking(False)
        yield sock


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    one.setblocking(False)
    with one, other:
        yield one, other


class TestLeaf:
    def test_constants(self, leaf):
        assert (leaf.READABLE, leaf.WRITABLE) == (1, 4)
        assert leaf.RECEIVE_SIZE >= 65536
        assert leaf.READY_AT_ONCE >= 64

    @pytest.mark.parametrize("name", ["receive", "receive_much"])
    def test_receive(self, leaf, pair, name):
        receive = getattr(leaf, name)
        one, other = pair
        assert receive(one.fileno()) is None
        other.sendall(b"hello")
        data = receive(one.fileno())
        assert data == b"hello"
        assert type(data) is bytes
        assert receive(one.fileno()) is None
        other.close()
        assert receive(one.fileno()) == b""

    def test_much_is_received_in_order(self, leaf, pair):
        one, other = pair
        sent = os.urandom(150_000)
        thread = threading.Thread(target=other.sendall, args=(sent,))
        thread.start()
        received = b""
        while len(received) < len(sent):
            select.select([one], [], [], 30)
            received += leaf.receive_much(one.fileno())
        thread.join(30)
        assert received == sent

    def test_receive_takes_no_more_than_its_size(self, leaf):
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as client:
                accepted, _ = server.accept()
                with accepted:
                    accepted.setblocking(False)
                    total = 3 * leaf.RECEIVE_SIZE
                    client.setblocking(False)
                    sent = received = 0
                    largest = 0
                    while received < total:
                        if sent < total:
                            try:
                                sent += client.send(bytes(total - sent))
                            except BlockingIOError:
                                pass
                        piece = leaf.receive(accepted.fileno())
                        received += len(piece or b"")
                        largest = max(largest, len(piece or b""))
                    assert largest <= leaf.RECEIVE_SIZE

    def test_receive_of_what_is_broken(self, leaf):
        with pytest.raises(OSError) as caught:
            leaf.receive(987654)
        assert caught.value.errno == errno.EBADF

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_transmit(self, leaf, pair, kind):
        one, other = pair
        assert leaf.transmit(one.fileno(), kind(b"hello")) == 5
        assert other.recv(10) == b"hello"
        assert leaf.transmit(one.fileno(), kind(b"")) == 0

    def test_transmit_in_part_and_not_at_all(self, leaf, pair):
        one, _other = pair
        data = bytes(64 << 20)
        sent = leaf.transmit(one.fileno(), data)
        assert 0 < sent < len(data)
        while leaf.transmit(one.fileno(), memoryview(data)[sent:]):
            pass
        assert leaf.transmit(one.fileno(), b"x") == 0

    def test_transmit_to_nobody(self, leaf, pair):
        one, other = pair
        other.close()
        with pytest.raises(BrokenPipeError):
            leaf.transmit(one.fileno(), b"x")

    def test_pieces_leave_as_one(self, leaf, pair):
        one, other = pair
        pieces = [b"he", memoryview(b"l"), b"", b"lo"]
        assert leaf.transmit_pieces(one.fileno(), pieces) == 5
        assert other.recv(10) == b"hello"
        many = [b"%d" % (index % 10) for index in range(leaf.PIECES_AT_ONCE + 5)]
        assert leaf.transmit_pieces(one.fileno(), many) == leaf.PIECES_AT_ONCE
        assert other.recv(100) == b"".join(many[: leaf.PIECES_AT_ONCE])

    def test_pieces_in_part_and_not_at_all(self, leaf, pair):
        one, _other = pair
        data = bytes(32 << 20)
        assert 0 < leaf.transmit_pieces(one.fileno(), [data, data]) < 2 * len(data)
        while leaf.transmit(one.fileno(), data):
            pass
        assert leaf.transmit_pieces(one.fileno(), [b"x", b"y"]) == 0

    def test_pieces_to_nobody(self, leaf, pair):
        one, other = pair
        other.close()
        with pytest.raises(BrokenPipeError):
            leaf.transmit_pieces(one.fileno(), [b"x", b"y"])
        with pytest.raises(TypeError):
            leaf.transmit_pieces(one.fileno(), [b"x", "text"])

    def test_accept(self, leaf, listening):
        assert leaf.accept(listening) is None
        with socket.socket(listening.family) as client:
            client.connect(listening.getsockname())
            fd, peer = leaf.accept(listening)
            try:
                assert peer == client.getsockname()
                assert not os.get_blocking(fd)
                assert not os.get_inheritable(fd)
                client.sendall(b"x")
                assert leaf.receive(fd) == b"x"
            finally:
                leaf.close(fd)
            assert client.recv(1) == b""
        assert leaf.accept(listening) is None

    def test_accept_of_one_that_has_left(self, leaf, listening):
        client = socket.socket(listening.family)
        client.connect(listening.getsockname())
        if listening.family != socket.AF_UNIX:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        accepted = leaf.accept(listening)
        if accepted is not None:
            leaf.close(accepted[0])

    def test_accept_where_nobody_listens(self, leaf):
        with socket.socket() as sock:
            sock.setblocking(False)
            with pytest.raises(OSError) as caught:
                leaf.accept(sock)
            assert caught.value.errno == errno.EINVAL

    def test_close(self, leaf):
        read, write = os.pipe()
        leaf.close(write)
        assert os.read(read, 1) == b""
        leaf.close(read)
        with pytest.raises(OSError) as caught:
            leaf.close(read)
        assert caught.value.errno == errno.EBADF


class TestPoller:
    @pytest.fixture
    def poller(self, leaf):
        made = leaf.Poller()
        yield made
        made.close()

    def events(self, poller):
        return {poller.fd_at(index): poller.events_at(index) for index in range(poller.wait())}

    def test_it_has_a_descriptor_of_its_own(self, poller):
        os.fstat(poller.fileno())
        assert not os.get_inheritable(poller.fileno())

    def test_events_come_and_go(self, leaf, poller, pair):
        one, other = pair
        poller.add(one.fileno(), leaf.READABLE)
        assert self.events(poller) == {}
        other.sendall(b"x")
        assert self.events(poller) == {one.fileno(): leaf.READABLE}
        assert self.events(poller) == {one.fileno(): leaf.READABLE}  # until it is read
        poller.modify(one.fileno(), leaf.READABLE | leaf.WRITABLE)
        assert self.events(poller) == {one.fileno(): leaf.READABLE | leaf.WRITABLE}
        poller.modify(one.fileno(), 0)
        assert self.events(poller) == {}
        poller.remove(one.fileno())
        poller.add(one.fileno(), leaf.WRITABLE)
        assert self.events(poller) == {one.fileno(): leaf.WRITABLE}

    def test_a_hang_up_needs_no_asking(self, leaf, poller, pair):
        one, other = pair
        poller.add(one.fileno(), 0)
        other.close()
        assert self.events(poller)[one.fileno()] & ~(leaf.READABLE | leaf.WRITABLE)

    def test_a_closed_descriptor_leaves_the_set(self, leaf, poller, pair):
        one, _other = pair
        poller.add(one.fileno(), leaf.WRITABLE)
        one.close()
        assert self.events(poller) == {}

    def test_no_more_than_fit(self, leaf, poller):
        pairs = [socket.socketpair() for _ in range(leaf.READY_AT_ONCE // 2 + 5)]
        try:
            for one, other in pairs:
                poller.add(one.fileno(), leaf.WRITABLE)
                poller.add(other.fileno(), leaf.WRITABLE)
            seen = set()
            for _ in range(3):
                found = self.events(poller)
                assert len(found) <= leaf.READY_AT_ONCE
                seen |= set(found)
            # Who didn't fit is first the next time.
            assert len(seen) == 2 * len(pairs)
        finally:
            for one, other in pairs:
                one.close()
                other.close()

    def test_errors(self, leaf, poller, pair):
        one, _ = pair
        poller.add(one.fileno(), leaf.READABLE)
        with pytest.raises(FileExistsError):
            poller.add(one.fileno(), leaf.READABLE)
        poller.remove(one.fileno())
        with pytest.raises(FileNotFoundError):
            poller.modify(one.fileno(), leaf.READABLE)
        with pytest.raises(OSError, match="descriptor"):
            poller.add(987654, leaf.READABLE)

    def test_close_twice(self, poller):
        poller.close()
        poller.close()


class TestTimer:
    @pytest.fixture
    def every(self, leaf):
        if not leaf.HAS_TIMER:
            pytest.skip("no timers that are descriptors here")
        made = []

        def make(seconds):
            made.append(leaf.timer(seconds))
            return made[-1]

        yield make
        for fd in made:
            os.close(fd)

    def test_it_is_ready_again_and_again(self, every):
        fd = every(0.01)
        for _ in range(3):
            assert select.select([fd], [], [], 30)[0] == [fd]
            assert int.from_bytes(os.read(fd, 8), sys.byteorder) >= 1

    @pytest.mark.parametrize("seconds", [3600, 3600.25])
    def test_it_waits_for_its_time(self, every, seconds):
        fd = every(seconds)
        assert select.select([fd], [], [], 0)[0] == []
        with pytest.raises(BlockingIOError):
            os.read(fd, 8)

    def test_other_programs_do_not_get_it(self, every):
        assert not os.get_inheritable(every(3600))

    def test_no_more_descriptors(self, leaf, every):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        try:
            with pytest.raises(OSError) as raised:
                leaf.timer(1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert raised.value.errno == errno.EMFILE
