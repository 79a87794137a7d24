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
from tests.wire.ws_peer import Heard, hear
from tests.wire.ws_streams import DATAS, TEXTS, streams, wild
from tricorn.wire.ws import BINARY, CLOSE, PING, PONG, TEXT
from tricorn.wire.ws_deflate import Deflater, DeflateTerms
from tricorn.wire.ws_frames import FrameCache, close_frame, frame

TERMS = DeflateTerms(12, 15, True, True, b"")


def websockets_hears(data: bytes, deflate: bool, side: Side = Side.SERVER) -> Heard:
    """Its sans-I/O protocol hands frames out; text it leaves to be decoded."""
    peer = Protocol(side, state=State.OPEN, max_size=16777216)
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


def explanation(data: bytes, name: str, deflate: bool, ours: Heard, theirs: Heard) -> str | None:
    """The clause that says why ours is right where they differ; None when nothing says so."""
    reason = "" if ours.fault is None else ours.fault[1]
    same_events = ours.events == theirs.events
    if name == "wsproto" and deflate and is_interrupted(data):
        return "RFC 6455 §5.4: control frames within a compressed message; wsproto loses its bit"
    if name == "websockets" and (reason in LONG_FORM) and starts_with(theirs.events, ours.events):
        return "RFC 6455 §5.2: the length has its shortest form; websockets takes any"
    if name == "websockets" and "incomplete fragmented message" in (theirs.fault or (0, ""))[1]:
        if (CLOSE, *ours.events[-1][1:]) == ours.events[-1]:
            return "RFC 6455 §5.4: a close is a control frame, and may come within a message"
    if not same_events or ours.fault is None:
        return None
    if theirs.fault is None:
        rest = PEERS[name](data + bytes(70_000), deflate)
        if rest.fault is not None and rest.events == ours.events:
            return "RFC 6455 §7.1.7: a fault in a frame that hasn't come as a whole is a fault"
        return None
    if reason == "text is not UTF-8":
        return "RFC 6455 §8.1: the text is bad, whatever may be wrong behind it"
    if reason == "close code that must not be sent" and theirs.code == 1007:
        return "RFC 6455 §7.4: a close frame with two faults"
    if reason == "compressed message is not DEFLATE data" and theirs.code == 1002:
        return "RFC 6455 §7.4.1: 1007 is for data that isn't what it should be; RFC 7692 names none"
    return None


LONG_FORM = ("payload length is not in its shortest form", "control frame longer than 125 bytes")


def starts_with(events: list[Any], first: list[Any]) -> bool:
    return events[: len(first)] == first


def is_interrupted(data: bytes) -> bool:
    """Whether a control frame stands within a compressed message, as far as there are frames."""
    at, compressed = 0, False
    while at + 2 <= len(data):
        first, size = data[at], data[at + 1] & 127
        at += 2
        if size > 125:
            width = 2 if size == 126 else 8
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        at += 4 + size
        if first & 8 and compressed:
            return True
        if not first & 8:
            compressed = not first & 0x80 and (compressed or first & 0x40 != 0)
    return False


PEERS: dict[str, Callable[[bytes, bool], Heard]] = {
    "websockets": websockets_hears,
    "wsproto": wsproto_hears,
}
each_peer = pytest.mark.parametrize("name", list(PEERS))
both_ways = pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])


def compare(name: str, deflate: bool, data: bytes) -> None:
    """Raise where they differ and no clause says why."""
    theirs = PEERS[name](data, deflate)
    ours = hear([data], None, TERMS if deflate else None)
    if (ours.events, ours.code) != (theirs.events, theirs.code):
        assert explanation(data, name, deflate, ours, theirs), (ours, theirs)


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
