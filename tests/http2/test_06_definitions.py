"""RFC 9113 §6: each type of frame."""

import struct

import pytest

from tests.http2.cases import (
    Case,
    answered,
    connection_error,
    either_error,
    hold,
    nothing,
)
from tests.support.h2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PRIORITIZED,
    Code,
    Frame,
    Kind,
    Setting,
    block,
    data,
    frame,
    get,
    goaway,
    ping,
    post,
    priority,
    request,
    reset,
    settings,
    window_update,
)
from tests.support.http2 import Http2Client

PROTOCOL, SIZE, FLOW = Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR, Code.FLOW_CONTROL_ERROR
BLOCK = block(request())
HELD = get(1, b"/hold")
WHOLE = END_STREAM | END_HEADERS
LARGEST = (1 << 31) - 1


def setting(name: int, value: int) -> bytes:
    return settings({name: value})


def pieces(stream: int, whole: bytes, size: int, flags: int = END_STREAM) -> bytes:
    """A header block in frames of so many bytes."""
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    last = len(parts) - 1
    made = [frame(Kind.HEADERS, flags | (END_HEADERS if not last else 0), stream, parts[0])]
    for number, part in enumerate(parts[1:], 1):
        flag = END_HEADERS if number == last else 0
        made.append(frame(Kind.CONTINUATION, flag, stream, part))
    return b"".join(made)


