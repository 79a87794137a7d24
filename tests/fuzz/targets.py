"""What must hold for any bytes. Each target takes a fuzzer's bytes and raises when it does not.

The same functions run under atheris (`./dev fuzz`) and, on the committed corpus with a bounded
number of mutations, in the test suite.
"""

from __future__ import annotations

from collections.abc import Callable

import h11

from tests.fuzz.choices import Choices
from tests.wire.comparing import PEERS, differences
from tests.wire.differences import explanation
from tests.wire.reading import bytewise, cut, read
from tricorn.wire.errors import ResponseError
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h1_response import DefaultFields, ResponseWriter

LIMITS = [
    (HeadLimits(), 0),
    (HeadLimits(), 10),
    (HeadLimits(request_line=20, field_section=60, fields=3), 0),
    (HeadLimits(request_line=16, field_section=20, fields=1), 5),
]


def reader(data: bytes) -> None:
    """Any split of any input reads the same, and raises nothing but a refusal."""
    choices = Choices(data)
    limits, body_limit = LIMITS[choices.below(len(LIMITS))]
    first, second = choices.byte(), choices.byte()
    sent = choices.rest()
    whole = read([sent], limits, body_limit)
    assert read(cut(sent, [first, first + second]), limits, body_limit) == whole
    assert read(bytewise(sent), limits, body_limit) == whole


def differential(data: bytes) -> None:
    """Where h11 or httptools read something else, a rule knows why."""
    for peer in PEERS:
        for difference in differences(peer, data):
            explanation(difference)


STATUSES = [200, 204, 304, 404, 500, 100, 199, 0, 99, 600, 201, 206, 416, 599]
METHODS = ["GET", "HEAD", "POST", "DELETE"]
NAMES = [
    b"content-length",
    b"Content-Length",
    b"transfer-encoding",
    b"connection",
    b"date",
    b"server",
    b"x",
    b"set-cookie",
    b"upgrade",
]


def response(data: bytes) -> None:
    """Whatever an app sends, the client reads one response, with the fields that it may have."""
    choices = Choices(data)
    method = METHODS[choices.below(len(METHODS))]
    is_1_1 = choices.flag()
    writer = ResponseWriter(DefaultFields(b"tricorn", [(b"x-added", b"1")]))
    writer.start_request(method, is_1_1, choices.flag())
    fields: list[tuple[bytes, bytes]] = []
    try:
        sent = write_response(writer, choices, fields)
    except ResponseError:
        return  # the app was told, and the connection is cut
    check_response(method, sent, fields, writer)


def write_response(
    writer: ResponseWriter, choices: Choices, fields: list[tuple[bytes, bytes]]
) -> bytes:
    """A response of a random shape; `fields` takes what the app asked for."""
    status = STATUSES[choices.below(len(STATUSES))]
    for _ in range(choices.below(5)):
        name = choices.text() if choices.flag() else NAMES[choices.below(len(NAMES))]
        value = b"%d" % choices.below(20) if choices.flag() else choices.text()
        fields.append((name, value))
    more = choices.flag()
    sent = writer.head(status, list(fields), choices.content(), more) + behind(writer)
    while more:
        more = choices.left
        sent += writer.body(choices.content(), more) + behind(writer)
    return sent


def behind(writer: ResponseWriter) -> bytes:
    """What the writer left apart and owes, as a connection writes it that holds nothing back."""
    apart, writer.apart = writer.apart, b""
    return apart + writer.settle()


def check_response(
    method: str, sent: bytes, fields: list[tuple[bytes, bytes]], writer: ResponseWriter
) -> None:
    """h11, as the client, reads exactly one response and no field that nobody asked for."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(sent)
    head = client.next_event()
    assert isinstance(head, h11.Response), head
    asked = {name.lower() for name, _ in fields}
    added = {b"x-added", b"server", b"content-length", b"transfer-encoding", b"connection"}
    assert {name for name, _ in head.headers} <= asked | added
    values = {value.strip(b" \t") for _, value in fields}
    assert all(value in values for name, value in head.headers if name not in added)
    check_content(client, writer)


def check_content(client: h11.Connection, writer: ResponseWriter) -> None:
    """The content ends where it says; short of that, the connection closes."""
    event = client.next_event()
    while isinstance(event, h11.Data):
        event = client.next_event()
    if event is h11.NEED_DATA:
        assert not writer.keep_alive, "an unfinished response on a connection that goes on"
        return
    assert isinstance(event, h11.EndOfMessage), event
    assert not client.trailing_data[0], "bytes behind the response"


TARGETS: dict[str, Callable[[bytes], None]] = {
    "reader": reader,
    "differential": differential,
    "response": response,
}
