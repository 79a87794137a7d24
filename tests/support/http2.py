"""A client that sends any HTTP/2 frames and reads the server's strictly (RFC 9113).

What the server sends is decoded by the `hpack` library, in order, as its dynamic table wants it.
"""

import socket
import ssl
import struct
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Self

from hpack import Decoder

from tests.support.closing import Closing
from tests.support.h2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    PRIORITIZED,
    Frame,
    Kind,
    frame,
    ping,
    settings,
    settings_ack,
    window_update,
)
from tests.support.raw import Fields
from tests.support.wait import DEADLINE


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


class Http2Client(Closing):
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
