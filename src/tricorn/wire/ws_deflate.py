"""permessage-deflate (RFC 7692): what is agreed to, inflating, deflating.

A client makes offers, in the order of its preference, and the server takes the first
that it can meet (§5.1). What we ask for is a window of 4 KiB on both sides, where the
client lets us: it compresses chat and JSON nearly as well as 32 KiB, and a connection
costs a fourth of the memory.

A compressed message is a DEFLATE stream that ends in an empty stored block, whose last
four bytes are left out (§7.2.1). zlib's `Z_SYNC_FLUSH` writes exactly that.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from tricorn.wire.deflate_library import Compressor, compressor
from tricorn.wire.errors import Violation

# What the sender leaves out at the end of each message (RFC 7692 §7.2.1).
TAIL: Final = b"\x00\x00\xff\xff"
_TAIL_SIZE: Final = 4

# Our side of the terms: 2**12 bytes of window.
WINDOW_BITS: Final = 12

# Inflating goes in steps, so that a bomb is noticed before it has unfolded.
_STEP: Final = 65536
_STEP_ROOM: Final[Any] = _STEP + 1  # as an object, which zlib takes
# Input goes in slices: zlib hands back what a step didn't read as a copy, and copies of
# a long rest would cost quadratic time.
_SLICE: Final = 16384
_SYNC: Final[Any] = zlib.Z_SYNC_FLUSH
# Ends of a DEFLATE stream (BFINAL) in one message. One is allowed for (§7.2.3.4); each
# costs a new inflater.
_STREAM_ENDS: Final = 16


class DeflateTerms(NamedTuple):
    """What was agreed to. `response` is the value of Sec-WebSocket-Extensions."""

    server_window_bits: int
    client_window_bits: int
    server_context: bool  # the server's messages may refer to earlier ones
    client_context: bool
    response: bytes


# An extension of the list: its name and its parameters, None where no value was given.
Offer = tuple[str, list[tuple[str, str | None]]]


def agree(offers: Iterable[Offer]) -> DeflateTerms | None:
    """Take the first acceptable offer of permessage-deflate, or None (RFC 7692 §5.1)."""
    for name, parameters in offers:
        if name == "permessage-deflate":
            terms = _terms(parameters)
            if terms is not None:
                return terms
    return None


def _terms(parameters: list[tuple[str, str | None]]) -> DeflateTerms | None:
    """Answer one offer; None declines it (RFC 7692 §7)."""
    given = dict(parameters)
    if len(given) < len(parameters) or not given.keys() <= _PARAMETERS:
        return None
    for name in ("server_no_context_takeover", "client_no_context_takeover"):
        if given.get(name) is not None:
            return None
    server_bits = client_bits = WINDOW_BITS
    if "server_max_window_bits" in given:
        server_bits = min(_window_bits(given["server_max_window_bits"]), WINDOW_BITS)
        # zlib can't keep to a window of 256 bytes.
        if server_bits < 9:
            return None
    if "client_max_window_bits" in given:
        # Without a value the client takes any number in the answer (§7.1.2.2).
        value = given["client_max_window_bits"]
        client_bits = WINDOW_BITS if value is None else min(_window_bits(value), WINDOW_BITS)
        if not client_bits:
            return None
    else:
        client_bits = 15
    server_context = "server_no_context_takeover" not in given
    client_context = "client_no_context_takeover" not in given
    response = "permessage-deflate"
    if not server_context:
        response += "; server_no_context_takeover"
    if not client_context:
        response += "; client_no_context_takeover"
    response += f"; server_max_window_bits={server_bits}"
    if "client_max_window_bits" in given:
        response += f"; client_max_window_bits={client_bits}"
    return DeflateTerms(
        server_bits, client_bits, server_context, client_context, response.encode("ascii")
    )


_PARAMETERS: Final = frozenset(
    {
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits",
        "client_max_window_bits",
    }
)
_BITS: Final = {str(bits): bits for bits in range(8, 16)}


def _window_bits(value: str | None) -> int:
    """Read 8 to 15 without leading zeros (RFC 7692 §7.1.2); 0 for anything else."""
    return 0 if value is None else _BITS.get(value, 0)


class Inflater:
    """Inflates what one client sends, message by message.

    Nothing is held beyond the limit plus one step. Raises `Violation`: 1009 beyond the
    limit, 1007 for what isn't DEFLATE. zlib can't tell a message whose stream breaks off
    from a whole one; what did come of it counts.
    """

    def __init__(self, terms: DeflateTerms) -> None:
        # Who agreed to 8 may use 9, which older versions of zlib take for 8.
        self.window_bits = -max(terms.client_window_bits, 9)
        self.keeps_context = terms.client_context
        self.engine: zlib._Decompress | None = None  # None: nothing read of a stream yet
        self.ends = 0

    def inflate(self, data: bytes, limit: int) -> bytes:
        """Inflate a whole message, of at most `limit` bytes. TAIL stands behind it in `data`."""
        if len(data) >= _SLICE:
            message = bytearray()
            self.feed(data[:-_TAIL_SIZE], message, limit)
            self.finish(message, limit)
            return bytes(message)
        engine = self.engine
        if engine is None:
            engine = self.engine = zlib.decompressobj(self.window_bits)
        room = min(limit, _STEP) + 1
        try:
            whole = engine.decompress(data, _STEP_ROOM if room > _STEP else room)
        except zlib.error:
            raise _not_deflate() from None
        if engine.eof or len(whole) == room:
            message = bytearray(whole)
            self._go_on(message, limit, _TAIL_SIZE)
            whole = bytes(message)
        self._end_message()
        return whole

    def feed(self, data: bytes, message: bytearray, limit: int) -> None:
        """Inflate the next piece of a message onto `message`, of at most `limit` bytes."""
        for at in range(0, len(data), _SLICE):
            self._read(data[at : at + _SLICE], message, limit, 0)

    def finish(self, message: bytearray, limit: int) -> None:
        """Inflate what the last piece left, and end the message."""
        if self.engine is not None:
            self._read(TAIL, message, limit, _TAIL_SIZE)
        self._end_message()

    def _end_message(self) -> None:
        self.ends = 0
        if not self.keeps_context:
            self.engine = None

    def _read(self, data: bytes, message: bytearray, limit: int, tail: int) -> None:
        """Inflate `data`, whose last `tail` bytes are no client's."""
        engine = self.engine
        if engine is None:
            engine = self.engine = zlib.decompressobj(self.window_bits)
        room = min(limit - len(message), _STEP) + 1
        try:
            piece = engine.decompress(data, room)
        except zlib.error:
            raise _not_deflate() from None
        message += piece
        if engine.eof or len(piece) == room:
            self._go_on(message, limit, tail)

    def _go_on(self, message: bytearray, limit: int, tail: int) -> None:
        """Inflate the rest, behind a full step or the end of a DEFLATE stream."""
        while True:
            if len(message) > limit:
                raise Violation(1009, f"message longer than {limit} bytes")
            engine = self.engine
            assert engine is not None
            rest = engine.unconsumed_tail
            if engine.eof:
                rest = engine.unused_data
                self._end_stream()
                if len(rest) <= tail:
                    return
                engine = self.engine = zlib.decompressobj(self.window_bits)
            room = min(limit - len(message), _STEP) + 1
            try:
                piece = engine.decompress(rest, room)
            except zlib.error:
                raise _not_deflate() from None
            message += piece
            if len(piece) < room and not engine.eof:
                return

    def _end_stream(self) -> None:
        """Take leave of a stream that ended (BFINAL); what follows is a new one (§7.2.3.4)."""
        self.engine = None
        self.ends += 1
        if self.ends > _STREAM_ENDS:
            raise Violation(1008, f"more than {_STREAM_ENDS} DEFLATE streams in one message")


