"""permessage-deflate: what clients compress, what we compress, and bombs."""

from __future__ import annotations

import random
import zlib

import pytest

from tests.wire.cost import MIB, traced
from tests.wire.reading import bytewise, cut
from tests.wire.ws_peer import head, hear, sent
from tricorn.wire.deflate_library import quick_compressor
from tricorn.wire.errors import Violation
from tricorn.wire.ws import BINARY, PING, TEXT, MessageLimits
from tricorn.wire.ws_deflate import TAIL, Deflater, DeflateTerms, Inflater, deflate_alone

TERMS = DeflateTerms(12, 15, True, True, b"")
ALONE = DeflateTerms(12, 15, False, False, b"")
HELLO = bytes.fromhex("f2 48 cd c9 c9 07 00")
# RFC 7692 §7.2.3, and what its §7.2.1 lets a sender do: the payloads of one message each.
EXAMPLES = {
    "one block": HELLO,
    "a stored block": bytes.fromhex("00 05 00 fa ff 48 65 6c 6c 6f 00"),
    "the last block of a stream": bytes.fromhex("f3 48 cd c9 c9 07 00 00"),
    "two blocks": bytes.fromhex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00"),
    "the end of a stream and no more": bytes.fromhex("f3 48 cd c9 c9 07 00"),
    "two streams": bytes.fromhex("f3 48 05 00 cb c9 c9 07 00 00"),
}
each_example = pytest.mark.parametrize("payload", EXAMPLES.values(), ids=list(EXAMPLES))


class Client:
    """Compresses as a client does, with zlib itself."""

    def __init__(self, bits: int = 15, context: bool = True) -> None:
        self.bits = bits
        self.context = context
        self.engine = zlib.compressobj(wbits=-bits)

    def message(self, data: bytes) -> bytes:
        if not self.context:
            self.engine = zlib.compressobj(wbits=-self.bits)
        return (self.engine.compress(data) + self.engine.flush(zlib.Z_SYNC_FLUSH))[:-4]


def at_once(inflater: Inflater, payload: bytes, limit: int = MIB) -> bytes:
    """A message that has come as a whole."""
    return inflater.inflate(payload + TAIL, limit)


def in_pieces(inflater: Inflater, payload: bytes, limit: int = MIB) -> bytes:
    """A message that arrives byte by byte, and after the first 2000 in pieces."""
    message = bytearray()
    for byte in bytewise(payload[:2000]):
        inflater.feed(byte, message, limit)
    for piece in cut(payload[2000:], range(700, len(payload), 700)):
        inflater.feed(piece, message, limit)
    inflater.finish(message, limit)
    return bytes(message)


