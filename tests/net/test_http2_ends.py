"""How HTTP/2 connections and streams end: by their client, a limit, or the server."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.net.h2_rig import Client, Http2Rig
from tests.net.rig import Held, answer, echo, hello
from tricorn.wire.h2 import Http2Limits

Make = Callable[..., Http2Rig]


class TestEnds:
    def test_a_reset_is_a_disconnect(self, h2_rig: Make) -> None:
        got = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            got.append(await receive())
            got.append(await receive())

        rig = h2_rig(app)
        stream = rig.begin()
        rig.exchange()
        rig.client.engine.reset_stream(stream, 8)
        rig.exchange()
        assert [message["type"] for message in got] == ["http.request", "http.disconnect"]
        assert not rig.service.tasks

    def test_a_lost_connection_is_one_for_all(self, h2_rig: Make) -> None:
        gone = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal gone
            while (await receive())["type"] != "http.disconnect":
                pass
            gone += 1

        rig = h2_rig(app)
        for _ in range(3):
            rig.begin()
        rig.exchange()
        rig.call(rig.transport.lose)
        assert gone == 3
        assert not rig.service.connections

    def test_the_end_of_the_client_is_one_too(self, h2_rig: Make) -> None:
        held = Held()
        rig = h2_rig(held)
        rig.begin()
        rig.exchange()
        exchange = rig.connection.streams[1].exchange
        assert not rig.end_of_client()
        assert exchange.gone
        assert not rig.service.connections
        held.release(rig)

    def test_idle(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        rig.later(31)
        rig.exchange()
        assert rig.client.goaways == [(0, 0)]
        assert not rig.open or rig.transport.ended

    def test_keep_alive(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        rig.ask()
        rig.later(4)
        assert rig.ask().status == 200
        rig.later(6)
        rig.exchange()
        assert rig.client.goaways == [(3, 0)]
        assert rig.transport.ended

    def test_drain_lets_streams_end(self, h2_rig: Make) -> None:
        held = Held()
        rig = h2_rig(held)
        first = rig.begin()
        rig.exchange()
        rig.service.draining = True
        rig.call(rig.connection.shutdown)
        rig.exchange()
        assert rig.client.goaways == [(2**31 - 1, 0), (1, 0)]
        assert rig.open
        held.release(rig)
        rig.exchange()
        assert rig.client.replies[first].body == b"hello"
        assert rig.transport.ended

    def test_drain_of_an_idle_connection(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        rig.ask()
        rig.call(rig.connection.shutdown)
        rig.exchange()
        assert rig.client.goaways == [(2**31 - 1, 0)]
        rig.later(1)
        assert rig.transport.ended

    def test_a_head_that_does_not_end(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        rig.begin("GET", "/", (b"a", b"b" * 5000))
        data = rig.client.engine.data_to_send()
        rig.receive(data[:100])
        for byte in range(100, 160):
            rig.receive(data[byte : byte + 1])
            rig.later(0.5)
        assert rig.transport.ended
        rig.client.take(rig.transport.written[rig.seen :])
        assert rig.client.goaways[-1][1] == 11

    def test_content_that_trickles(self, h2_rig: Make) -> None:
        rig = h2_rig(echo)
        stream = rig.begin("POST", "/", body=b"x", ended=False)
        rig.exchange()
        rig.later(21)
        rig.exchange()
        assert rig.client.replies[stream].status == 408

    def test_a_window_that_stays_shut(self, h2_rig: Make) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            await answer(send, bytes(100_000))

        client = Client(auto=False)
        rig = h2_rig(app, client=client)
        stream = rig.begin()
        rig.exchange()
        rig.later(62)
        rig.exchange()
        assert client.replies[stream].reset == 8
        assert not rig.connection.streams


class TestFaults:
    """Connection errors of RFC 9113 that other engines let go."""

    @pytest.mark.parametrize("step", [1, 1000])
    def test_priority_of_stream_0(self, h2_rig: Make, step: int) -> None:
        rig = h2_rig(hello)
        data = b"\0\0\x05\x02\0\0\0\0\0" + bytes(5)
        for start in range(0, len(data), step):
            rig.receive(data[start : start + step])
        rig.exchange()
        assert rig.client.goaways[-1][1] == 1

    def test_a_stream_that_was_passed_over(self, h2_rig: Make) -> None:
        rig = h2_rig(hello)
        head = b"\x82\x84\x86\x41\x01a"  # GET, /, http, :authority a
        for stream_id in (5, 7, 3):
            frame = len(head).to_bytes(3, "big") + b"\x01\x05" + stream_id.to_bytes(4, "big")
            rig.receive(frame + head)
        assert b"\0\0\0\x07\0\0\0\x01" in rig.transport.written
        assert rig.transport.ended


class TestFloods:
    def test_resets(self, h2_rig: Make) -> None:
        held = Held()
        rig = h2_rig(held, http2_limits=Http2Limits(resets=20))
        while not rig.client.goaways:
            stream = rig.begin()
            rig.exchange()
            rig.client.engine.reset_stream(stream, 8)
            rig.exchange()
        assert rig.client.goaways[-1][1] == 11
        assert len(held.calls) <= 21
        held.release(rig)

    def test_pings(self, h2_rig: Make) -> None:
        rig = h2_rig(hello, http2_limits=Http2Limits(controls=50))
        while not rig.client.goaways:
            rig.client.engine.ping()
            rig.exchange()
        assert rig.client.goaways[-1][1] == 11
