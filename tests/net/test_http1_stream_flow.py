"""What waits to be sent is bounded: `send()` waits, and small pieces leave together."""

import pytest

from tests.net.rig import GET

KIB_64 = 65536


def in_pieces(count, size):
    """An app that sends so many pieces of so many bytes."""

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(count):
            await send({"type": "http.response.body", "body": b"x" * size, "more_body": True})
        await send({"type": "http.response.body"})

    return app


class TestLostClient:
    @pytest.mark.parametrize("size", [10, 70_000])
    def test_an_app_that_only_sends_waits_to_be_told(self, rig, size):
        """Of the end it is told when the loop turns, which it mustn't keep from turning."""
        sent = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            made.transport.abort()
            while len(sent) < 50_000:
                await send({"type": "http.response.body", "body": b"x" * size, "more_body": True})
                sent.append(size)

        made = rig(app)
        made.receive(GET)
        assert 0 < len(sent) < 10_000
        assert not made.service.tasks
        assert not made.service.connections


class TestWriting:
    def test_send_waits_while_the_client_doesnt_read(self, rig):
        sent = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for number in range(100):
                await send({"type": "http.response.body", "body": b"x" * 30_000, "more_body": True})
                sent.append(number)
            await send({"type": "http.response.body"})

        made = rig(app)
        made.transport.slow = True
        made.receive(GET)
        first = len(sent)
        assert first * 30_000 < 3 * KIB_64
        made.turn()
        assert len(sent) == first
        made.resume()
        assert first < len(sent) < 100
        made.transport.slow = False
        made.resume()
        assert len(made.answers()[0].body) == 3_000_000

    def test_small_pieces_of_one_step_leave_together(self, rig):
        made = rig(in_pieces(50, 100))
        made.receive(GET)
        assert len(made.answers()[0].body) == 5000
        assert len(made.transport.writes) == 1

    def test_no_more_than_64_kib_of_them(self, rig):
        made = rig(in_pieces(100, 10_000))
        made.receive(GET)
        assert len(made.answers()[0].body) == 1_000_000
        assert max(map(len, made.transport.writes)) < KIB_64 + 2 * 10_000

    def test_a_piece_leaves_though_the_app_waits_for_something_else(self, rig):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"event", "more_body": True})
            await forever

        made = rig(app)
        forever = made.loop.create_future()
        made.receive(GET)
        assert made.transport.written.endswith(b"5\r\nevent\r\n")
        made.call(forever.cancel)

    @pytest.mark.parametrize("waiters", [1, 5])
    def test_all_who_wait_go_on(self, rig, waiters):
        ended = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"x" * 70_000, "more_body": True})
            ended.append(scope)

        made = rig(app)
        rest = [made.connect() for _ in range(waiters)]
        for transport, connection in rest:
            transport.slow = True
            made.call(connection.data_received, GET)
        assert not ended
        for transport, connection in rest:
            transport.waiting = 0
            made.call(connection.resume_writing)
        assert len(ended) == waiters
