"""Reading WebSocket messages from a client (RFC 6455 §5 to §8): bytes in, codes out, no I/O.

```
            head of a frame                      last byte of the message
 BETWEEN ────────────────────► WITHIN A MESSAGE ──────────────────────────► TEXT, BINARY
    │                               │   ▲
    │ whole control frame           │   │ whole control frame
    ├──► PING, PONG                 └───┘ PING, PONG
    └──► CLOSE (nothing behind it is read)
 any fault ─► FAILED (the same Violation for ever)
```

A fault is found at the first byte that makes it one: a bad head as soon as the byte that
is wrong has come, a message that will be too long at the length of its frame, bad UTF-8
within the frame that is still arriving. Only compressed text is checked as a whole, and a
close frame's reason, which is short. A verdict never depends on how the bytes were cut,
but for a compressed message that is both too long and no DEFLATE: zlib reads a little ahead.

What has come of a message lies unmasked in one bytearray, so that a message in a million
pieces costs its bytes and nothing else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tricorn.wire.errors import Violation
from tricorn.wire.mask import (
    ascii_text,
    unmask,
    unmask_before,
    unmask_onto,
    unmask_text,
    utf8_end,
)
from tricorn.wire.ws_deflate import TAIL, Inflater
from tricorn.wire.ws_frames import NO_CODE, is_close_code

# What `next()` answers.
NEED_DATA: Final = 0
TEXT: Final = 1
BINARY: Final = 2
PING: Final = 3
PONG: Final = 4
CLOSE: Final = 5

# Opcodes (RFC 6455 §5.2). Those of text and binary are the codes above.
_CONTINUATION: Final = 0
_OPCODE_TEXT: Final = 1
_OPCODE_BINARY: Final = 2  # 3 to 7 are reserved for more of these
_OPCODE_CLOSE: Final = 8
_OPCODE_PING: Final = 9
_OPCODE_PONG: Final = 10

# The bits of a frame's first byte.
_FINAL: Final = 0x80
_COMPRESSED: Final = 0x40  # RSV1, by RFC 7692 §6
_RESERVED: Final = 0x30
_CONTROL: Final = 0x08

# Integers of C when compiled: NEED_DATA, and a step that led to no code.
_NOTHING: Final = NEED_DATA
_AGAIN: Final = -1
# Python's sizes end at 2**63, and a limit gets sums added to it.
_LARGEST: Final = 1 << 60
_TAIL: Final = TAIL


class MessageLimits(NamedTuple):
    """Bounds on what a client sends."""

    message: int = 16777216  # bytes, after inflating; more is 1009
    fragments: int = 65536  # frames of one message; more is 1008
    controls: int = 200  # control frames between two calls of `allow_controls`; more is 1008


class MessageReader:
    """Reads the messages of one client in order.

    `inflater` is there when permessage-deflate was agreed to. After `next()` answered
    TEXT the message is `text`; after BINARY, PING and PONG it is `data`; after CLOSE
    there are `close_code` (1005 where none was sent) and `close_reason`. The next call
    of `next()` may drop them.
    """

    def __init__(self, limits: MessageLimits, inflater: Inflater | None = None) -> None:
        self.limit = min(limits.message, _LARGEST)
        # A stored block of DEFLATE is longer than what it holds.
        self.wire_limit = self.limit + self.limit // 8 + 64
        self.fragment_limit = limits.fragments
        self.control_limit = limits.controls
        self.controls = 0
        self.inflater = inflater
        self.violation: Violation | None = None
        self.closed = False
        self.bytes_in = b""
        self.at = 0
        # The message in progress: its opcode (0: none), what has come of it, its frames.
        self.opcode = 0
        self.compressed = False
        self.message = bytearray()
        self.checked = 0  # bytes of `message` that are whole characters
        self.is_ascii = False  # all of them
        self.wire_size = 0  # payload bytes that its frames announced so far
        self.fragments = 0
        # Its frame in progress.
        self.in_frame = False
        self.final = False
        self.left = 0  # payload bytes still to come
        self.key = b""
        self.phase = 0  # the byte of the key that comes next
        self.text = ""
        self.data = b""
        self.close_code = NO_CODE
        self.close_reason = ""

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection. Behind a close or a fault they are dropped."""
        if self.closed:
            return
        if self.at >= len(self.bytes_in):
            self.bytes_in = data
        else:
            self.bytes_in = self.bytes_in[self.at :] + data
        self.at = 0

    def unread(self) -> int:
        """Return how many bytes were fed and not yet consumed.

        A message in progress doesn't count: its limit bounds it.
        """
        return len(self.bytes_in) - self.at

    def allow_controls(self) -> None:
        """Start the count of control frames afresh; called once a second, say."""
        self.controls = 0

    def next(self) -> int:
        """Read on to the next message or control frame.

        Raises `Violation` for what the client must not send, and from then on always.
        """
        if self.violation is not None:
            raise self.violation
        if self.at >= len(self.bytes_in):
            # Each message is followed by this question.
            self._let_go()
            return _NOTHING
        try:
            code = _AGAIN
            while code == _AGAIN:
                code = self._read_payload() if self.in_frame else self._read_frame()
        except Violation as violation:
            self.violation = violation
            self._stop()
            raise
        if code == _NOTHING:
            self._let_go()
        return code

    def _let_go(self) -> None:
        """Hold nothing of the last message, nor of the bytes that were read.

        An idle connection shouldn't. Nor should a busy one: the memory is in the processor's caches
        when the next message is received into it.
        """
        self.text = ""
        self.data = b""
        if self.at >= len(self.bytes_in):
            self.bytes_in = b""
            self.at = 0

    def _stop(self) -> None:
        """Read nothing more."""
        self.closed = True
        self.bytes_in = b""
        self.at = 0
        self.message = bytearray()

    # Heads

    def _read_frame(self) -> int:
        """Read a frame's head, and its payload too if all of it is there."""
        data = self.bytes_in
        at = self.at
        available = len(data) - at
        if available <= 0:
            return _NOTHING
        first = data[at]
        self._check_first(first)
        if available < 2:
            return _NOTHING
        second = data[at + 1]
        if second < 128:
            raise Violation(1002, "frame is not masked")
        size = second & 127
        key_at = at + 2
        if size > 125:
            if first & _CONTROL:
                raise Violation(1002, "control frame longer than 125 bytes")
            key_at = at + (4 if size == 126 else 10)
            if len(data) < key_at:
                return _NOTHING
            size = self._long_size(data, at + 2, key_at)
        if first & _CONTROL:
            return self._read_control(first & 15, key_at, size)
        self._check_size(first, size)
        if len(data) < key_at + 4:
            return _NOTHING
        if first & _FINAL and first & 15 and len(data) - key_at - 4 >= size:
            self.at = key_at + 4 + size
            return self._read_whole(first, key_at, size)
        self._start_frame(first, key_at, size)
        return _AGAIN

    def _check_first(self, first: int) -> None:
        """Refuse what the first byte of a frame can be wrong in (RFC 6455 §5.2, §5.4)."""
        opcode = first & 15
        if first & _RESERVED:
            raise Violation(1002, "reserved bit is set")
        if _CONTINUATION < opcode <= _OPCODE_BINARY:
            if self.opcode:
                raise Violation(1002, "new message within an unfinished one")
            if first & _COMPRESSED and self.inflater is None:
                raise Violation(1002, "reserved bit is set: compression was not agreed to")
            return
        if first & _COMPRESSED:
            raise Violation(1002, "compression bit on a frame that can't start a message")
        if opcode == _CONTINUATION:
            if not self.opcode:
                raise Violation(1002, "continuation without a message to continue")
            if self.fragments >= self.fragment_limit:
                raise Violation(1008, f"message in more than {self.fragment_limit} fragments")
        elif opcode < _OPCODE_CLOSE or opcode > _OPCODE_PONG:
            raise Violation(1002, "unknown opcode")
        elif not first & _FINAL:
            raise Violation(1002, "fragmented control frame")
        elif opcode != _OPCODE_CLOSE and self.controls >= self.control_limit:
            raise Violation(1008, "too many control frames")

    def _long_size(self, data: bytes, start: int, end: int) -> int:
        """Read a payload length of 16 or 64 bits, which must need that many (§5.2)."""
        if end - start == 2:
            size, least = data[start] << 8 | data[start + 1], 126
        elif data[start] & 0x80:
            raise Violation(1002, "payload length has its top bit set")
        else:
            size, least = int.from_bytes(data[start:end], "big"), 65536
        if size < least:
            raise Violation(1002, "payload length is not in its shortest form")
        return size

    def _check_size(self, first: int, size: int) -> None:
        """Refuse a message that will be too long by what its frames announce."""
        before = self.wire_size if self.opcode else 0
        compressed = self.compressed if self.opcode else first & _COMPRESSED
        if size > (self.wire_limit if compressed else self.limit) - before:
            raise _too_large(self.limit)

    # Control frames

    def _read_control(self, opcode: int, key_at: int, size: int) -> int:
        """Read a control frame, when all of its at most 125 bytes are there."""
        end = key_at + 4 + size
        if len(self.bytes_in) < end:
            return _NOTHING
        payload = unmask(self.bytes_in, key_at, size)
        self.at = end
        if opcode == _OPCODE_CLOSE:
            return self._read_close(payload)
        self.controls += 1
        self.data = payload
        return PING if opcode == _OPCODE_PING else PONG

    def _read_close(self, payload: bytes) -> int:
        """Read the code and reason of a close frame (RFC 6455 §5.5.1, §7.4)."""
        if payload:
            code = int.from_bytes(payload[:2], "big")
            if len(payload) == 1:
                raise Violation(1002, "close frame with half a code")
            if not is_close_code(code):
                raise Violation(1002, "close code that must not be sent")
            try:
                self.close_reason = payload[2:].decode("utf-8")
            except UnicodeDecodeError:
                raise Violation(1007, "close reason is not UTF-8") from None
            self.close_code = code
        self._stop()
        return CLOSE

    # Messages

    def _read_whole(self, first: int, key_at: int, size: int) -> int:
        """Read a message that is one frame, all of it there."""
        if first & _COMPRESSED:
            assert self.inflater is not None
            payload = self.inflater.inflate(
                unmask_before(self.bytes_in, key_at, size, _TAIL), self.limit
            )
            if first & 15 == _OPCODE_TEXT:
                self.text = _decoded(payload)
                return _OPCODE_TEXT
            self.data = payload
            return _OPCODE_BINARY
        if first & 15 == _OPCODE_BINARY:
            self.data = unmask(self.bytes_in, key_at, size)
            return _OPCODE_BINARY
        try:
            self.text = unmask_text(self.bytes_in, key_at, size)
        except UnicodeDecodeError:
            raise _not_utf8() from None
        return _OPCODE_TEXT

    def _start_frame(self, first: int, key_at: int, size: int) -> None:
        """Go on to the payload of a frame that is no whole message in itself."""
        if first & 15:
            self.opcode = first & 15
            self.compressed = first & _COMPRESSED != 0
            self.wire_size = self.fragments = self.checked = 0
            self.is_ascii = True
        self.wire_size += size
        self.fragments += 1
        self.in_frame = True
        self.final = first & _FINAL != 0
        self.left = size
        self.key = self.bytes_in[key_at : key_at + 4]
        self.phase = 0
        self.at = key_at + 4

    def _read_payload(self) -> int:
        """Take what has come of the frame's payload."""
        start = self.at
        size = min(len(self.bytes_in) - start, self.left)
        if size > 0:
            self.at = start + size
            self.left -= size
            self._take(start, start + size)
            self.phase = (self.phase + size) & 3
        if self.left:
            return _NOTHING
        self.in_frame = False
        return self._finish_message() if self.final else _AGAIN

    def _take(self, start: int, end: int) -> None:
        """Add a piece of payload to the message."""
        if self.compressed:
            assert self.inflater is not None
            piece = bytearray()
            unmask_onto(piece, self.bytes_in, start, end, self.key, self.phase, 0)
            self.inflater.feed(bytes(piece), self.message, self.limit)
            return
        message = self.message
        whole = self.checked == len(message)
        ascii_piece = unmask_onto(
            message, self.bytes_in, start, end, self.key, self.phase, self.left
        )
        if self.opcode != _OPCODE_TEXT:
            return
        if ascii_piece and whole:
            self.checked = len(message)
            return
        self.is_ascii = False
        self.checked = utf8_end(message, self.checked)
        if self.checked < 0:
            raise _not_utf8()

    def _finish_message(self) -> int:
        """Hand the message out, which has come as a whole."""
        if self.compressed:
            assert self.inflater is not None
            self.inflater.finish(self.message, self.limit)
        code = self.opcode
        if code == _OPCODE_TEXT:
            plain = self.is_ascii and not self.compressed
            self.text = ascii_text(self.message) if plain else self._decoded_message()
        else:
            self.data = bytes(self.message)
        self.opcode = 0
        self.message = bytearray()
        return code

    def _decoded_message(self) -> str:
        try:
            return self.message.decode("utf-8")
        except UnicodeDecodeError:
            raise _not_utf8() from None


def _decoded(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError:
        raise _not_utf8() from None


def _not_utf8() -> Violation:
    return Violation(1007, "text is not UTF-8")


def _too_large(limit: int) -> Violation:
    return Violation(1009, f"message longer than {limit} bytes")
