"""Writing WebSocket frames (RFC 6455 §5), each once, to however many it goes.

An app that broadcasts sends the same `str` or `bytes` object to each connection, one
after the other. The cache sees that by identity, which is enough: both are immutable.

Compressed with a connection's own context a frame fits that connection alone. But a
message compressed without context may always be sent (RFC 7692 §7.1.1 lets a sender
use the context, and doesn't ask it to). The client's window then moves on by a message
that the connection's own compressor never saw, so that one has to start afresh:

| the payload object | the connection's compressor | what is sent |
|---|---|---|
| short, seen first | any | its own compression; kept for all where nothing came before |
| short, seen again | the one that compressed it | its own compression |
| short, seen again | another | the compression without context, made once; the compressor rests |
| as long as the window | any | the compression without context, made once; the compressor rests |

To a message as long as our window the messages before it are worth little, and to the one
behind it they are out of reach. So it needs no compressor of the connection's own.
"""

from __future__ import annotations

from typing import Any, Final

from tricorn.wire.deflate_library import Compressor, quick_compressor
from tricorn.wire.mask import ascii_frame, frame_head, frame_of, frame_of_start, text_payload
from tricorn.wire.ws_deflate import TAIL, WINDOW_BITS, Deflater, deflate_alone

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

# RFC 6455 §5.5: the payload of a control frame, and the reason of a close.
CONTROL_LIMIT: Final = 125
REASON_LIMIT: Final = CONTROL_LIMIT - 2
# A shorter message (in characters or bytes) isn't compressed. Measured with JSON of 64
# bytes: 7 µs of work, where a plain frame takes half of one, save 45 bytes with context
# and 6 without. The headers of TCP and IP are as long as that.
COMPRESS_FROM: Final = 64

# The bits of a frame's first byte; RSV1 says that it is compressed (RFC 7692 §6).
_FINAL: Final = 0x80
_COMPRESSED: Final = 0x40
# Integers of C when compiled.
_TEXT_FRAME: Final = _FINAL | TEXT
_BINARY_FRAME: Final = _FINAL | BINARY
_SHORT: Final = COMPRESS_FROM
_FILLS_WINDOW: Final = 1 << WINDOW_BITS
_TAIL_SIZE: Final = len(TAIL)
NO_CODE: Final = 1005  # stands for a close frame without a code; never sent (§7.4.1)


def is_close_code(code: int) -> bool:
    """Say whether a close frame may carry the code (RFC 6455 §7.4, and IANA's registry)."""
    return 3000 <= code < 5000 or (1000 <= code <= 1014 and not 1004 <= code <= 1006)


def frame(opcode: int, payload: bytes) -> bytes:
    """Serialise a whole message, or a ping or pong of at most 125 bytes, uncompressed."""
    if opcode >= CLOSE and len(payload) > CONTROL_LIMIT:
        raise ValueError(f"a control frame holds {CONTROL_LIMIT} bytes, not {len(payload)}")
    return frame_of(_FINAL | opcode, payload)


def close_frame(code: int, reason: str = "") -> bytes:
    """Serialise a close frame. 1005 stands for one without code and reason.

    A reason over 123 bytes of UTF-8 is cut between two characters. Raises `ValueError`
    for a code that no endpoint may send, and for a lone surrogate.
    """
    if code == NO_CODE:
        return frame_of(_FINAL | CLOSE, b"")
    if not is_close_code(code):
        raise ValueError(f"close code must be 1000 to 1003, 1007 to 1014 or 3000 to 4999: {code!r}")
    text = _utf8(reason)
    if len(text) > REASON_LIMIT:
        text = text[:REASON_LIMIT].decode("utf-8", "ignore").encode("utf-8")
    return frame_of(_FINAL | CLOSE, code.to_bytes(2, "big") + text)


