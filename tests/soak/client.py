"""One client connection that sends any bytes and reads answers strictly."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from tests.support.raw import CHUNK_SIZE, FIELD_LINE, STATUS_LINE, BadResponse, Fields, Response

Address = tuple[str, int] | str  # (host, port), or the path of a Unix socket
LINGER_ZERO = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # struct linger {1, 0}
SMALL_BUFFER = 4096  # bytes; what makes a reader slow in the server's eyes


class Connection:
    """A connection, made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send the bytes; waits for the server only where it doesn't read."""
        self.writer.write(data)
        await self.writer.drain()

    async def ask(self, data: bytes, method: str = "GET") -> Response:
        """Send a request and read its answer."""
        await self.send(data)
        return await self.response(method)

    async def response(self, method: str = "GET") -> Response:
        """The next response, an interim one too. Raises BadResponse, OSError or EOFError."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        match = STATUS_LINE.fullmatch(first)
        if match is None:
            raise BadResponse(f"bad status line: {first!r}")
        fields = [_field(line) for line in lines]
        status = int(match[1])
        if method == "HEAD" or status < 200 or status in (204, 304):
            return Response(status, fields, b"", match[2])
        return Response(status, fields, await self._content(fields), match[2])

    async def _content(self, fields: Fields) -> bytes:
        length = [value for name, value in fields if name == b"content-length"]
        chunked = (b"transfer-encoding", b"chunked") in fields
        if len(length) > 1 or (length and chunked):
            raise BadResponse(f"unclear framing: {fields!r}")
        if chunked:
            return await self._chunks()
        if length:
            return await self.reader.readexactly(int(length[0]))
        return await self.reader.read()

    async def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while True:
            line = (await self.reader.readuntil(b"\r\n"))[:-2]
            if not CHUNK_SIZE.fullmatch(line):
                raise BadResponse(f"bad chunk size: {line!r}")
            data = await self.reader.readexactly(int(line, 16) + 2)
            if not data.endswith(b"\r\n"):
                raise BadResponse(f"no CRLF behind a chunk: {data[-20:]!r}")
            if len(data) == 2:
                return b"".join(parts)
            parts.append(data[:-2])

    async def expect_end(self) -> None:
        """Wait until the server closes. Raises BadResponse where it sends something else."""
        with suppress(ConnectionError):  # a reset ends it as well
            if rest := await self.reader.read():
                raise BadResponse(f"behind the last answer came {rest[:200]!r}")

    def half_close(self) -> None:
        """Say that no more bytes will be sent."""
        with suppress(OSError):  # the server may have reset it by now
            self.writer.write_eof()

    def reset(self) -> None:
        """Close with RST instead of FIN, where the kind of socket knows it."""
        transport = self.writer.transport
        with suppress(OSError):
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO
            )
        transport.abort()

    async def close(self) -> None:
        """Close with FIN, and wait until that is done."""
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


async def connect(address: Address, small: bool = False) -> Connection:
    """Connect; ``small`` buffers let little of an answer out of the server."""
    family = socket.AF_UNIX if isinstance(address, str) else _family(address)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        await asyncio.get_running_loop().sock_connect(sock, address)
        limit = SMALL_BUFFER if small else 1 << 16
        return Connection(*await asyncio.open_connection(sock=sock, limit=limit))
    except BaseException:
        sock.close()
        raise


def _family(address: tuple[str, int]) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def _field(line: bytes) -> tuple[bytes, bytes]:
    match = FIELD_LINE.fullmatch(line)
    if match is None:
        raise BadResponse(f"bad field line: {line!r}")
    return match[1].lower(), match[2]
