"""A WebSocket client that sends any frames, and reads the server's strictly."""

import zlib
from functools import cache
from typing import NamedTuple

from tests.support.closing import Closing
from tests.support.raw import RawClient
from tests.wire.ws_peer import head

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
NO_KEY = bytes(4)  # masks with zeros: what is sent in bulk is made at once
HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


class Frame(NamedTuple):
    opcode: int
    final: bool
    payload: bytes

    @property
    def code(self) -> int:
        """The code of a close frame."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big")


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, rsv: int = 0) -> bytes:
    """A client's frame."""
    return head(opcode, len(payload), final=final, rsv=rsv) + NO_KEY + payload


@cache
def zeros(size: int) -> bytes:
    """The payload of a compressed message (RFC 7692 7.2.1) of so many zeros, in whole MiB."""
    deflater = zlib.compressobj(9, wbits=-12)
    pieces = [deflater.compress(bytes(1 << 20)) for _ in range(size >> 20)]
    return b"".join([*pieces, deflater.flush(zlib.Z_SYNC_FLUSH)])[:-4]


class Socket(Closing):
    """A connection whose handshake is done."""

    def __init__(self, client: RawClient, target: str, *lines: str) -> None:
        self.client = client
        answer = client.get(target, *HANDSHAKE, *lines)
        assert answer.status == 101, answer

    def close(self) -> None:
        self.client.close()

    def send(self, data: bytes) -> None:
        self.client.send(data)

    def flood(self, data: bytes, times: int) -> int:
        """Send the data so often; fewer times where the server has closed. Bytes sent."""
        sent = 0
        try:
            for _ in range(times):
                self.client.socket.sendall(data)
                sent += len(data)
        except OSError:
            pass
        return sent

    def stuff(self, data: bytes, most: int) -> int:
        """Send the data again and again until the server reads no more; bytes sent."""
        self.client.socket.settimeout(0.5)
        sent = 0
        try:
            while sent < most:
                sent += self.client.socket.send(data)
        except TimeoutError:
            pass
        finally:
            self.client.socket.settimeout(self.client.deadline)
        return sent

    def read(self) -> Frame:
        """The next frame. Raises ConnectionError where there is none."""
        first, second = self._take(2)
        assert not first & 0x70, "a reserved bit"
        assert not second & 0x80, "a masked frame"
        size = second
        if size > 125:
            size = int.from_bytes(self._take(2 if size == 126 else 8), "big")
        return Frame(first & 15, bool(first & 0x80), self._take(size))

    def read_close(self) -> int:
        """The code of the close frame, whatever stands before it; then the end must come."""
        while (found := self.read()).opcode != CLOSE:
            pass
        assert self.client.read_until_closed() == b""
        return found.code

    def _take(self, count: int) -> bytes:
        client = self.client
        while len(client.buffer) < count:
            client.socket.settimeout(client.deadline)
            data = client.socket.recv(65536)
            if not data:
                raise ConnectionError(f"closed within a frame, after {client.buffer[-100:]!r}")
            client.buffer += data
        taken, client.buffer = client.buffer[:count], client.buffer[count:]
        return taken