class FrameCache:
    """Serialises messages; one cache serves all connections of a worker.

    It holds on to the last message and its frames until `forget()`.
    """

    def __init__(self) -> None:
        self.payload: object = None  # the str or bytes that the rest is about
        self.plain: bytes | None = None  # its frame, uncompressed
        self.pieces: list[Any] | None = None  # the same, as head and payload
        self.first: Deflater | None = None  # who compressed it first
        self.alone: dict[int, bytes] = {}  # its frames without context, by window bits
        # For messages without context: forgets after each, by window bits.
        self.engines: dict[int, Compressor] = {}

    def text(self, text: str, deflater: Deflater | None) -> bytes:
        """Return the frame that carries `text` to a client that agreed to `deflater`.

        Raises `ValueError` for a lone surrogate.
        """
        if text is not self.payload:
            self._start(text)
        if deflater is not None and len(text) >= _SHORT:
            return self._compressed(_TEXT_FRAME, text, deflater)
        if self.plain is None:
            self.plain = _text_frame(text)
        return self.plain

    def binary(self, data: bytes, deflater: Deflater | None) -> bytes:
        """Return the frame that carries `data` to a client that agreed to `deflater`.

        Bytes that may change (a bytearray, a memoryview) are taken as they are now.
        """
        if data is not self.payload:
            if type(data) is not bytes:
                data = bytes(memoryview(data))
            self._start(data)
        if deflater is not None and len(data) >= _SHORT:
            return self._compressed(_BINARY_FRAME, data, deflater)
        if self.plain is None:
            self.plain = frame_of(_BINARY_FRAME, data)
        return self.plain

    def text_pieces(self, text: str) -> list[Any]:
        """Return the uncompressed frame's head and its payload, which isn't copied for it.

        Raises `ValueError` for a lone surrogate.
        """
        if text is not self.payload:
            self._start(text)
        if self.pieces is None:
            payload = _payload(text)
            self.pieces = [frame_head(_TEXT_FRAME, len(payload)), payload]
        return self.pieces

    def binary_pieces(self, data: bytes) -> list[Any]:
        """Do the same for `data`."""
        return [frame_head(_BINARY_FRAME, len(data)), data]

    def forget(self) -> None:
        """Let go of the last message and its frames."""
        self._start(None)

    def _start(self, payload: object) -> None:
        self.payload = payload
        self.plain = self.pieces = None
        if self.first is not None or self.alone:
            self.first = None
            self.alone = {}

    def _compressed(self, first: int, payload: str | bytes, deflater: Deflater) -> bytes:
        first |= _COMPRESSED
        own = deflater.keeps_context and len(payload) < _FILLS_WINDOW
        if own and (self.first is None or self.first is deflater):
            fits_all = deflater.is_fresh
            whole = _deflated_frame(first, deflater.deflate(_as_bytes(payload)))
            self.first = deflater
            if fits_all:
                self.alone[deflater.window_bits] = whole
            return whole
        bits = deflater.window_bits
        known = self.alone.get(bits)
        if known is None:
            alone = deflate_alone(self._engine(bits), _as_bytes(payload))
            known = self.alone[bits] = _deflated_frame(first, alone)
        deflater.rest()
        return known

    def _engine(self, bits: int) -> Compressor:
        engine = self.engines.get(bits)
        if engine is None:
            engine = self.engines[bits] = quick_compressor(bits)
        return engine


def _deflated_frame(first: int, data: bytes) -> bytes:
    return frame_of_start(first, data, len(data) - _TAIL_SIZE)


def _as_bytes(payload: str | bytes) -> bytes:
    return _utf8(payload) if isinstance(payload, str) else payload


def _text_frame(text: str) -> bytes:
    # A subclass of str may have an `encode` of its own.
    plain = text if type(text) is str else str.__str__(text)
    whole = ascii_frame(plain)
    return frame_of(_TEXT_FRAME, _utf8(plain)) if whole is None else whole


def _payload(text: str) -> Any:
    try:
        return text_payload(text)
    except UnicodeEncodeError as error:
        raise _not_text(error) from None


def _utf8(text: str) -> bytes:
    # A subclass of str may have an `encode` of its own.
    plain = text if type(text) is str else str.__str__(text)
    try:
        return plain.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _not_text(error) from None


def _not_text(error: UnicodeEncodeError) -> ValueError:
    return ValueError(
        f"text has a lone surrogate at index {error.start}, which UTF-8 can't carry: "
        "send bytes, or clean the text"
    )
