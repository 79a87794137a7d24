"""A client that sends any bytes and reads answers strictly."""

import re
import socket
import time
from typing import NamedTuple

from tests.support.closing import Closing
from tests.support.wait import DEADLINE

Fields = list[tuple[bytes, bytes]]

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}")


class BadResponse(AssertionError):
    """The server broke RFC 9112: a test that meets it fails."""


class Response(NamedTuple):
    status: int
    headers: Fields  # names lower case, in order
    body: bytes
    reason: bytes = b""
    trailers: Fields = []  # noqa: RUF012 - a tuple's default, never written to

    def all(self, name: bytes) -> list[bytes]:
        """Each value of the field ``name`` (lower case), in order."""
        return [value for field, value in self.headers if field == name]

    def header(self, name: bytes) -> bytes | None:
        """The value of the field ``name``; None where it is absent. A repeated one fails."""
        values = self.all(name)
        if len(values) > 1:
            raise BadResponse(f"{name!r} occurs {len(values)} times: {values!r}")
        return values[0] if values else None


class RawClient(Closing):
    """One connection, to ``(host, port)`` or to the path of a Unix socket.

    Each call ends within ``deadline`` seconds, or raises TimeoutError.
    """

    host = "test"  # what it calls the server

    def __init__(self, address: tuple[str, int] | str, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self.buffer = b""
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(deadline)
            try:
                self.socket.connect(address)
            except OSError:
                self.socket.close()
                raise
        else:
            self.socket = socket.create_connection(address, deadline)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes with RST instead of FIN."""
        linger_zero = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger {1, 0}
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        self.socket.close()

    def half_close(self) -> None:
        """Says that no more bytes will be sent; answers can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        self.socket.settimeout(self.deadline)
        self.socket.sendall(data)

    def get(self, target: str = "/", *lines: str) -> Response:
        """Sends a GET with a Host field and the extra field ``lines``; reads the answer."""
        head = "\r\n".join((f"GET {target} HTTP/1.1", f"Host: {self.host}", *lines, "", ""))
        self.send(head.encode("latin-1"))
        return self.read_response()

    def read_response(self, method: str = "GET") -> Response:
        """The next response, an interim one (1xx) too. ``method`` is the request's.

        Raises BadResponse where the server broke the rules, and ConnectionError where
        it closed before or within the response.
        """
        end = time.monotonic() + self.deadline
        lines = self._read_head(end)
        status, reason = _status_line(lines[0])
        fields = _fields(lines[1:])
        length, chunked = _framing(fields)
        trailers: Fields = []
        if method == "HEAD" or status < 200 or status in (204, 304):
            body = b""
        elif chunked:
            body, trailers = self._read_chunked(end)
        elif length is not None:
            body = self._read_exactly(length, end)
        else:
            body = self.read_until_closed()
        return Response(status, fields, body, reason, trailers)

    def read_until_closed(self) -> bytes:
        """All bytes up to the end. Raises ConnectionResetError on RST."""
        end = time.monotonic() + self.deadline
        while self._receive(end):
            pass
        data, self.buffer = self.buffer, b""
        return data

    def is_closed(self) -> bool:
        """Whether the server has closed or reset, and nothing is left to read. Never waits."""
        if self.buffer:
            return False
        self.socket.settimeout(0)
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def _receive(self, end: float) -> bool:
        """Adds what arrives to the buffer; False at the end of the stream."""
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no more from the server; so far {self.buffer[-2000:]!r}")
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise TimeoutError(f"no more from the server; so far {self.buffer[-2000:]!r}") from None
        self.buffer += data
        return bool(data)

    def _need_more(self, end: float) -> None:
        if not self._receive(end):
            raise ConnectionError(f"closed within a response, after {self.buffer[-2000:]!r}")

    def _read_head(self, end: float) -> list[bytes]:
        while b"\r\n\r\n" not in self.buffer:
            self._need_more(end)
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head.split(b"\r\n")

    def _read_exactly(self, count: int, end: float) -> bytes:
        while len(self.buffer) < count:
            self._need_more(end)
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _read_line(self, end: float) -> bytes:
        while b"\r\n" not in self.buffer:
            self._need_more(end)
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def _read_chunked(self, end: float) -> tuple[bytes, Fields]:
        parts = []
        while size := self._read_chunk_size(end):
            chunk = self._read_exactly(size + 2, end)
            if not chunk.endswith(b"\r\n"):
                raise BadResponse(f"no CRLF behind a chunk of {size} bytes: {chunk[-20:]!r}")
            parts.append(chunk[:-2])
        trailers = []
        while line := self._read_line(end):
            trailers.append(line)
        return b"".join(parts), _fields(trailers)

    def _read_chunk_size(self, end: float) -> int:
        line = self._read_line(end)
        if not CHUNK_SIZE.fullmatch(line):
            raise BadResponse(f"bad chunk size: {line!r}")
        return int(line, 16)


def _status_line(line: bytes) -> tuple[int, bytes]:
    match = STATUS_LINE.fullmatch(line)
    if match is None:
        raise BadResponse(f"bad status line: {line!r}")
    return int(match[1]), match[2]


def _fields(lines: list[bytes]) -> Fields:
    fields = []
    for line in lines:
        match = FIELD_LINE.fullmatch(line)
        if match is None:
            raise BadResponse(f"bad field line: {line!r}")
        fields.append((match[1].lower(), match[2]))
    return fields


def _framing(fields: Fields) -> tuple[int | None, bool]:
    """Content-Length if there is one, and whether the body is chunked."""
    lengths = [value for name, value in fields if name == b"content-length"]
    codings = [value for name, value in fields if name == b"transfer-encoding"]
    if len(lengths) > 1 or len(codings) > 1 or (lengths and codings):
        raise BadResponse(f"ambiguous framing: lengths {lengths!r}, codings {codings!r}")
    if codings and codings[0].lower() != b"chunked":
        raise BadResponse(f"unknown coding {codings[0]!r}")
    if lengths and not lengths[0].isdigit():
        raise BadResponse(f"bad content-length {lengths[0]!r}")
    return (int(lengths[0]) if lengths else None), bool(codings)
