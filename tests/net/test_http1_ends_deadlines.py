"""Every phase of a connection has a limit in time. The clock is the test's."""

import math

import pytest

from tests.net.rig import GET, Held, answer, echo, hello

POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


class TestIdle:
    def test_who_says_nothing_is_closed_without_an_answer(self, rig):
        made = rig(hello)
        made.later(29.5)
        assert made.open
        made.later(1)
        assert not made.open
        assert made.transport.written == b""

    def test_an_empty_line_is_no_request(self, rig):
        made = rig(hello)
        for _ in range(70):
            made.receive(b"\r" if made.service.now == 1000 else b"")
            made.later(1)
        assert not made.open


class TestHead:
    def test_the_time_counts_from_the_first_byte(self, rig):
        made = rig(hello)
        made.later(25)
        for byte in GET[:20]:
            made.receive(bytes([byte]))
            made.later(1)
        assert made.open
        # Each byte was in time; the head as a whole is not.
        made.later(10.5)
        (got,) = made.answers()
        assert (got.status, got.fields[b"connection"]) == (408, b"close")
        assert b"30 s" in got.body
        assert made.transport.ended

    def test_between_requests_too(self, rig):
        made = rig(hello)
        made.receive(GET + GET[:5])
        made.later(29)
        assert made.open
        made.later(1.5)
        assert [got.status for got in made.answers()] == [200, 408]

    def test_off(self, rig):
        made = rig(hello, limits={"head": math.inf})
        made.receive(GET[:5])
        made.later(4000, step=100)
        made.receive(GET[5:])
        assert [got.status for got in made.answers()] == [200]


class TestKeepAlive:
    def test_a_resting_connection_is_closed(self, rig):
        made = rig(hello)
        made.receive(GET)
        made.later(4.5)
        made.receive(GET)
        made.later(4.5)
        assert made.open
        made.later(1)
        assert not made.open
        assert len(made.answers()) == 2

    def test_0_says_close(self, rig):
        made = rig(hello, limits={"keep_alive": 0.0})
        made.receive(GET)
        assert made.answers()[0].fields[b"connection"] == b"close"
        assert not made.open

    def test_a_running_app_has_no_limit(self, rig):
        app = Held()
        made = rig(app)
        made.receive(GET)
        made.later(4000, step=100)
        app.release(made)
        assert [got.status for got in made.answers()] == [200]


class TestContent:
    @pytest.mark.parametrize("piece", [b"x", b"1\r\nx\r\n"])
    def test_a_trickle_gains_nothing(self, rig, piece):
        """Each byte arrives in time, wakes the app, and resets no clock."""
        made = rig(echo)
        chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        made.receive(POST if len(piece) == 1 else chunked)
        for _ in range(25):
            if made.transport.ended:
                break
            made.receive(piece)
            made.later(1)
        assert [got.status for got in made.answers()] == [408]
        assert made.service.now <= 1022
        assert not made.service.tasks

    def test_nothing_at_all(self, rig):
        made = rig(echo)
        made.receive(POST)
        made.later(19.5)
        assert made.transport.written == b""
        made.later(1.5)
        assert [got.status for got in made.answers()] == [408]

    def test_the_least_rate_will_do(self, rig):
        made = rig(echo)
        made.receive(POST)
        for _ in range(390):
            made.receive(b"x" * 256)
            made.later(1)
        assert made.transport.written == b""
        made.receive(b"x" * (100_000 - 390 * 256))
        assert [got.status for got in made.answers()] == [200]

    def test_the_time_the_app_takes_is_its_own(self, rig):
        app = Held(echo)
        made = rig(app)
        made.receive(POST)
        made.later(300, step=5)
        app.release(made)
        made.later(15)
        made.receive(b"x" * 100_000)
        assert [got.status for got in made.answers()] == [200]

    def test_content_behind_the_answer_is_awaited_no_longer(self, rig):
        made = rig(hello)
        made.receive(POST)
        assert [got.status for got in made.answers()] == [200]
        made.later(25)
        assert not made.open

    def test_off(self, rig):
        made = rig(echo, limits={"content": math.inf})
        made.receive(POST)
        made.later(4000, step=100)
        assert made.open and made.transport.written == b""


