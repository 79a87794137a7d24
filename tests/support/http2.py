"""A client that sends any HTTP/2 frames and reads the server's strictly (RFC 9113).

Frames are made by functions that keep no state: a header block has each field as a literal that
isn't indexed, so that what a test sends is plain bytes. What the server sends is decoded by the
`hpack` library, in order, as its dynamic table wants it.
"""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple, Self

from hpack import Decoder

from tests.support.raw import Fields
from tests.support.wait import DEADLINE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113 §3.4


class Kind(IntEnum):
    """Frame types (RFC 9113 §6)."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    PRIORITY_UPDATE = 16  # RFC 9218 §7.1


class Code(IntEnum):
    """Error codes (RFC 9113 §7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(IntEnum):
    """Settings (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8
    NO_RFC7540_PRIORITIES = 9


END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self) -> int:
        """The error code of RST_STREAM or GOAWAY."""
        start = 0 if self.kind == Kind.RST_STREAM else 4
        return int.from_bytes(self.payload[start : start + 4], "big")

    @property
    def last_stream(self) -> int:
        """The last stream that a GOAWAY says was handled."""
        return int.from_bytes(self.payload[:4], "big")

    @property
    def settings(self) -> dict[int, int]:
        """What a SETTINGS frame sets."""
        return dict(struct.iter_unpack(">HL", self.payload))

    def __repr__(self) -> str:
        name = Kind(self.kind).name if self.kind in list(Kind) else f"type {self.kind}"
        said = f" code {self.code}" if self.kind in (Kind.RST_STREAM, Kind.GOAWAY) else ""
        text = self.payload if len(self.payload) < 60 else self.payload[:60] + b"..."
        return f"<{name} stream {self.stream} flags {self.flags:#x}{said} {text!r}>"


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """Any frame; its length is true."""
    return raw_frame(len(payload), kind, flags, stream, payload)


def raw_frame(length: int, kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """A frame that says ``length``, whatever its payload is (RFC 9113 §4.1)."""
    return length.to_bytes(3, "big") + struct.pack(">BBL", kind, flags, stream) + payload


def data(stream: int, content: bytes = b"", end: bool = False) -> bytes:
    return frame(Kind.DATA, END_STREAM if end else 0, stream, content)


def settings(values: Mapping[int, int] | None = None) -> bytes:
    payload = b"".join(struct.pack(">HL", name, value) for name, value in (values or {}).items())
    return frame(Kind.SETTINGS, 0, 0, payload)


def settings_ack() -> bytes:
    return frame(Kind.SETTINGS, ACK)


def ping(opaque: bytes = b"answered") -> bytes:
    return frame(Kind.PING, 0, 0, opaque)


def reset(stream: int, code: int = Code.CANCEL) -> bytes:
    return frame(Kind.RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def window_update(stream: int, increment: int) -> bytes:
    return frame(Kind.WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def goaway(code: int = Code.NO_ERROR, last: int = 0) -> bytes:
    return frame(Kind.GOAWAY, 0, 0, struct.pack(">LL", last, code))


def priority(stream: int, on: int = 0, weight: int = 15) -> bytes:
    return frame(Kind.PRIORITY, 0, stream, struct.pack(">LB", on, weight))


def priority_update(stream: int, value: bytes) -> bytes:
    return frame(Kind.PRIORITY_UPDATE, 0, 0, stream.to_bytes(4, "big") + value)


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """An HPACK integer with a prefix of so many bits; ``first`` has the bits before it
    (RFC 7541 §5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    value -= most
    encoded = bytearray([first | most])
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def string(text: bytes) -> bytes:
    """A string literal without Huffman coding (RFC 7541 §5.2)."""
    return integer(len(text), 7) + text


def literal(name: bytes, value: bytes) -> bytes:
    """A field that isn't indexed, with its name spelled out (RFC 7541 §6.2.2)."""
    return b"\0" + string(name) + string(value)


def block(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A header block that leaves the dynamic table alone."""
    return b"".join(literal(name, value) for name, value in fields)


def request(path: bytes = b"/", method: bytes = b"GET", *more: tuple[bytes, bytes]) -> Fields:
    """The fields of a request."""
    pseudo = [(b":method", method), (b":scheme", b"http"), (b":path", path)]
    return [*pseudo, (b":authority", b"test"), *more]


def headers(stream: int, fields: Iterable[tuple[bytes, bytes]], end: bool = True) -> bytes:
    """HEADERS with a whole header block."""
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(Kind.HEADERS, flags, stream, block(fields))


def get(stream: int, path: bytes = b"/", *more: tuple[bytes, bytes]) -> bytes:
    """A whole GET."""
    return headers(stream, request(path, b"GET", *more))


def post(stream: int, path: bytes = b"/echo", *more: tuple[bytes, bytes]) -> bytes:
    """The head of a POST; its content must follow."""
    return headers(stream, request(path, b"POST", *more), end=False)


class Response(NamedTuple):
    status: int
    headers: Fields
    body: bytes
    trailers: Fields
    informed: list[Fields]  # the interim responses, without their status

    def header(self, name: bytes) -> bytes | None:
        values = [value for field, value in self.headers if field == name]
        assert len(values) < 2, (name, values)
        return values[0] if values else None


class Stream:
    """What came on one stream."""

    def __init__(self) -> None:
        self.sections: list[Fields] = []
        self.body = bytearray()
        self.ended = False
        self.reset: int | None = None  # the code

    def response(self) -> Response:
        interim = [section for section in self.sections if _status(section) in range(100, 200)]
        head, *trailers = self.sections[len(interim) :]
        assert len(trailers) < 2, self.sections
        for section in trailers:
            assert not any(name.startswith(b":") for name, _ in section), section
        plain = [field for field in head if field[0] != b":status"]
        assert not any(name != name.lower() for name, _ in plain), plain
        informed = [[field for field in one if field[0] != b":status"] for one in interim]
        last = trailers[0] if trailers else []
        return Response(_status(head), plain, bytes(self.body), last, informed)


def _status(section: Fields) -> int:
    values = [value for name, value in section if name == b":status"]
    return int(values[0]) if values else 0


class Http2Client:
    """One connection, to ``(host, port)``, over TLS where a context is given.

    Each call ends within ``deadline`` seconds, or raises TimeoutError. SETTINGS and PING are
    answered, and content is let through, as long as ``answers`` and ``allows`` say so.
    """

    def __init__(
        self,
        address: tuple[str, int],
        deadline: float = DEADLINE,
        tls: ssl.SSLContext | None = None,
        allows: bool = True,
    ) -> None:
        self.deadline = deadline
        self.allows = allows
        self.answers = True
        self.buffer = bytearray()
        self.frames: list[Frame] = []  # all that came
        self.streams: dict[int, Stream] = {}
        self.settings: dict[int, int] = {}  # the server's
        self.greeted = False  # its SETTINGS came
        self.gone: Frame | None = None  # the last GOAWAY
        self.ended = False  # the server closed
        self.decoder = Decoder(max_header_list_size=1 << 20)
        self._block = bytearray()
        self._pings = 0
        self._time = 0.0
        plain = socket.create_connection(address, deadline)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, sent: bytes) -> None:
        """Sends the bytes. One that the server has closed to takes them, and does nothing."""
        self.socket.settimeout(self.deadline)
        try:
            self.socket.sendall(sent)
        except ConnectionError:
            pass  # what it said before can still be read

    def half_close(self) -> None:
        """Says that no more will be sent; what comes can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def shut(self) -> None:
        """Ends both sides, so that a thread that still sends stops."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was first

    def read_bytes(self) -> bytes:
        """All that comes until the end, as it is: for what may not be HTTP/2."""
        self._time = time.monotonic() + self.deadline
        while self._receive():
            pass
        return bytes(self.buffer)

    def start(self, values: Mapping[int, int] | None = None) -> Self:
        """The preface with SETTINGS; waits for those of the server."""
        self.send(PREFACE + settings(values))
        self.until(lambda: self.greeted, "the server's SETTINGS")
        return self

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Reads until the condition holds. Raises ConnectionError where the server ends first."""
        self._time = time.monotonic() + self.deadline
        while not condition():
            if self.read() is None:
                raise ConnectionError(f"closed before {what}; came {self.frames[-20:]}")

    def read(self) -> Frame | None:
        """The next frame, dealt with; None at the end of the connection."""
        head = self._take(9)
        if head is None:
            return None
        length = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBL", head[3:])
        assert length <= 16384, "larger than SETTINGS_MAX_FRAME_SIZE allows"
        payload = self._take(length)
        if payload is None:
            return None
        found = Frame(kind, flags, stream, payload)
        self.frames.append(found)
        self._handle(found)
        return found

    def read_to_the_end(self) -> list[Frame]:
        """All that comes until the server closes, and what came before."""
        self._time = time.monotonic() + self.deadline
        while self.read() is not None:
            pass
        return self.frames

    def stream(self, number: int) -> Stream:
        """What came on the stream so far."""
        return self.streams.setdefault(number, Stream())

    def response(self, stream: int) -> Response:
        """The whole response on a stream. Raises AssertionError where it is reset first."""
        seen = self.stream(stream)
        self.until(lambda: seen.ended or seen.reset is not None, f"a response on {stream}")
        assert seen.ended, f"stream {stream} was reset with code {seen.reset}"
        return seen.response()

    def reset_code(self, stream: int) -> int:
        """The code of the RST_STREAM that comes on a stream."""
        seen = self.stream(stream)
        self.until(lambda: seen.reset is not None, f"a reset of {stream}")
        assert seen.reset is not None
        return seen.reset

    def alive(self) -> bool:
        """Whether the server answers a PING: what was sent before has been read by then."""
        self._pings += 1
        opaque = b"ping%4d" % self._pings
        self.send(ping(opaque))
        answer = Frame(Kind.PING, ACK, 0, opaque)
        try:
            self.until(lambda: answer in self.frames, "the answer to PING")
        except ConnectionError:
            return False
        return True

    def _take(self, count: int) -> bytes | None:
        while len(self.buffer) < count:
            if not self._receive():
                return None
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def _receive(self) -> bool:
        left = (self._time or time.monotonic() + self.deadline) - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no more from the server; came {self.frames[-20:]}")
        self.socket.settimeout(left)
        try:
            found = self.socket.recv(65536)
        except TimeoutError:
            raise TimeoutError(f"no more from the server; came {self.frames[-20:]}") from None
        except ConnectionError:
            found = b""  # a reset: it hadn't read all of what was sent
        self.buffer += found
        self.ended = not found
        return bool(found)

    def _handle(self, found: Frame) -> None:
        act = HANDLERS.get(found.kind)
        if act is not None:
            act(self, found)

    def _stream(self, found: Frame) -> Stream:
        assert found.stream, f"{found} on stream 0"
        return self.stream(found.stream)

    def _data(self, found: Frame) -> None:
        stream = self._stream(found)
        content = found.payload
        if found.flags & PADDED:
            content = content[1 : len(content) - content[0]]
        stream.body += content
        stream.ended = bool(found.flags & END_STREAM)
        if self.allows and found.payload:
            size = len(found.payload)
            self.send(window_update(0, size))
            if not stream.ended:
                self.send(window_update(found.stream, size))

    def _headers(self, found: Frame) -> None:
        stream = self._stream(found)
        assert not found.flags & (PADDED | PRIORITIZED), found
        self._block += found.payload
        if found.flags & END_STREAM and found.kind == Kind.HEADERS:
            stream.ended = True
        if found.flags & END_HEADERS:
            section = self.decoder.decode(bytes(self._block), raw=True)
            self._block.clear()
            stream.sections.append([(bytes(name), bytes(value)) for name, value in section])

    def _rst_stream(self, found: Frame) -> None:
        self._stream(found).reset = found.code

    def _settings(self, found: Frame) -> None:
        assert found.stream == 0
        if found.flags & ACK:
            return
        self.settings |= found.settings
        self.greeted = True
        if self.answers:
            self.send(settings_ack())

    def _ping(self, found: Frame) -> None:
        if self.answers and not found.flags & ACK:
            self.send(frame(Kind.PING, ACK, 0, found.payload))

    def _goaway(self, found: Frame) -> None:
        self.gone = found


HANDLERS: dict[int, Callable[[Http2Client, Frame], None]] = {
    Kind.DATA: Http2Client._data,
    Kind.HEADERS: Http2Client._headers,
    Kind.CONTINUATION: Http2Client._headers,
    Kind.RST_STREAM: Http2Client._rst_stream,
    Kind.SETTINGS: Http2Client._settings,
    Kind.PING: Http2Client._ping,
    Kind.GOAWAY: Http2Client._goaway,
}
