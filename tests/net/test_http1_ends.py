"""How a connection ends: refusals, the client's end, resets, a stopping server, limits."""

import pytest

from tests.net.h2_rig import Client, request
from tests.net.rig import GET, Held, answer, echo, hello
from tricorn.net.http2 import Http2Connection

BAD = b"GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


async def starts(scope, receive, send):
    """Begins a response, then reads content, then ends."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.body", "body": b""})


class TestHandingOver:
    def test_an_apps_error_over_http2_is_about_nothing_else(self, rig, caplog):
        """That its client didn't begin with HTTP/1.1 is no news to the app's developer."""

        async def app(scope, receive, send):
            raise ValueError("mine")

        made = rig(app, http2=Http2Connection, http2_for_all=True)
        client = Client()
        client.engine.send_request(request(), end_stream=True)
        made.receive(client.engine.data_to_send())
        client.take(made.transport.written)
        assert client.replies[1].status == 500
        (record,) = [one for one in caplog.records if one.exc_info]
        assert isinstance(record.exc_info[1], ValueError)
        assert record.exc_info[1].__context__ is None


class TestRefusal:
    def test_the_answer_is_whole_and_names_the_reason(self, rig, caplog):
        made = rig(hello)
        made.receive(BAD)
        (got,) = made.answers()
        assert got.status == 400
        assert got.body
        assert got.fields[b"content-type"].startswith(b"text/plain")
        assert got.fields[b"connection"] == b"close"
        assert made.transport.ended
        (record,) = [one for one in caplog.records if "Invalid HTTP request" in one.message]
        assert "192.0.2.1:4000" in record.message
        assert got.body.decode().strip() in record.message

    @pytest.mark.parametrize(
        "bad",
        [
            BAD,
            CHUNKED + b"x\r\n",
            CHUNKED + b"1\r\nab\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        ],
    )
    def test_nothing_runs_that_is_bad_or_behind_it(self, rig, bad):
        calls = []

        async def app(scope, receive, send):
            calls.append(scope["path"])
            await answer(send, b"")

        made = rig(app)
        made.receive(bad + GET, GET)
        made.later(1)
        made.receive(GET)
        assert calls == []
        assert [got.status for got in made.answers()] == [400]

    def test_while_the_app_runs_it_is_told_and_can_send_no_more(self, rig, caplog):
        seen = []

        async def app(scope, receive, send):
            while (message := await receive())["type"] != "http.disconnect":
                pass
            seen.append(message)
            try:
                await answer(send, b"too late")
            except OSError as error:
                seen.append(type(error).__name__)
                raise

        made = rig(app)
        made.receive(CHUNKED, b"1\r\na\r\n", b"what\r\n")
        assert [got.status for got in made.answers()] == [400]
        assert seen == [{"type": "http.disconnect"}, "ClientDisconnected"]
        assert not made.service.tasks
        assert "Traceback" not in caplog.text

    def test_within_the_response_the_connection_is_cut(self, rig):
        made = rig(starts)
        made.receive(CHUNKED, b"what\r\n")
        assert made.transport.aborted
        assert made.transport.written.endswith(b"4\r\npart\r\n")

    def test_too_large_content(self, rig):
        made = rig(echo, body_limit=10)
        made.receive(CHUNKED, b"a\r\n0123456789\r\n")
        made.receive(b"1\r\n0\r\n")
        assert [got.status for got in made.answers()] == [413]
        declared = rig(echo, body_limit=10)
        declared.receive(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
        assert [got.status for got in declared.answers()] == [413]

    def test_where_the_transport_cannot_half_close(self, rig):
        made = rig(hello)
        made.transport.can_write_eof = lambda: False
        made.receive(BAD)
        assert [got.status for got in made.answers()] == [400]
        assert made.transport.closed


class TestTheClientEnds:
    def test_before_anything(self, rig):
        made = rig(hello)
        assert not made.end_of_client()
        assert (made.transport.written, made.transport.lost) == (b"", 1)

    def test_between_requests(self, rig):
        made = rig(hello)
        made.receive(GET)
        made.end_of_client()
        assert len(made.answers()) == 1
        assert made.transport.lost == 1

    def test_within_a_head(self, rig):
        made = rig(hello)
        made.receive(GET[:-3])
        made.end_of_client()
        assert [got.status for got in made.answers()] == [400]
        assert made.transport.lost == 1

    @pytest.mark.parametrize("begun", [b"", b"5\r\nab", b"5\r\nabcde\r\n", b"0\r\n"])
    def test_within_content(self, rig, begun):
        made = rig(echo)
        made.receive(CHUNKED + begun)
        made.end_of_client()
        assert [got.status for got in made.answers()] == [400]
        assert made.transport.lost == 1
        assert not made.service.tasks

    def test_within_content_of_a_response_that_has_begun(self, rig):
        made = rig(starts)
        made.receive(CHUNKED)
        made.end_of_client()
        assert not made.transport.written.endswith(b"0\r\n\r\n")
        assert made.transport.lost == 1

    def test_behind_a_request_it_gets_its_answer(self, rig):
        app = Held()
        made = rig(app)
        made.receive(GET)
        assert made.end_of_client()
        app.release(made)
        (got,) = made.answers()
        assert got.fields[b"connection"] == b"close"
        assert made.transport.lost == 1

    def test_behind_several_requests_it_gets_each_answer(self, rig):
        app = Held()
        made = rig(app)
        made.receive(GET * 3)
        assert made.end_of_client()
        for _ in range(3):
            app.release(made)
        assert [got.body for got in made.answers()] == [b"hello"] * 3
        assert made.answers()[2].fields[b"connection"] == b"close"
        assert made.transport.lost == 1

    def test_behind_several_requests_whose_answers_it_reads_slowly(self, rig):
        made = rig(hello)
        made.transport.slow = True
        made.receive(GET, GET * 3)
        assert len(made.answers()) == 1
        made.end_of_client()
        made.transport.slow = False
        made.resume()
        assert [got.status for got in made.answers()] == [200] * 4
        assert made.transport.lost == 1

    def test_the_last_of_several_is_incomplete(self, rig):
        app = Held()
        made = rig(app)
        made.receive(GET * 2 + b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
        made.end_of_client()
        for _ in range(3):
            app.release(made)
        assert [got.status for got in made.answers()] == [200, 200, 400]
        assert len(app.calls) == 2
        assert made.transport.lost == 1


class TestTheConnectionIsLost:
    @pytest.mark.parametrize("fed", [b"", GET[:9], GET, CHUNKED, BAD])
    def test_in_each_state(self, rig, fed):
        app = Held()
        made = rig(app)
        made.receive(fed)
        made.call(made.transport.lose, ConnectionResetError())
        app.release(made)
        assert not made.service.connections
        assert not made.service.tasks
        made.later(100, step=10)

    def test_the_app_is_told_once_and_sends_fail(self, rig, caplog):
        seen = []

        async def app(scope, receive, send):
            await receive()
            seen.append((await receive())["type"])
            for message in (
                {"type": "http.response.start", "status": 200, "headers": []},
                {"type": "http.response.early_hint", "links": []},
            ):
                with pytest.raises(OSError, match="disconnected"):
                    await send(message)
            seen.append((await receive())["type"])

        made = rig(app)
        made.receive(GET)
        made.call(made.transport.lose)
        assert seen == ["http.disconnect"] * 2
        assert "Traceback" not in caplog.text

    def test_an_app_that_waits_to_send_goes_on(self, rig, caplog):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x" * 999, "more_body": True})

        made = rig(app)
        made.transport.slow = True
        made.receive(GET)
        assert made.service.tasks
        made.call(made.transport.lose)
        assert not made.service.tasks
        assert "Traceback" not in caplog.text


class TestShutdown:
    def stop(self, made):
        made.service.draining = True
        made.call(made.connection.shutdown)

    def test_idle_connections_close(self, rig):
        made = rig(hello)
        made.transport.read_now = lambda: None
        made.receive(GET)
        made.later(2)
        self.stop(made)
        assert made.transport.lost == 1

    @pytest.mark.parametrize("fed", [b"", GET])
    def test_a_request_that_is_on_its_way_is_answered(self, rig, fed):
        """Who was answered just now asks again at once; loops' transports read later."""
        made = rig(hello)
        if fed:
            made.transport.read_now = lambda: None
            made.receive(fed)
        self.stop(made)
        assert made.open
        made.receive(GET)
        assert made.answers()[-1].fields[b"connection"] == b"close"
        assert made.transport.lost == 1

    def test_who_asks_no_more_is_closed_soon(self, rig):
        made = rig(hello)
        made.receive(GET)
        self.stop(made)
        made.later(0.5)
        assert made.open
        made.later(0.5)
        assert made.transport.lost == 1

    def test_a_request_that_waits_unread_is_answered(self, rig):
        made = rig(hello)
        made.receive(GET)
        made.transport.read_now = lambda: made.connection.data_received(GET)
        self.stop(made)
        assert [got.fields.get(b"connection") for got in made.answers()] == [None, b"close"]
        assert made.transport.lost == 1

    def test_from_within_a_task(self, rig):
        """A server stops in a task of its own, and an app starts within it."""
        made = rig(hello)
        made.transport.read_now = lambda: made.connection.data_received(GET)

        async def stop():
            made.service.draining = True
            made.connection.shutdown()

        made.loop.run_until_complete(stop())
        made.turn()
        assert [got.status for got in made.answers()] == [200]
        assert made.transport.lost == 1

    def test_a_begun_head_is_waited_for(self, rig):
        made = rig(hello)
        made.receive(GET[:9])
        self.stop(made)
        made.receive(GET[9:])
        assert [got.fields[b"connection"] for got in made.answers()] == [b"close"]
        assert made.transport.lost == 1

    def test_a_running_request_is_finished_and_says_close(self, rig):
        app = Held()
        made = rig(app)
        made.receive(GET)
        self.stop(made)
        assert made.open
        app.release(made)
        assert [got.fields[b"connection"] for got in made.answers()] == [b"close"]
        assert made.transport.lost == 1

    def test_a_response_that_has_begun_is_finished(self, rig):
        made = rig(starts)
        made.receive(CHUNKED)
        self.stop(made)
        made.receive(b"0\r\n\r\n")
        assert [got.body for got in made.answers()] == [b"part"]
        # Its head didn't say that it would be the last.
        assert made.open
        made.later(1.5)
        assert made.transport.lost == 1

    def test_a_request_behind_one_that_said_no_close_is_answered(self, rig):
        made = rig(starts)
        made.receive(CHUNKED)
        self.stop(made)
        made.receive(b"0\r\n\r\n")
        made.receive(CHUNKED + b"0\r\n\r\n")
        assert [got.fields.get(b"connection") for got in made.answers()] == [None, b"close"]
        assert made.transport.lost == 1

    def test_with_patience_idle_connections_get_one_more_answer(self, rig):
        made = rig(hello)
        made.receive(GET)
        made.later(3)
        made.service.patience = 10.0
        self.stop(made)
        made.later(1)
        made.receive(GET)
        assert [got.fields.get(b"connection") for got in made.answers()] == [None, b"close"]
        assert made.transport.lost == 1

    def test_with_patience_as_long_as_any_other_time(self, rig):
        made = rig(hello)
        made.receive(GET)
        made.service.patience = 10.0
        self.stop(made)
        made.later(4)
        assert made.open
        made.later(2)
        assert made.transport.lost == 1

    def test_requests_behind_it_were_not_told_of_a_close(self, rig):
        made = rig(starts)
        made.receive(CHUNKED)
        self.stop(made)
        made.receive(b"0\r\n\r\n" + CHUNKED + b"0\r\n\r\n")
        assert [got.fields.get(b"connection") for got in made.answers()] == [None, b"close"]

    def test_while_it_lingers(self, rig):
        made = rig(hello)
        made.receive(BAD)
        self.stop(made)
        made.later(6)
        assert made.transport.aborted

    def test_a_new_connection_gets_one_answer(self, rig):
        made = rig(hello)
        made.service.draining = True
        made.transport, made.connection = made.connect()
        made.receive(GET)
        assert [got.fields[b"connection"] for got in made.answers()] == [b"close"]