def _not_deflate() -> Violation:
    return Violation(1007, "compressed message is not DEFLATE data")


class Deflater:
    """Deflates what is sent to one client, message by message.

    `window_bits` and `keeps_context` are what was agreed to. Its compressor exists from
    the first message on, and after `rest()` from the next.
    """

    def __init__(self, terms: DeflateTerms) -> None:
        self.window_bits = terms.server_window_bits
        self.keeps_context = terms.server_context
        self.engine: Compressor | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether the next message refers to no earlier one."""
        return self.engine is None

    def deflate(self, data: bytes) -> bytes:
        """Compress one message, of which the client has seen all before.

        TAIL ends what is returned, unless the message is empty.
        """
        engine = self.engine
        if engine is None:
            engine = self.engine = compressor(self.window_bits)
        begun = engine.compress(data)
        whole = engine.flush(_SYNC)
        if not self.keeps_context:
            self.engine = None
        return begun + whole if begun else whole

    def rest(self) -> None:
        """Give the compressor's memory back; the next message starts afresh."""
        self.engine = None


def deflate_alone(engine: Compressor, data: bytes) -> bytes:
    """Do the same with a message that refers to no other and that no other refers to."""
    # The full flush makes the compressor forget, without the cost of a new one.
    return engine.compress(data) + engine.flush(zlib.Z_FULL_FLUSH)