class TestInflater:
    @each_example
    @pytest.mark.parametrize("terms", [TERMS, ALONE])
    def test_the_examples_of_rfc_7692(self, payload: bytes, terms: DeflateTerms) -> None:
        inflater = Inflater(terms)
        for _ in range(3):
            assert at_once(inflater, payload, 5) == b"Hello"
            assert in_pieces(inflater, payload, 5) == b"Hello"

    def test_a_message_that_refers_to_the_one_before(self) -> None:
        """RFC 7692 §7.2.3.2."""
        inflater = Inflater(TERMS)
        assert at_once(inflater, HELLO, 9) == b"Hello"
        assert at_once(inflater, bytes.fromhex("f2 00 11 00 00"), 9) == b"Hello"

    def test_an_empty_message(self) -> None:
        """RFC 7692 §7.2.3.6."""
        inflater = Inflater(TERMS)
        assert at_once(inflater, b"\0", 0) == b""
        assert at_once(inflater, HELLO, 5) == b"Hello"

    @pytest.mark.parametrize("bits", range(9, 16))
    @pytest.mark.parametrize("context", [True, False])
    def test_every_window(self, bits: int, context: bool) -> None:
        chance = random.Random(bits)
        words = [chance.randbytes(30) for _ in range(200)]
        client = Client(bits, context)
        inflater = Inflater(DeflateTerms(12, bits, True, context, b""))
        for _ in range(5):
            data = b"".join(chance.choice(words) for _ in range(500))
            assert at_once(inflater, client.message(data), MIB) == data
            assert in_pieces(inflater, client.message(data)) == data

    def test_a_context_that_was_not_agreed_to(self) -> None:
        client, inflater = Client(), Inflater(ALONE)
        data = random.Random(1).randbytes(300)
        assert at_once(inflater, client.message(data), MIB) == data
        with pytest.raises(Violation) as caught:
            at_once(inflater, client.message(data), MIB)
        assert caught.value.code == 1007

    @pytest.mark.parametrize("size", [0, 1, 1000, 65535, 65536, 65537, 65538, 131074, 200000])
    @pytest.mark.parametrize("kind", ["zeros", "noise"])
    def test_the_limit(self, size: int, kind: str) -> None:
        data = bytes(size) if kind == "zeros" else random.Random(2).randbytes(size)
        payload = Client().message(data)
        assert at_once(Inflater(TERMS), payload, size) == data
        assert in_pieces(Inflater(TERMS), payload, size) == data
        for read in (at_once, in_pieces):
            if size:
                with pytest.raises(Violation) as caught:
                    read(Inflater(TERMS), payload, size - 1)
                assert caught.value.code == 1009

    def test_what_is_no_deflate(self) -> None:
        for payload in (b"\xff", b"\x06\x00", b"\x01\x05\x00\x00\x00", b"\xf2\x00\x11\x00\x00"):
            for read in (at_once, in_pieces):
                with pytest.raises(Violation) as caught:
                    read(Inflater(TERMS), payload, MIB)
                assert caught.value.code == 1007

    def test_a_message_of_ends_of_streams(self) -> None:
        for read in (at_once, in_pieces):
            assert read(Inflater(TERMS), b"\x03\x00" * 16, 9) == b""
            with pytest.raises(Violation) as caught:
                read(Inflater(TERMS), b"\x03\x00" * 17, 9)
            assert caught.value.code == 1008

    def test_no_payload_at_all(self) -> None:
        """No sender writes that, but there is nothing in it to be wrong about."""
        for read in (at_once, in_pieces):
            assert read(Inflater(TERMS), b"", 9) == b""

    @pytest.mark.parametrize("whole", [True, False])
    def test_a_bomb_is_found_before_it_unfolds(self, whole: bool) -> None:
        payload = Client().message(bytes(32 * MIB))
        assert len(payload) < 40_000
        inflater, message = Inflater(TERMS), bytearray()
        with traced() as memory:
            with pytest.raises(Violation):
                if whole:
                    at_once(inflater, payload, MIB)
                else:
                    for piece in cut(payload, range(0, len(payload), 5000)):
                        inflater.feed(piece, message, MIB)
            _, peak = memory()
        # A bytearray that grows may be copied, and has an eighth to spare.
        assert peak < 2.5 * MIB


class TestDeflater:
    @pytest.mark.parametrize("bits", range(9, 16))
    @pytest.mark.parametrize("context", [True, False])
    def test_another_zlib_reads_it(self, bits: int, context: bool) -> None:
        chance = random.Random(bits)
        deflater = Deflater(DeflateTerms(bits, 15, context, True, b""))
        inflater = zlib.decompressobj(-bits)
        words = [chance.randbytes(30) for _ in range(300)]
        for size in (1, 5, 100, 3000, 3000, 0):
            data = b"".join(chance.choice(words) for _ in range(size))
            if not context:
                inflater = zlib.decompressobj(-bits)
            deflated = deflater.deflate(data)
            assert inflater.decompress(deflated) == data
            assert deflated.endswith(TAIL) or not data
            if size == 100:
                deflater.rest()

    def test_it_rests(self) -> None:
        deflater = Deflater(TERMS)
        assert deflater.is_fresh
        data = b"".join(b"%d, " % number for number in range(99))
        first = deflater.deflate(data)
        assert not deflater.is_fresh
        assert len(deflater.deflate(data).removesuffix(TAIL)) < len(first) / 5
        deflater.rest()
        assert deflater.is_fresh
        assert deflater.deflate(data) == first

    def test_no_context_keeps_no_memory(self) -> None:
        deflater = Deflater(ALONE)
        assert deflater.deflate(b"x" * 99) == deflater.deflate(b"x" * 99)
        assert deflater.is_fresh

    def test_messages_without_context_refer_to_nothing(self) -> None:
        engine = quick_compressor(12)
        for data in (b"abcdefgh" * 20, b"abcdefgh" * 20, b"", b"x" * 70000, b"x" * 70000):
            alone = deflate_alone(engine, data)
            assert zlib.decompressobj(-12).decompress(alone) == data
            assert alone.endswith(TAIL) or not data