class TestLimits:
    def test_concurrency_1_serves_one_client(self, rig):
        made = rig(hello, limits={"concurrency": 1})
        for _ in range(3):
            made.receive(GET)
        assert [got.status for got in made.answers()] == [200] * 3

    def test_others_get_503(self, rig):
        app = Held()
        made = rig(app, limits={"concurrency": 1})
        made.receive(GET)
        first = made.transport
        made.transport, made.connection = made.connect()
        made.receive(GET)
        (got,) = made.answers()
        assert (got.status, got.fields[b"connection"]) == (503, b"close")
        assert made.transport.lost == 1
        made.transport = first
        app.release(made)
        assert [got.status for got in made.answers()] == [200]
        # And then there is room again.
        made.call(first.close)
        made.transport, made.connection = made.connect()
        made.receive(GET)
        app.release(made)
        assert [got.status for got in made.answers()] == [200]

    def test_content_of_a_503_isnt_read(self, rig):
        app = Held()
        made = rig(app, limits={"concurrency": 1})
        made.receive(GET)
        made.transport, made.connection = made.connect()
        made.receive(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\nabc")
        assert [got.status for got in made.answers()] == [503]
        assert made.transport.ended
        app.release(made)

    def test_connections(self, rig):
        class Listener:
            accepting = True

            def pause(self):
                self.accepting = False

            def resume(self):
                self.accepting = True

        listener = Listener()
        made = rig(hello, limits={"connections": 3}, accepts=[listener])
        made.connect()
        assert listener.accepting
        last, _ = made.connect()
        assert not listener.accepting
        made.call(last.abort)
        assert listener.accepting
        last, _ = made.connect()
        made.service.draining = True
        made.call(last.abort)
        assert not listener.accepting
