"""WebSockets from clients that mean harm: bounded memory, a close code, and others are served."""

import threading
import time

import pytest

from tests.attacks.attacked import HERE, Victim, one_transport
from tests.attacks.hostile_socket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    DEFLATE,
    HANDSHAKE,
    NO_KEY,
    PING,
    PONG,
    TEXT,
    Socket,
    frame,
    zeros,
)
from tests.support.closing import all_closed
from tests.support.wait import wait_for
from tests.wire.ws_peer import head

MIB = 1 << 20
POLICY, TOO_BIG, PROTOCOL_ERROR, INTERNAL_ERROR = 1008, 1009, 1002, 1011


def attack(made: Victim, target: str, *lines: str) -> Socket:
    return Socket(made.connect(), target, *lines)


def is_served(made: Victim) -> None:
    """Somebody else still gets a message back."""
    with attack(made, "/echo") as other:
        other.send(frame(TEXT, b"ahoy"))
        assert other.read() == (TEXT, True, b"ahoy")


@pytest.fixture
def bounded():
    """Fails where a server's memory peaks too high above what it was."""
    watched = []

    def watch(made: Victim, most: int) -> None:
        is_served(made)  # what is only loaded at the first use is there
        watched.append((made, made.forget_peak(), most))

    yield watch
    for made, before, most in watched:
        is_served(made)
        growth = made.peak() - before
        assert growth < most, f"{growth / MIB:.1f} MiB more at the peak"


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_endless_fragments(victim, bounded, piece):
    made = victim()
    bounded(made, 24 * MIB)
    with attack(made, "/sink") as socket:
        socket.send(frame(TEXT, piece, final=False))
        sender = threading.Thread(
            target=socket.flood, args=(frame(CONTINUATION, piece, final=False) * 10_000, 200)
        )
        sender.start()
        is_served(made)
        assert socket.read_close() == POLICY
        sender.join()


def test_fragments_of_many_clients(victim, bounded):
    """Each below the limit: what a fragment costs beyond its bytes counts."""
    made = victim("--limit-ws-fragments", "10000")
    bounded(made, 32 * MIB)
    with all_closed(attack(made, "/sink") for _ in range(20)) as sockets:
        for socket in sockets:
            socket.send(frame(BINARY, b"x", final=False))
            socket.send(frame(CONTINUATION, b"x", final=False) * 9_990)
        is_served(made)
        for socket in sockets:
            socket.send(frame(CONTINUATION, b"x") + frame(TEXT, b"count"))
            assert socket.read().payload == b"1"


def test_empty_messages(victim, bounded):
    made = victim("--ws-ping-interval", "none")
    bounded(made, 8 * MIB)
    with attack(made, "/sink") as socket:
        socket.client.deadline = 60
        assert socket.flood(frame(TEXT) * 10_000, 30) == 300_000 * len(frame(TEXT))
        socket.send(frame(TEXT, b"count"))
        assert socket.read().payload == b"300000"


@pytest.mark.parametrize("messages", [b"", b"x" * 65000], ids=["empty", "large"])
def test_an_app_that_does_not_receive(victim, bounded, messages):
    made = victim()
    bounded(made, 8 * MIB)
    with attack(made, "/deaf") as socket:
        # The system's buffers take some, too.
        assert socket.stuff(frame(BINARY, messages) * 10, 64 * MIB) < 16 * MIB
        is_served(made)


@pytest.mark.parametrize("size", [MIB, 64 * MIB], ids=["beyond-the-limit", "far-beyond"])
def test_a_bomb(victim, bounded, size):
    made = victim("--ws-max-size", "65536")
    bounded(made, 8 * MIB)
    bomb = zeros(size)
    for _ in range(3):
        with attack(made, "/echo", DEFLATE) as socket:
            socket.flood(frame(BINARY, bomb, rsv=4), 1)
            assert socket.read_close() == TOO_BIG


def test_a_bomb_in_fragments(victim, bounded):
    made = victim("--ws-max-size", str(MIB))
    bounded(made, 16 * MIB)
    bomb = zeros(64 * MIB)
    with attack(made, "/echo", DEFLATE) as socket:
        pieces = [bomb[at : at + 100] for at in range(0, len(bomb), 100)]
        data = frame(BINARY, pieces[0], final=False, rsv=4)
        data += b"".join(frame(CONTINUATION, piece, final=False) for piece in pieces[1:])
        socket.flood(data, 1)
        assert socket.read_close() == TOO_BIG


def test_bombs_below_the_limit_for_an_app_that_does_not_receive(victim, bounded):
    """What waits is bounded in bytes, and each is counted as it is after inflating."""
    made = victim()
    bounded(made, 48 * MIB)
    bomb = frame(BINARY, zeros(8 * MIB), rsv=4)
    with attack(made, "/deaf", DEFLATE) as socket:
        socket.stuff(bomb * 100, 2 * MIB)
        is_served(made)


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_a_flood_of_control_frames(victim, bounded, opcode):
    """The client reads nothing while it sends."""
    made = victim()
    bounded(made, 8 * MIB)
    with attack(made, "/echo") as socket:
        socket.flood(frame(opcode, b"x" * 125) * 1000, 100)
        is_served(made)
        try:
            assert socket.read_close() == POLICY
        except ConnectionResetError:
            pytest.fail("the close code was lost")