class TestWrite:
    """The client doesn't read what was written to it."""

    @pytest.mark.parametrize("ended", [False, True], ids=["open", "half-closed"])
    def test_no_progress_for_60_s(self, rig, ended):
        made = rig(hello)
        made.transport.slow = True
        made.receive(GET)
        if ended:
            made.end_of_client()
        # Longer than keep-alive, and than the grace of a half-closed connection.
        made.later(59)
        assert not made.transport.aborted
        made.later(2)
        assert made.transport.aborted

    def test_while_the_app_still_runs(self, rig):
        ended = []

        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            try:
                while True:
                    await send({"type": "http.response.body", "body": b"x" * 9, "more_body": True})
            except OSError as error:
                ended.append(error)
                raise

        made = rig(app)
        made.transport.slow = True
        made.receive(GET)
        made.later(61)
        assert made.transport.aborted
        assert len(ended) == 1
        assert not made.service.tasks

    def test_progress_gives_more_time(self, rig):
        made = rig(hello)
        made.transport.slow = True
        made.receive(GET)
        for left in range(9, 0, -1):
            made.transport.waiting = left
            made.later(50)
        assert made.open
        made.later(150)
        assert made.transport.aborted

    def test_an_old_stall_isnt_held_against_a_new_answer(self, rig):
        made = rig(hello)
        made.receive(GET)
        made.transport.waiting = 10  # too little to pause the connection
        made.later(6)
        assert made.open
        made.transport.waiting = 0
        made.receive(GET)
        made.transport.waiting = 5000
        made.later(59)
        assert made.open
        made.later(12)
        assert made.transport.aborted

    def test_afterwards_the_connection_rests_as_others_do(self, rig):
        made = rig(hello)
        made.transport.slow = True
        made.receive(GET)
        made.later(50)
        made.transport.slow = False
        made.resume()
        made.later(4.5)
        assert made.open
        made.later(1)
        assert not made.open

    def test_a_close_with_unsent_bytes_has_the_time_too(self, rig):
        made = rig(hello)
        made.transport.slow = True
        made.receive(b"GET / HTTP/1.0\r\n\r\n")
        assert made.transport.closed
        assert not made.transport.lost
        made.later(59)
        assert not made.transport.aborted
        made.later(2)
        assert made.transport.aborted


class TestLinger:
    def test_a_refused_client_is_read_for_5_s(self, rig):
        made = rig(hello)
        made.receive(b"GET /\0 HTTP/1.1\r\n\r\n")
        assert made.transport.ended
        for _ in range(4):
            made.receive(b"x" * 100_000)
            made.later(1)
        assert not made.transport.is_closing()
        made.later(1.5)
        assert made.transport.aborted
        assert len(made.answers()) == 1

    def test_it_ends_when_the_client_has_ended(self, rig):
        made = rig(hello)
        made.receive(b"GET /\0 HTTP/1.1\r\n\r\n")
        made.end_of_client()
        assert made.transport.closed

    def test_an_unread_answer_has_the_write_limit(self, rig):
        made = rig(hello)
        made.transport.slow = True
        made.receive(b"GET /\0 HTTP/1.1\r\n\r\n")
        made.later(30)
        assert not made.transport.aborted
        made.later(31)
        assert made.transport.aborted


class TestGraceOfAHalfClosedConnection:
    def test_an_app_that_waits_for_the_client_is_told(self, rig):
        told = []

        async def app(scope, receive, send):
            await receive()
            told.append(await receive())
            await answer(send, b"still")

        made = rig(app)
        made.receive(GET)
        made.end_of_client()
        assert not told
        made.later(1.5)
        assert told == [{"type": "http.disconnect"}]
        assert [got.body for got in made.answers()] == [b"still"]

    def test_a_slow_app_still_answers(self, rig):
        app = Held()
        made = rig(app)
        made.receive(GET)
        made.end_of_client()
        made.later(100)
        app.release(made)
        (got,) = made.answers()
        assert got.fields[b"connection"] == b"close"
        assert not made.open
