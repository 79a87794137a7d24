"""What waits to be read is bounded: reading pauses when the app or its client is slow."""

from tests.net.rig import GET, Held, answer, echo, hello

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
KIB_64 = 65536


def held(made):
    """Bytes that the connection keeps of what it was sent."""
    exchange = made.connection.exchange
    content = 0 if exchange is None else exchange.content_size
    return made.connection.reader.buffered + content


class TestReading:
    def test_it_pauses_when_the_app_doesnt_read(self, rig):
        app = Held(echo)
        made = rig(app)
        made.receive(HEAD)
        sent = 0
        while made.transport.reading:
            made.receive(b"x" * 8192)
            sent += 8192
        assert KIB_64 < sent <= KIB_64 + 2 * 8192
        assert held(made) == sent
        app.release(made)
        assert made.transport.reading
        assert held(made) == 0
        made.receive(b"x" * (1_000_000 - sent))
        assert [len(got.body) for got in made.answers()] == [1_000_000]

    def test_one_large_piece_pauses_too(self, rig):
        app = Held(echo)
        made = rig(app)
        made.receive(HEAD + b"x" * 200_000)
        assert not made.transport.reading
        app.release(made)
        assert made.transport.reading

    def test_it_goes_on_when_the_answer_needs_no_content(self, rig):
        app = Held(hello)
        made = rig(app)
        made.receive(HEAD + b"x" * 200_000)
        app.release(made)
        assert made.transport.reading
        made.receive(b"x" * 800_000 + GET)
        app.release(made)
        assert [got.status for got in made.answers()] == [200, 200]

    def test_it_goes_on_behind_a_refusal(self, rig):
        app = Held(hello)
        made = rig(app)
        chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        made.receive(chunked, b"20000\r\n" + b"x" * 0x20000)
        assert not made.transport.reading
        made.receive(b"no CRLF")  # what had been received before the pause
        assert [got.status for got in made.answers()] == [400]
        assert made.transport.reading

    def test_requests_behind_a_running_one_are_bounded(self, rig):
        calls = []

        async def app(scope, receive, send):
            calls.append(scope)
            if len(calls) == 1:
                await gate
            await answer(send, b"")

        made = rig(app)
        gate = made.loop.create_future()
        made.receive(GET)
        while made.transport.reading:
            made.receive(GET * 100)
        assert KIB_64 < held(made) < KIB_64 + 2 * 100 * len(GET)
        count = 1 + held(made) // len(GET)
        assert len(calls) == 1
        made.call(gate.set_result, None)
        assert len(calls) == count
        assert len(made.answers()) == count
        assert made.transport.reading

    def test_requests_of_a_client_that_reads_nothing_are_bounded(self, rig):
        made = rig(hello)
        made.transport.slow = True
        made.receive(GET)
        while made.transport.reading:
            made.receive(GET * 100)
        assert held(made) < KIB_64 + 2 * 100 * len(GET)
        assert len(made.answers()) == 1
        made.transport.slow = False
        made.resume()
        assert made.transport.reading
        assert held(made) == 0

    def test_what_came_before_the_pause_is_not_lost(self, rig):
        got = []

        async def app(scope, receive, send):
            more = True
            while more:
                message = await receive()
                got.append(message["body"])
                more = message["more_body"]
            await answer(send, b"")

        made = rig(app)
        pieces = [bytes([n]) * 40_000 for n in range(25)]
        made.receive(HEAD, *pieces)
        assert b"".join(got) == b"".join(pieces)