def test_control_frames_within_a_message(victim, bounded):
    made = victim()
    bounded(made, 8 * MIB)
    with attack(made, "/echo") as socket:
        socket.send(frame(TEXT, b"half", final=False))
        socket.flood(frame(PING) * 1000, 100)
        assert socket.read_close() == POLICY


def test_pings_from_a_client_that_does_not_read(victim, bounded):
    """Below the limit of a second, for which there is none here: answers don't pile up."""
    made = victim("--limit-ws-controls", "100000000")
    bounded(made, 8 * MIB)
    with attack(made, "/echo") as socket:
        socket.stuff(frame(PING, b"x" * 125) * 1000, 16 * MIB)
        is_served(made)


@pytest.mark.parametrize("size", [1 << 24 | 1, 1 << 31, 1 << 32, 1 << 62, (1 << 63) - 1])
def test_a_giant_that_is_announced(victim, bounded, size):
    made = victim()
    bounded(made, 4 * MIB)
    with attack(made, "/echo") as socket:
        socket.send(head(BINARY, size) + NO_KEY + b"some")
        assert socket.read_close() == TOO_BIG


def test_a_length_that_cannot_be(victim):
    made = victim()
    with attack(made, "/echo") as socket:
        socket.send(b"\x82\xff" + b"\xff" * 8 + NO_KEY)
        assert socket.read_close() == PROTOCOL_ERROR


def test_messages_that_never_end(victim, bounded):
    """Many clients announce what is allowed, and send a part of it."""
    made = victim()
    bounded(made, 32 * MIB)
    with all_closed(attack(made, "/echo") for _ in range(100)) as sockets:
        for socket in sockets:
            socket.send(head(BINARY, 16 * MIB) + NO_KEY + bytes(65536))
        is_served(made)


def test_a_reader_that_is_slow(victim, bounded):
    """The app waits in send(), and is told when the server gives the client up."""
    made = victim("--timeout-write", "1")
    bounded(made, 8 * MIB)
    with attack(made, "/pour"):
        wait_for(lambda: int(made.get("/poured")) > 0, what="the app to send")
        wait_for(lambda: int(made.get("/poured")) == -1, what="the app to be told")


def test_readers_that_are_slow(victim, bounded):
    made = victim()
    bounded(made, 24 * MIB)
    with all_closed(attack(made, "/pour") for _ in range(50)):
        before = -1
        while (now := int(made.get("/poured"))) != before:  # until all of them wait
            before = now
            time.sleep(0.2)
        is_served(made)
    wait_for(lambda: int(made.get("/poured")) == -1, what="the app to be told")


@one_transport
@pytest.mark.parametrize("target", ["/echo", "/deaf"])
def test_a_peer_that_is_not_there(victim, target):
    """No byte comes back for a ping."""
    made = victim("--ws-ping-interval", "0.5", "--ws-ping-timeout", "1.5")
    with attack(made, target) as socket:
        assert socket.read().opcode == PING
        assert socket.read().code == INTERNAL_ERROR
    with attack(made, target) as socket:
        for _ in range(5):  # an answer keeps the connection
            found = socket.read()
            assert found.opcode == PING
            socket.send(frame(PONG, found.payload))


@one_transport
def test_a_close_that_is_not_answered(victim):
    pings = ("--ws-ping-interval", "0.5", "--ws-ping-timeout", "0.5")
    made = victim(*pings, module="impatient", cwd=HERE)
    before = made.descriptors()
    with all_closed(attack(made, "/echo") for _ in range(20)):
        # They are gone, though none has answered or left.
        wait_for(lambda: made.descriptors() <= before, what="descriptors to be closed")


def test_a_handshake_that_is_not_finished(victim):
    made = victim("--timeout-head", "1")
    called = made.count()
    with all_closed(made.connect() for _ in range(50)) as clients:
        lines = "\r\n".join(["GET /echo HTTP/1.1", "Host: a", *HANDSHAKE[:3], "Sec-WebSocket-"])
        for client in clients:
            client.send(lines.encode())
        is_served(made)
        for client in clients:
            assert client.read_response().status == 408
    assert made.count() == called + 1


def test_an_app_that_does_not_answer_the_handshake(victim, bounded):
    made = victim("--timeout-ws-handshake", "2")
    bounded(made, 8 * MIB)
    with made.connect() as client:
        client.send(("\r\n".join(["GET /mute HTTP/1.1", "Host: a", *HANDSHAKE, "", ""])).encode())
        # What comes before the answer is held, and not for ever more of it.
        socket = Socket.__new__(Socket)
        socket.client = client
        assert socket.stuff(frame(BINARY, bytes(65000)), 64 * MIB) < 16 * MIB
        assert client.read_response().status == 503


def test_a_close_and_more_behind_it(victim, bounded):
    made = victim()
    bounded(made, 8 * MIB)
    with attack(made, "/sink") as socket:
        close = frame(CLOSE, (4000).to_bytes(2, "big"))
        socket.flood(close + frame(BINARY, bytes(60_000)) * 10, 100)
        try:
            assert socket.read().code == 4000
        except ConnectionResetError:
            pass  # who goes on behind a close may lose the answer


def test_offers_of_extensions_without_end(victim, bounded):
    made = victim()
    bounded(made, 8 * MIB)
    offers = ", ".join(f"permessage-deflate; server_max_window_bits={n % 90}" for n in range(1000))
    cpu = made.cpu()
    with made.connect() as client:
        answer = client.get("/echo", *HANDSHAKE, f"Sec-WebSocket-Extensions: {offers}")
    assert answer.status == 101
    assert made.cpu() - cpu < 1
