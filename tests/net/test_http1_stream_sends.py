"""Whatever an app sends, in whatever order: what leaves is HTTP/1.1, or the connection is cut.

Apps are made up at random. h11 reads what the connection wrote, as a client would.
"""

import asyncio
import logging
from http import HTTPStatus

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.net.rig import GET, Rig, hello

FILE = __file__
EVIL = b"evil"  # a field that an app can only smuggle in

names = st.sampled_from(
    [
        b"x-a",
        b"X-B",
        b"content-type",
        b"content-length",
        b"Content-Length",
        b"transfer-encoding",
        b"connection",
        b"Connection",
        b"date",
        b"server",
        b"set-cookie",
        b"",
        b"a b",
        b"x:",
        b"x\r\nevil",
        b"x\x00",
        b"\xe9",
        "text",
        None,
        5,
        bytearray(b"x-c"),
        memoryview(b"x-d"),
    ]
)
values = st.sampled_from(
    [
        b"",
        b"0",
        b"5",
        b"10",
        b"1_0",
        b"-1",
        b"+5",
        b" 5",
        b"5, 5",
        b"chunked",
        b"close",
        b"keep-alive",
        b"v\r\nevil: 1",
        b"v\nevil: 1",
        b"v\revil: 1",
        b"v\x00",
        b"\x1b[0m",
        b"\xff",
        b"9" * 30,
        "text",
        None,
        5,
        bytearray(b"v"),
        memoryview(b"v\r\nevil: 1"),
    ]
)
fields = st.one_of(
    st.lists(st.tuples(names, values), max_size=3),
    st.lists(st.lists(st.one_of(names, values), max_size=3), max_size=2),
    st.sampled_from([None, 5, b"text", {b"a": b"b"}, (), [None], [(b"x-a",)]]),
    st.tuples(names, values).map(lambda pair: iter([pair])),
)
statuses = st.one_of(
    st.sampled_from([200, 204, 304, 100, 101, 103, 199, 205, 599, 600, 99, 0, -1, 2**70]),
    st.sampled_from([True, None, "200", b"200", 200.0, HTTPStatus.NOT_FOUND]),
)
bodies = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [bytes(1500), bytes(70_000), b"HTTP/1.1 200 OK\r\nevil: 1\r\n\r\n", b"0\r\n\r\n"]
    ),
    st.sampled_from([bytearray(b"array"), memoryview(b"view"), "text", None, 5, [b"list"]]),
)
flags = st.sampled_from([True, True, False, False, None, 0, 1, "yes"])
sizes = st.sampled_from([None, 0, 1, 7, 10**6, -1, 2**70, "1", 1.5, True])


def message(kind, **parts):
    """The message with each part there, or not."""
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=parts)


starts = st.one_of(
    message("http.response.start", status=statuses, headers=fields, trailers=flags),
    st.fixed_dictionaries(
        {"type": st.just("http.response.start"), "status": st.just(200)},
        optional={"headers": fields, "trailers": flags},
    ),
)
messages = st.one_of(
    starts,
    message("http.response.body", body=bodies, more_body=flags),
    message("http.response.trailers", headers=fields, more_trailers=flags),
    message("http.response.early_hint", links=st.one_of(fields, st.lists(values, max_size=2))),
    message("http.response.pathsend", path=st.sampled_from([FILE, "/nowhere", 5, None, "a\0b"])),
    message(
        "http.response.zerocopysend",
        file=st.sampled_from(["open", -1, 10**6, None, "text"]),
        offset=sizes,
        count=sizes,
        more_body=flags,
    ),
    st.sampled_from(
        [
            None,
            5,
            [],
            {},
            {"type": None},
            {"type": "http.request"},
            {"type": ["http.response.body"]},
            [("type", "http.response.body")],
            "http.response.body",
            {"type": "websocket.send"},
        ]
    ),
)
steps = st.one_of(
    st.tuples(st.just("send"), messages),
    st.tuples(st.just("send"), messages),
    st.tuples(st.just("try"), messages),
    st.tuples(st.just("task"), messages),
    st.tuples(st.sampled_from(["receive", "yield", "raise", "cancel", "return 5"]), st.none()),
)
requests = st.sampled_from(
    [
        GET,
        GET.replace(b"GET", b"HEAD"),
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        GET.replace(b"\r\n\r\n", b"\r\nTE: trailers\r\n\r\n"),
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
        b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ]
)


