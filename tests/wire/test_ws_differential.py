"""What `wsproto` and `websockets` make of the same bytes; a clause for every difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate as WebsocketsDeflate
from websockets.frames import Opcode
from websockets.protocol import Protocol, Side, State
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong
from wsproto.extensions import PerMessageDeflate as WsprotoDeflate
from wsproto.utilities import RemoteProtocolError

from tests.wire.grammar import patient
from tests.wire.ws_differences import MESSAGE_LIMIT, TERMS, Comparison
from tests.wire.ws_peer import Heard, head, sent
from tests.wire.ws_streams import DATAS, TEXTS, streams, wild
from tricorn.wire.ws import BINARY, CLOSE, PING, PONG, TEXT
from tricorn.wire.ws_deflate import Deflater
from tricorn.wire.ws_frames import FrameCache, close_frame, frame


def websockets_hears(data: bytes, deflate: bool, side: Side = Side.SERVER) -> Heard:
    """Its sans-I/O protocol hands frames out; text it leaves to be decoded."""
    peer = Protocol(side, state=State.OPEN, max_size=MESSAGE_LIMIT)
    if deflate:
        peer.extensions = [WebsocketsDeflate(False, False, 15, 12)]
    peer.receive_data(data)
    heard = Heard()
    opcode, message = Opcode.CONT, b""
    for each in peer.events_received():
        if each.opcode is Opcode.CLOSE:
            code = int.from_bytes(each.data[:2], "big") if each.data else 1005
            heard.events.append((CLOSE, code, bytes(each.data[2:]).decode()))
        elif each.opcode in (Opcode.PING, Opcode.PONG):
            heard.events.append((PING if each.opcode is Opcode.PING else PONG, bytes(each.data)))
        else:
            if each.opcode is not Opcode.CONT:
                opcode, message = each.opcode, b""
            message += each.data
            if each.fin and opcode is Opcode.BINARY:
                heard.events.append((BINARY, message))
            elif each.fin:
                try:
                    heard.events.append((TEXT, message.decode()))
                except UnicodeDecodeError:
                    heard.fault = 1007, "text"
                    return heard
    if peer.parser_exc is not None and peer.close_sent is not None:
        heard.fault = peer.close_sent.code, str(peer.parser_exc)
    return heard


def wsproto_hears(data: bytes, deflate: bool, client: bool = False) -> Heard:
    """Its connection hands out pieces of messages as they come."""
    extensions: list[Any] = []
    if deflate:
        extension = WsprotoDeflate()
        extension._enabled = True
        bits = 12 if client else 15
        extension.server_max_window_bits = extension.client_max_window_bits = bits
        extensions.append(extension)
    peer = Connection(ConnectionType.CLIENT if client else ConnectionType.SERVER, extensions)
    heard = Heard()
    pieces: list[Any] = []
    try:
        peer.receive_data(data)
        for each in peer.events():
            if isinstance(each, Message):
                pieces.append(each.data)
                if each.message_finished:
                    is_bytes = isinstance(each, BytesMessage)
                    joined = b"".join(map(bytes, pieces)) if is_bytes else "".join(pieces)
                    heard.events.append((BINARY if is_bytes else TEXT, joined))
                    pieces = []
            elif isinstance(each, Ping | Pong):
                code = PING if isinstance(each, Ping) else PONG
                heard.events.append((code, bytes(each.payload)))
            elif isinstance(each, CloseConnection) and peer.state is ConnectionState.OPEN:
                heard.fault = int(each.code), each.reason or ""
            elif isinstance(each, CloseConnection):
                heard.events.append((CLOSE, int(each.code), each.reason or ""))
    except RemoteProtocolError as error:
        hint = error.event_hint
        heard.fault = int(hint.code) if isinstance(hint, CloseConnection) else 0, str(error)
    return heard


PEERS: dict[str, Callable[[bytes, bool], Heard]] = {
    "websockets": websockets_hears,
    "wsproto": wsproto_hears,
}
each_peer = pytest.mark.parametrize("name", list(PEERS))
both_ways = pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])


def compare(name: str, deflate: bool, data: bytes) -> None:
    """Raise where they differ and no clause says why."""
    comparison = Comparison(name, PEERS[name], deflate)
    if comparison.explain(data) is None:
        raise AssertionError((comparison.ours(data), PEERS[name](data, deflate)))


@each_peer
@both_ways
class TestReading:
    @patient
    @given(st.data())
    def test_good_streams(self, name: str, deflate: bool, data: st.DataObject) -> None:
        compare(name, deflate, data.draw(streams(deflate)))

    @patient
    @given(st.data())
    def test_wild_streams(self, name: str, deflate: bool, data: st.DataObject) -> None:
        compare(name, deflate, data.draw(wild(deflate)))


CLOSED = sent(8, b"\x03\xe8")
BAD_TEXT = sent(1, b"\xff", final=False)
# What they are known to part at; made-up streams meet some of it once in thousands.
# The peer, whether compression was agreed to, the bytes, the clause.
PARTINGS = {
    "bad text, and a ping": ("websockets", False, BAD_TEXT + sent(9), "RFC 6455 §8.1"),
    "bad text that ends well": (
        "websockets",
        False,
        BAD_TEXT + sent(9) + sent(0, b"a"),
        "RFC 6455 §8.1",
    ),
    "bad text, and a close": ("websockets", False, BAD_TEXT + CLOSED, "RFC 6455 §8.1"),
    "bad text, and a message": ("websockets", False, BAD_TEXT + sent(9) + sent(2), "RFC 6455 §8.1"),
    "half of a bad text": ("websockets", False, sent(1, b"a\xffbc")[:-1], "RFC 6455 §7.1.7"),
    "a close within a message": (
        "websockets",
        False,
        sent(1, b"a", final=False) + CLOSED,
        "RFC 6455 §5.4",
    ),
    "a long form": ("websockets", False, sent(2, b"a", form=16) + sent(9), "RFC 6455 §5.2"),
    "a long form, and a close": (
        "websockets",
        False,
        sent(2, b"a", final=False, form=16) + sent(9) + CLOSED,
        "RFC 6455 §5.2",
    ),
    "two faults in a close": ("websockets", False, sent(8, b"\0\0\xff"), "RFC 6455 §7.4"),
    "a fragmented ping": (
        "websockets",
        False,
        head(9, 0x40102, final=False, form=64),
        "RFC 6455 §7.1.7",
    ),
    "a fragmented ping, too long": (
        "websockets",
        False,
        head(9, 1 << 40, final=False, form=64),
        "RFC 6455 §5.2",
    ),
    "a reserved bit": ("websockets", False, head(2, 0x40102, rsv=1), "RFC 6455 §7.1.7"),
    "nothing to continue": ("websockets", False, head(0, 0x40102), "RFC 6455 §7.1.7"),
    "half a head": ("websockets", False, b"\x0b", "RFC 6455 §7.1.7"),
    "not DEFLATE": ("websockets", True, sent(1, b"\xff\xff", rsv=4), "RFC 6455 §7.4.1"),
    "a stream that ended": (
        "websockets",
        True,
        sent(2, b"\x01", rsv=4) + sent(1, b"JLJ\x06\x00", rsv=4),
        "RFC 7692 §7.2.3.4",
    ),
    "a stream that ended before": (
        "wsproto",
        True,
        sent(2, b"\x01", rsv=4) + sent(1, b"JLJ\x06\x00", rsv=4),
        "RFC 7692 §7.2.3.4",
    ),
    "bytes behind a stream's end": (
        "websockets",
        True,
        sent(1, b"\x4b\x04\x00\xff\xff", rsv=4),
        "RFC 7692 §7.2.3.4",
    ),
    "half a frame with bytes behind a stream's end": (
        "wsproto",
        True,
        sent(2, b"\x4b\x04\x00\xff\xff?", final=False, rsv=4)[:-1],
        "RFC 7692 §7.2.3.4",
    ),
    "a message beyond the limit": ("wsproto", False, head(2, 1 << 40), "RFC 6455 §10.4"),
    "a ping within a compressed message": (
        "wsproto",
        True,
        sent(1, b"JLJ", final=False, rsv=4) + sent(9) + sent(0, b"\x06\x00"),
        "RFC 6455 §5.4",
    ),
    "a message within another": (
        "wsproto",
        True,
        sent(1, b"\x18\x01\x00", final=False, rsv=4) + sent(1, b"\xff\xff\xff\xff\xff"),
        "RFC 6455 §5.4",
    ),
    "a code that came later": ("wsproto", False, sent(8, b"\x03\xf6"), "RFC 6455 §7.4.2"),
}


class TestPartings:
    @pytest.mark.parametrize("case", list(PARTINGS))
    def test_a_clause_decides(self, case: str) -> None:
        name, deflate, data, clause = PARTINGS[case]
        found = Comparison(name, PEERS[name], deflate).explain(data)
        assert found is not None
        assert found.startswith(clause + ":")

    @pytest.mark.parametrize(
        "data",
        [
            sent(1, b"\xff"),
            BAD_TEXT,
            BAD_TEXT + sent(9),
            sent(9, final=False),
            sent(2, rsv=1),
            sent(3),
            sent(8, b"\0\0"),
            sent(0, b"a"),
            sent(2, b"a"),
            sent(8),
        ],
    )
    @both_ways
    @each_peer
    def test_nothing_excuses_a_peer_that_hears_nothing(
        self, name: str, deflate: bool, data: bytes
    ) -> None:
        deaf = Comparison(name, lambda data, deflate: Heard(), deflate)
        assert deaf.explain(data) is None

    def test_nothing_excuses_what_came_before_the_fault(self) -> None:
        comparison = Comparison("websockets", lambda data, deflate: Heard(fault=(1007, "")), False)
        assert comparison.explain(BAD_TEXT + sent(9)) == ""
        assert comparison.explain(sent(9) + BAD_TEXT + sent(9)) is None


class TestWriting:
    @both_ways
    @patient
    @given(
        st.lists(
            st.sampled_from(TEXTS)
            | st.sampled_from(DATAS)
            | st.text(max_size=70)
            | st.binary(max_size=70)
        )
    )
    def test_messages(self, deflate: bool, messages: list[str | bytes]) -> None:
        cache, deflater = FrameCache(), Deflater(TERMS) if deflate else None
        frames = b""
        for message in messages:
            if isinstance(message, str):
                frames += cache.text(message, deflater)
            else:
                frames += cache.binary(message, deflater)
        events = [(TEXT if isinstance(each, str) else BINARY, each) for each in messages]
        for heard in (
            websockets_hears(frames, deflate, Side.CLIENT),
            wsproto_hears(frames, deflate, client=True),
        ):
            assert heard == Heard(events)

    def test_control_frames(self) -> None:
        frames = frame(9, b"ping") + frame(10, b"p" * 125) + close_frame(3001, "over €")
        events = [(PING, b"ping"), (PONG, b"p" * 125), (CLOSE, 3001, "over €")]
        assert websockets_hears(frames, False, Side.CLIENT) == Heard(events)
        assert wsproto_hears(frames, False, client=True) == Heard(events)

    def test_a_close_without_a_code(self) -> None:
        events = [(CLOSE, 1005, "")]
        assert websockets_hears(close_frame(1005), False, Side.CLIENT) == Heard(events)
        assert wsproto_hears(close_frame(1005), False, client=True) == Heard(events)
