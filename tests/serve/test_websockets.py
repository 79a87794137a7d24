"""WebSockets of a real server: how they end with it, and what its options do to them."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.net.ws_rig import BINARY, CLOSE, TEXT, handshake, read_frame, text
from tests.net.ws_rig import close as close_frame
from tests.support.closing import all_closed
from tests.support.raw import RawClient
from tests.support.server import Server, serve
from tests.support.wait import wait_for
from tests.wire.ws_peer import sent

APP = "talker:app"


class Talker:
    """A client with an open WebSocket."""

    def __init__(self, client: RawClient, *lines: bytes, target: bytes = b"/") -> None:
        self.client = client
        client.send(handshake(*lines, target=target))
        answer = client.read_response()
        assert answer.status == 101, answer

    def read(self) -> tuple[int, bytes]:
        """The next frame."""
        end = time.monotonic() + self.client.deadline
        while True:
            try:
                opcode, payload, self.client.buffer = read_frame(self.client.buffer)
            except (IndexError, AssertionError):
                if not self.client._receive(end):
                    raise ConnectionError(f"closed within {self.client.buffer!r}") from None
            else:
                return opcode, payload

    def closes(self) -> int:
        """Answer the server's close, and see it hang up; the code."""
        opcode, payload = self.read()
        assert opcode == CLOSE
        code = int.from_bytes(payload[:2], "big")
        self.client.send(close_frame(code))
        assert self.client.read_until_closed() == b""
        return code


@contextmanager
def talkers(server: Server, count: int, target: bytes = b"/") -> Iterator[list[Talker]]:
    with all_closed(server.connect() for _ in range(count)) as clients:
        yield [Talker(client, target=target) for client in clients]


class TestStopping:
    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
    @pytest.mark.parametrize("transport", ["hub", "loop"])
    def test_all_are_closed_with_1012(self, signum: int, transport: str) -> None:
        env = {"TRICORN_TRANSPORT": "loop"} if transport == "loop" else None
        with serve(APP, env=env) as server, talkers(server, 30) as all_of_them:
            all_of_them[0].client.send(text("hi"))
            assert all_of_them[0].read() == (TEXT, b"hi")
            server.process.send_signal(signum)
            assert [talker.closes() for talker in all_of_them] == [1012] * 30
            assert server.wait() == 0
            assert server.stdout().count("disconnect 1012\n") == 30
            assert "[closed 1012, " in server.output()

    def test_a_second_interrupt_waits_for_nobody(self) -> None:
        with serve(APP) as server, talkers(server, 2) as two:
            server.process.send_signal(signal.SIGINT)
            # Both are told, and neither answers.
            for talker in two:
                assert talker.read() == (CLOSE, (1012).to_bytes(2, "big"))
            server.wait_output("Waiting for connections to close")
            assert server.process.poll() is None
            assert server.stop(signal.SIGINT) == 0

    def test_the_grace_period_ends_what_does_not(self) -> None:
        options = ("--timeout-graceful-shutdown", "1")
        with serve(APP, *options) as server, talkers(server, 1, b"/deaf") as (deaf,):
            server.process.send_signal(signal.SIGTERM)
            assert deaf.read() == (CLOSE, (1012).to_bytes(2, "big"))
            assert server.wait() == 0
            assert "Cancel 1 running task(s)" in server.output()
            assert "cancelled" in server.stdout()

    def test_a_handshake_that_nobody_answers(self) -> None:
        with serve(APP, "--timeout-graceful-shutdown", "1") as server:
            with server.connect() as client:
                client.send(handshake(target=b"/stuck"))
                wait_for(lambda: opens(server) == 1)
                server.process.send_signal(signal.SIGTERM)
                assert client.read_response().status == 500
                assert server.wait() == 0