class MadeUp:
    """An app that takes the steps once, and then says hello."""

    def __init__(self, steps):
        self.steps = steps
        self.used = False

    async def __call__(self, scope, receive, send):
        if self.used:
            await hello(scope, receive, send)
            return None
        self.used = True
        tasks = []
        try:
            with open(FILE, "rb") as file:
                for kind, sent in self.steps:
                    if isinstance(sent, dict) and sent.get("file") == "open":
                        sent = sent | {"file": file}
                    if kind == "return 5":
                        return 5
                    await self.take(kind, sent, receive, send, tasks)
        finally:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def take(self, kind, sent, receive, send, tasks):
        if kind == "send":
            await send(sent)
        elif kind == "try":
            try:
                await send(sent)
            except Exception as error:
                assert not isinstance(error, AssertionError)
        elif kind == "task":
            tasks.append(asyncio.ensure_future(send(sent)))
        elif kind == "receive":
            await asyncio.wait_for(receive(), 0.001)
        elif kind == "yield":
            await asyncio.sleep(0)
        elif kind == "cancel":
            asyncio.current_task().cancel()
        else:
            raise LookupError("the app's own")


def check_answers(data, method, cut):
    """Read the answers as a client would. Only one that was cut may be incomplete."""
    answers = []
    while data:
        reader = h11.Connection(h11.CLIENT)
        method = method if not answers else "GET"
        reader.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
        reader.send(h11.EndOfMessage())
        reader.receive_data(data)
        status, whole = read_one(reader, cut)
        if not whole:
            assert cut, f"an incomplete answer on an open connection: {data[-200:]!r}"
            return answers
        answers.append(status)
        data = reader.trailing_data[0]
    return answers


def read_one(reader, cut):
    status = None
    while True:
        event = reader.next_event()
        if event is h11.NEED_DATA:
            if not cut or status is None or reader.our_state is h11.ERROR:
                return status, False
            # Content that ends with the connection is whole when it ends.
            try:
                reader.receive_data(b"")
                event = reader.next_event()
            except h11.RemoteProtocolError:
                return status, False
        if isinstance(event, h11.Response):
            status = event.status_code
        if isinstance(event, (h11.Response, h11.InformationalResponse, h11.EndOfMessage)):
            assert all(name != EVIL for name, _ in event.headers), event
        if isinstance(event, h11.EndOfMessage):
            return status, True


async def until_done(service):
    while service.tasks:
        await asyncio.sleep(0.001)


START = {"type": "http.response.start", "status": 200}
PART = {"type": "http.response.body", "body": b"x", "more_body": True}
SENT_FILE = {"type": "http.response.pathsend", "path": FILE}


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


@given(steps=st.lists(steps, max_size=6), request_=requests)
@example(steps=[("send", START), ("task", SENT_FILE), ("send", PART)], request_=GET)
@example(
    steps=[("send", START), ("task", SENT_FILE), ("cancel", None), ("yield", None)], request_=GET
)
@example(steps=[("send", START), ("send", PART), ("return 5", None)], request_=GET)
@example(steps=[("send", START | {"status": 2**70}), ("send", PART)], request_=GET)
def test_an_app_can_not_split_nor_desync_nor_kill(loop, steps, request_):
    faults = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    logging.disable(logging.CRITICAL)
    try:
        rig = Rig(loop, MadeUp(steps))
        rig.receive(request_ + GET)
        loop.run_until_complete(asyncio.wait_for(until_done(rig.service), 30))
        rig.turn()
    finally:
        logging.disable(logging.NOTSET)
    cut = rig.transport.aborted or rig.transport.closed or rig.transport.ended
    data = rig.transport.written
    answers = check_answers(data, request_.split(b" ", 1)[0].decode(), cut)
    assert len(answers) <= 2
    # Either both requests were answered, or the connection says that there is no more.
    assert len(answers) == 2 or cut
    if len(answers) == 2:
        assert data.endswith(b"hello")
    rig.call(rig.transport.abort)
    # The worker lives.
    rig.transport, rig.connection = rig.connect()
    rig.receive(GET)
    assert [got.body for got in rig.answers()] == [b"hello"]
    rig.call(rig.transport.abort)
    rig.service.stop()
    assert not faults, faults
    assert not rig.service.connections