DATA = [
    Case("6.1", "DATA on stream 0", data(0, b"x"), connection_error(PROTOCOL)),
    Case(
        "6.1",
        "DATA with padding",
        post(1) + frame(Kind.DATA, END_STREAM | PADDED, 1, b"\x05abc" + bytes(5)),
        answered(1, body=b"abc"),
    ),
    Case(
        "6.1",
        "DATA of padding alone",
        post(1) + frame(Kind.DATA, END_STREAM | PADDED, 1, b"\x05" + bytes(5)),
        answered(1, body=b""),
    ),
    Case(
        "6.1",
        "DATA with padding as long as the frame",
        post(1) + frame(Kind.DATA, END_STREAM | PADDED, 1, b"\x06" + bytes(5)),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.1",
        "DATA with no room for the padding's length",
        post(1) + frame(Kind.DATA, END_STREAM | PADDED, 1),
        connection_error(PROTOCOL, SIZE),
    ),
    Case(
        "6.1",
        "empty DATA ends the content",
        post(1) + data(1, b"x") + data(1, end=True),
        answered(1, body=b"x"),
    ),
]
HEADERS = [
    Case(
        "6.2",
        "HEADERS on stream 0",
        frame(Kind.HEADERS, WHOLE, 0, BLOCK),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.2",
        "HEADERS with padding",
        frame(Kind.HEADERS, WHOLE | PADDED, 1, b"\x03" + BLOCK + bytes(3)),
        answered(1),
    ),
    Case(
        "6.2",
        "HEADERS with padding and priority",
        frame(
            Kind.HEADERS,
            WHOLE | PADDED | PRIORITIZED,
            1,
            b"\x03" + bytes(4) + b"\x10" + BLOCK + bytes(3),
        ),
        answered(1),
    ),
    Case(
        "6.2",
        "HEADERS with padding as long as the frame",
        frame(Kind.HEADERS, WHOLE | PADDED, 1, bytes([len(BLOCK) + 1]) + BLOCK),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.2",
        "HEADERS with no room for its priority",
        frame(Kind.HEADERS, WHOLE | PRIORITIZED, 1, b"\0\0\0"),
        connection_error(PROTOCOL, SIZE),
    ),
    Case(
        "6.2",
        "HEADERS without END_HEADERS and another HEADERS",
        frame(Kind.HEADERS, END_STREAM, 1, BLOCK) + get(1),
        connection_error(PROTOCOL),
    ),
]
PRIORITY = [
    Case("6.3", "PRIORITY on stream 0", priority(0), connection_error(PROTOCOL)),
    Case(
        "6.3",
        "PRIORITY of 4 bytes",
        HELD + frame(Kind.PRIORITY, 0, 1, bytes(4)),
        either_error(1, SIZE),
    ),
    Case(
        "6.3",
        "PRIORITY of 6 bytes",
        HELD + frame(Kind.PRIORITY, 0, 1, bytes(6)),
        either_error(1, SIZE),
    ),
]
RST_STREAM = [
    Case("6.4", "RST_STREAM on stream 0", reset(0), connection_error(PROTOCOL)),
    Case("6.4", "RST_STREAM on an idle stream", reset(9), connection_error(PROTOCOL)),
    Case(
        "6.4",
        "RST_STREAM of 3 bytes",
        HELD + frame(Kind.RST_STREAM, 0, 1, bytes(3)),
        connection_error(SIZE),
    ),
    Case(
        "6.4",
        "RST_STREAM of 5 bytes",
        HELD + frame(Kind.RST_STREAM, 0, 1, bytes(5)),
        connection_error(SIZE),
    ),
]
SETTINGS = [
    Case("6.5", "ACK with content", frame(Kind.SETTINGS, ACK, 0, bytes(6)), connection_error(SIZE)),
    Case(
        "6.5",
        "SETTINGS on a stream",
        frame(Kind.SETTINGS, 0, 1, bytes(6)),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.5", "SETTINGS of 5 bytes", frame(Kind.SETTINGS, 0, 0, bytes(5)), connection_error(SIZE)
    ),
    Case(
        "6.5", "SETTINGS of 7 bytes", frame(Kind.SETTINGS, 0, 0, bytes(7)), connection_error(SIZE)
    ),
    Case("6.5", "empty SETTINGS", settings(), nothing),
    Case("6.5.2", "ENABLE_PUSH 2", setting(2, 2), connection_error(PROTOCOL)),
    Case("6.5.2", "ENABLE_PUSH 1", setting(2, 1), nothing),
    Case("6.5.2", "INITIAL_WINDOW_SIZE 2^31", setting(4, 1 << 31), connection_error(FLOW)),
    Case("6.5.2", "INITIAL_WINDOW_SIZE 2^31 - 1", setting(4, LARGEST) + get(1), answered(1)),
    Case("6.5.2", "MAX_FRAME_SIZE 2^14 - 1", setting(5, 16383), connection_error(PROTOCOL)),
    Case("6.5.2", "MAX_FRAME_SIZE 2^24", setting(5, 1 << 24), connection_error(PROTOCOL)),
    Case("6.5.2", "unknown setting", setting(0xFF, 7), nothing),
    Case("6.5.2", "MAX_CONCURRENT_STREAMS 0 is about pushes", setting(3, 0) + get(1), answered(1)),
    Case("6.5.2", "HEADER_TABLE_SIZE 0", setting(1, 0) + get(1) + get(3), answered(3)),
    Case("6.5.2", "HEADER_TABLE_SIZE 2^32 - 1", setting(1, (1 << 32) - 1) + get(1), answered(1)),
    Case("8441 3", "ENABLE_CONNECT_PROTOCOL 2", setting(8, 2), connection_error(PROTOCOL)),
]
PUSH = [
    Case(
        "8.4",
        "PUSH_PROMISE by a client",
        HELD + frame(Kind.PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + BLOCK),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.6",
        "PUSH_PROMISE on stream 0",
        frame(Kind.PUSH_PROMISE, END_HEADERS, 0, b"\0\0\0\x02" + BLOCK),
        connection_error(PROTOCOL),
    ),
]
PING = [
    Case("6.7", "PING on a stream", frame(Kind.PING, 0, 1, bytes(8)), connection_error(PROTOCOL)),
    Case("6.7", "PING of 7 bytes", ping(bytes(7)), connection_error(SIZE)),
    Case("6.7", "PING of 9 bytes", ping(bytes(9)), connection_error(SIZE)),
    Case(
        "6.7",
        "PING with ACK",
        frame(Kind.PING, ACK, 0, b"unasked!"),
        lambda client: not_echoed(client),
    ),
]
GOAWAY = [
    Case(
        "6.8", "GOAWAY on a stream", frame(Kind.GOAWAY, 0, 1, bytes(8)), connection_error(PROTOCOL)
    ),
    Case("6.8", "GOAWAY of 7 bytes", frame(Kind.GOAWAY, 0, 0, bytes(7)), connection_error(SIZE)),
]
WINDOW_UPDATE = [
    Case("6.9", "increment 0 on the connection", window_update(0, 0), connection_error(PROTOCOL)),
    Case("6.9", "increment 0 on a stream", HELD + window_update(1, 0), either_error(1, PROTOCOL)),
    Case(
        "6.9",
        "WINDOW_UPDATE of 3 bytes",
        frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3)),
        connection_error(SIZE),
    ),
    Case(
        "6.9",
        "WINDOW_UPDATE of 5 bytes",
        frame(Kind.WINDOW_UPDATE, 0, 0, bytes(5)),
        connection_error(SIZE),
    ),
    Case(
        "6.9", "reserved bit of the increment", window_update(0, 1 << 31 | 1) + get(1), answered(1)
    ),
    Case(
        "6.9.1",
        "window of the connection over 2^31 - 1",
        window_update(0, LARGEST) + window_update(0, LARGEST),
        connection_error(FLOW),
    ),
    Case(
        "6.9.1",
        "window of a stream over 2^31 - 1",
        HELD + window_update(1, LARGEST) + window_update(1, LARGEST),
        either_error(1, FLOW),
    ),
    Case(
        "6.9.2",
        "window of a stream over 2^31 - 1 by SETTINGS",
        HELD + window_update(1, LARGEST - 65535) + setting(4, 65536),
        connection_error(FLOW),
    ),
]
CONTINUATION = [
    Case("6.10", "block in two frames", pieces(1, BLOCK, 20), answered(1)),
    Case("6.10", "block in a few frames", pieces(1, BLOCK, len(BLOCK) // 4 + 1), answered(1)),
    Case(
        "6.10",
        "empty HEADERS and one CONTINUATION",
        frame(Kind.HEADERS, END_STREAM, 1) + frame(Kind.CONTINUATION, END_HEADERS, 1, BLOCK),
        answered(1),
    ),
    Case(
        "6.10",
        "trailers in two frames",
        post(1) + data(1, b"x") + pieces(1, block([(b"x-trailer", b"value")]), 12),
        answered(1, body=b"x"),
    ),
    Case(
        "6.10",
        "CONTINUATION and something else",
        frame(Kind.HEADERS, END_STREAM, 1, BLOCK[:5])
        + frame(Kind.CONTINUATION, 0, 1, BLOCK[5:9])
        + data(1, b"x"),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.10",
        "CONTINUATION on stream 0",
        frame(Kind.HEADERS, END_STREAM, 1, BLOCK[:5])
        + frame(Kind.CONTINUATION, END_HEADERS, 0, BLOCK[5:]),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.10",
        "CONTINUATION behind a whole block",
        HELD + frame(Kind.CONTINUATION, END_HEADERS, 1, BLOCK),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.10",
        "CONTINUATION behind the last CONTINUATION",
        pieces(1, BLOCK, 20) + frame(Kind.CONTINUATION, END_HEADERS, 1, b""),
        connection_error(PROTOCOL),
    ),
    Case(
        "6.10",
        "CONTINUATION behind DATA",
        post(1) + data(1, b"x") + frame(Kind.CONTINUATION, END_HEADERS, 1, BLOCK),
        connection_error(PROTOCOL),
    ),
]
CASES = [
    *(DATA + HEADERS + PRIORITY + RST_STREAM + SETTINGS),
    *(PUSH + PING + GOAWAY + WINDOW_UPDATE + CONTINUATION),
]


def not_echoed(client: Http2Client) -> None:
    nothing(client)
    assert Frame(Kind.PING, ACK, 0, b"unasked!") not in client.frames


@pytest.mark.parametrize("case", CASES, ids=str)
def test_definitions(case, client):
    hold(case, client)


def test_ping_is_echoed(client):
    """§6.7: the answer has the same content."""
    client.start().send(ping(b"\0\x01\xfe\xffabcd"))
    answer = Frame(Kind.PING, ACK, 0, b"\0\x01\xfe\xffabcd")
    client.until(lambda: answer in client.frames, "the answer")


def test_settings_are_acknowledged_each(client):
    """§6.5.3: as many acknowledgements as there were frames."""
    client.start().send(setting(3, 10) + setting(3, 20) + settings())
    acks = Frame(Kind.SETTINGS, ACK, 0, b"")
    client.until(lambda: client.frames.count(acks) == 4, "four acknowledgements")
    assert client.alive()
    assert client.frames.count(acks) == 4


def test_the_last_value_of_a_setting_counts(client):
    """§6.5.3: values are taken in order."""
    client.allows = False
    client.start()
    twice = struct.pack(">HLHL", 4, 100, 4, 7)
    client.send(frame(Kind.SETTINGS, 0, 0, twice) + get(1, b"/bytes?50"))
    arrives(client, 1, 7)


def arrives(client: Http2Client, stream: int, count: int) -> None:
    """So many bytes of content come, and by the time of a PING's answer no more."""
    seen = client.stream(stream)
    client.until(lambda: len(seen.body) >= count, f"{count} bytes")
    assert client.alive()
    assert len(seen.body) == count


def test_window_of_one_byte(client):
    """§6.9.1: no more is sent than the window lets through."""
    client.allows = False
    client.start({Setting.INITIAL_WINDOW_SIZE: 1}).send(get(1, b"/bytes?3"))
    arrives(client, 1, 1)
    client.send(window_update(1, 1))
    arrives(client, 1, 2)
    client.send(window_update(1, 1))
    assert client.response(1).body == b"bbb"


def test_settings_change_the_window_of_open_streams(client):
    """§6.9.2: by the difference."""
    client.allows = False
    client.start({Setting.INITIAL_WINDOW_SIZE: 0}).send(get(1, b"/bytes?20"))
    client.until(lambda: bool(client.stream(1).sections), "the head")
    arrives(client, 1, 0)
    client.send(setting(4, 5))
    arrives(client, 1, 5)
    client.send(setting(4, 8))
    arrives(client, 1, 8)


def test_a_window_may_become_negative(client):
    """§6.9.2: then nothing is sent until it is positive again."""
    client.allows = False
    client.start({Setting.INITIAL_WINDOW_SIZE: 10}).send(get(1, b"/bytes?30"))
    arrives(client, 1, 10)
    client.send(setting(4, 3))  # 7 below
    client.send(window_update(1, 7))
    arrives(client, 1, 10)
    client.send(window_update(1, 2))
    arrives(client, 1, 12)


def test_empty_content_needs_no_window(client):
    """§6.9.1: a frame of no length with END_STREAM may always be sent."""
    client.start({Setting.INITIAL_WINDOW_SIZE: 0}).send(get(1, b"/bytes?0"))
    assert client.response(1).body == b""


def test_window_of_the_connection_is_shared(client):
    """§6.9.1: 65,535 bytes for all streams, until it is raised."""
    client.allows = False
    client.start({Setting.INITIAL_WINDOW_SIZE: 1 << 20})
    client.send(get(1, b"/bytes?60000"))
    client.response(1)
    client.send(get(3, b"/bytes?60000"))
    arrives(client, 3, 65535 - 60000)
    client.send(window_update(0, 60000))
    assert len(client.response(3).body) == 60000


@pytest.fixture
def released(address):
    """Lets the app's calls of /deaf return at the end."""
    yield
    with Http2Client(address) as other:
        other.start().send(get(1, b"/release"))
        other.response(1)


@pytest.mark.usefixtures("released")
def test_more_content_than_the_window(client):
    """§6.9.1: a client that sends what it may not send has a FLOW_CONTROL_ERROR."""
    client.start().send(post(1, b"/deaf"))
    for _ in range(3000):
        client.send(data(1, bytes(16384)))
        if client.ended:
            break
    either_error(1, FLOW)(client)


def test_pushes_are_never_sent_and_frames_are_no_larger_than_allowed(client):
    """§6.5.2, §8.4: 16,384 bytes where the client says nothing else; it checks each frame."""
    client.start().send(get(1, b"/bytes?200000"))
    assert len(client.response(1).body) == 200000
    assert not any(one.kind == Kind.PUSH_PROMISE for one in client.frames)


def test_goaway_does_not_end_what_was_begun(client):
    """§6.8: streams that are under way are completed."""
    client.start().send(get(1, b"/slow?seconds=0.05") + goaway())
    assert client.response(1).body == b"at last"
