"""Clients of HTTP/2 that read slowly, and the apps that wait for them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from ngh2 import Setting

from tests.net.h2_rig import Client, Http2Rig

Make = Callable[..., Http2Rig]


class TestLostClients:
    @pytest.mark.parametrize("size", [10, 70_000])
    def test_an_app_that_only_sends_waits_to_be_told(self, h2_rig: Make, size: int) -> None:
        """Of the end it is told when the loop turns, which it mustn't keep from turning."""
        sent = []

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await asyncio.sleep(0)
            rig.transport.abort()
            while len(sent) < 50_000:
                await send({"type": "http.response.body", "body": bytes(size), "more_body": True})
                sent.append(size)

        # Windows as large as can be: the client is in nobody's way.
        rig = h2_rig(app, client=Client(settings={Setting.INITIAL_WINDOW_SIZE: (1 << 31) - 1}))
        rig.client.engine.set_local_window_size((1 << 31) - 1)
        rig.begin()
        rig.exchange()
        assert 0 < len(sent) < 20_000
        assert not rig.service.tasks
        assert not rig.service.connections


class TestSlowReaders:
    def test_a_slow_reader_holds_the_app(self, h2_rig: Make) -> None:
        sent = 0

        async def app(scope: Any, receive: Any, send: Any) -> None:
            nonlocal sent
            await send({"type": "http.response.start", "status": 200})
            for _ in range(100):
                await send({"type": "http.response.body", "body": bytes(10000), "more_body": True})
                sent += 1
            await send({"type": "http.response.body"})

        client = Client(auto=False)
        rig = h2_rig(app, client=client)
        stream = rig.begin()
        rig.exchange()
        assert len(client.replies[stream].body) == 65535
        assert 10 < sent < 20
        while not client.replies[stream].ended:
            before = len(client.replies[stream].body)
            client.engine.acknowledge_received_data(65535, stream)
            rig.exchange()
            assert len(client.replies[stream].body) > before
        assert sent == 100

    def test_many_slow_readers_hold_their_apps_and_nobody_elses(self, h2_rig: Make) -> None:
        size, count = 10_000, 200

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            for _ in range(count):
                await send({"type": "http.response.body", "body": bytes(size), "more_body": True})
            await send({"type": "http.response.body"})

        client = Client(settings={Setting.INITIAL_WINDOW_SIZE: 0})
        rig = h2_rig(app, client=client)
        wire = rig.protocol.wire
        shut = [rig.begin() for _ in range(99)]
        rig.exchange()
        # Each has something waiting, and what waits of all isn't 64 KB each.
        assert all(wire.unsent(stream) >= size for stream in shut)
        most = (1 << 20) + 100 * size
        assert 1 << 20 <= wire.waiting <= most
        another = rig.begin()
        rig.exchange()
        for stream in (another, shut[0], shut[50]):
            client.engine.set_local_window_size(65535, stream_id=stream)
            rig.exchange()
            reply = client.replies[stream]
            assert (len(reply.body), reply.ended, reply.reset) == (count * size, True, None)
            assert wire.waiting <= most