class TestOptions:
    def test_limit_concurrency(self) -> None:
        with serve(APP, "--limit-concurrency", "3", allow_errors=True) as server:
            with talkers(server, 3) as three:
                with server.connect() as fourth:
                    fourth.send(handshake())
                    assert fourth.read_response().status == 503
                three[0].client.send(text("hi"))
                assert three[0].read() == (TEXT, b"hi")

    def test_handshake_timeout(self) -> None:
        options = ("--timeout-ws-handshake", "1", "--timeout-graceful-shutdown", "1")
        with serve(APP, *options) as server, server.connect() as client:
            client.send(handshake(target=b"/stuck"))
            assert client.read_response().status == 503
            server.wait_output("didn't answer a WebSocket handshake within 1 s")

    def test_ping_interval_and_timeout(self) -> None:
        options = ("--ws-ping-interval", "0.5", "--ws-ping-timeout", "0.5")
        with serve(APP, *options) as server, talkers(server, 1) as (talker,):
            assert talker.read()[0] == 9
            assert talker.closes() == 1011
            server.wait_output("disconnect 1011")

    def test_message_size(self) -> None:
        with serve(APP, "--ws-max-size", "10") as server, talkers(server, 1) as (talker,):
            talker.client.send(text("x" * 10))
            assert talker.read() == (TEXT, b"x" * 10)
            talker.client.send(text("x" * 11))
            opcode, payload = talker.read()
            assert (opcode, payload[:2]) == (CLOSE, (1009).to_bytes(2, "big"))

    def test_ws_none(self) -> None:
        with serve(APP, "--ws", "none") as server, server.connect() as client:
            client.send(handshake())
            assert client.read_response().status == 200

    def test_trace(self) -> None:
        with serve(APP, "--log-level", "trace") as server, talkers(server, 1) as (talker,):
            talker.client.send(text("secret"))
            assert talker.read() == (TEXT, b"secret")
            talker.client.send(close_frame(4000, "so"))
            output = server.wait_output("Completed")
            assert "Receive {'type': 'websocket.receive', 'text': '<6 chars>'}" in output
            assert "Send {'type': 'websocket.accept'}" in output
            assert "secret" not in output


class TestLongMessages:
    @pytest.mark.parametrize("transport", ["hub", "loop"])
    def test_come_back_whole_to_a_client_that_reads_late(self, transport: str) -> None:
        # More than a socket takes at once, in each way that a payload can be held.
        plain, other, data = "plain " * 500_000, "óther " * 200_000, bytes(range(256)) * 5000
        env = {"TRICORN_TRANSPORT": "loop"} if transport == "loop" else None
        with serve("sockets:app", env=env) as server, talkers(server, 1) as (talker,):
            talker.client.send(text(plain))
            assert talker.read() == (TEXT, plain.encode())
            talker.client.send(text(other))
            assert talker.read() == (TEXT, other.encode())
            talker.client.send(sent(BINARY, data))
            assert talker.read() == (BINARY, data)

    def test_one_for_all_in_a_room(self) -> None:
        long = "to everyone " * 20_000
        with serve("sockets:app") as server, talkers(server, 3, b"/room") as all_of_them:
            for _ in range(2):
                all_of_them[0].client.send(text(long))
                assert [one.read() for one in all_of_them] == [(TEXT, long.encode())] * 3


class TestInterfaces:
    def test_asgi_2(self) -> None:
        with serve("talker:legacy", "--interface", "asgi2") as server:
            with talkers(server, 1) as (talker,):
                talker.client.send(text("hi"))
                assert talker.read() == (TEXT, b"hi")

    def test_wsgi_gets_a_request(self) -> None:
        with serve("talker:wsgi", "--interface", "wsgi") as server:
            with server.connect() as client:
                client.send(handshake())
                answer = client.read_response()
                assert (answer.status, answer.body) == (200, b"websocket")


def opens(server: Server) -> int:
    """How many WebSockets the app has now."""
    with server.connect() as client:
        return int(client.get("/").body)