class TestMessages:
    def check(
        self, data: bytes, events: list[object], code: int | None = None, limit: int = MIB
    ) -> None:
        limits = MessageLimits(message=limit)
        whole = hear([data], limits, TERMS)
        assert (whole.events, whole.code) == (events, code)
        assert hear(bytewise(data), limits, TERMS) == whole

    @each_example
    def test_a_message(self, payload: bytes) -> None:
        self.check(sent(1, payload, rsv=4), [(TEXT, "Hello")])
        self.check(sent(2, payload, rsv=4), [(BINARY, b"Hello")])

    def test_plain_messages_between(self) -> None:
        """RFC 7692 §6: the first frame's bit says whether the message is compressed."""
        again = bytes.fromhex("f2 00 11 00 00")
        data = sent(1, HELLO, rsv=4) + sent(1, b"plain") + sent(1, again, rsv=4)
        self.check(data, [(TEXT, "Hello"), (TEXT, "plain"), (TEXT, "Hello")])

    def test_fragments(self) -> None:
        """RFC 7692 §7.2.3.1: cut anywhere; the bit only on the first."""
        for at in range(len(HELLO) + 1):
            first = sent(1, HELLO[:at], final=False, rsv=4)
            self.check(first + sent(9) + sent(0, HELLO[at:]), [(PING, b""), (TEXT, "Hello")])

    @pytest.mark.parametrize("opcode", [0, 8, 9, 10])
    def test_the_bit_on_other_frames(self, opcode: int) -> None:
        """RFC 7692 §6.1."""
        start = sent(1, HELLO, final=False, rsv=4)
        self.check(start + sent(opcode, rsv=4)[:1], [], 1002)

    @pytest.mark.parametrize("rsv", [1, 2, 3, 5, 6, 7])
    def test_other_bits(self, rsv: int) -> None:
        self.check(sent(1, HELLO, rsv=rsv)[:1], [], 1002)

    def test_compressed_text_is_utf_8(self) -> None:
        client = Client()
        good, bad = client.message(("é" * 99).encode()), client.message(b"a\xff")
        self.check(sent(1, good, rsv=4) + sent(1, bad, rsv=4), [(TEXT, "é" * 99)], 1007)

    def test_the_limit_is_of_the_inflated_message(self) -> None:
        data = random.Random(3).randbytes(5000)
        payload = Client().message(data)
        assert len(payload) > 5000
        self.check(sent(2, payload, rsv=4), [(BINARY, data)], limit=5000)
        self.check(sent(2, payload, rsv=4), [], 1009, limit=4999)
        halves = sent(2, payload[:2000], final=False, rsv=4) + sent(0, payload[2000:])
        self.check(halves, [(BINARY, data)], limit=5000)
        self.check(halves, [], 1009, limit=4999)

    def test_the_head_that_announces_too_much(self) -> None:
        """Even DEFLATE doesn't make a message an eighth longer than it is."""
        self.check(head(2, 5000 + 625 + 64, rsv=4), [], limit=5000)
        self.check(head(2, 5000 + 625 + 65, rsv=4), [], 1009, limit=5000)
        self.check(head(2, 5001), [], 1009, limit=5000)
