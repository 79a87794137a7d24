"""From a field block to its list: what RFC 7541 lets a block be, and what is refused."""

from __future__ import annotations

import random

import pytest
from hpack import Encoder, HeaderTuple, NeverIndexedHeaderTuple
from hpack.table import HeaderTable
from hypothesis import given
from hypothesis import strategies as st

from tests.support.h2_frames import block, integer, literal, string
from tests.wire.cost import bytes_held, traced
from tests.wire.grammar import patient
from tests.wire.hpack_examples import EXAMPLES, Example
from tricorn.wire.errors import FieldSectionTooLarge, HpackError
from tricorn.wire.fields import CONNECTION_SPECIFIC, TOKEN_BYTES
from tricorn.wire.hpack_decoder import HpackDecoder

Pairs = list[tuple[bytes, bytes]]
WHOLE = b"\x82\x86\x84\x41" + string(b"test")  # GET, http, / and an authority that is indexed


def decoder(table: int = 4096, section: int = 1 << 20, fields: int = 1000) -> HpackDecoder:
    return HpackDecoder(table, section, fields)


def sized(size: int) -> bytes:
    return integer(size, 5, 0x20)


def indexed(name: bytes, value: bytes) -> bytes:
    return b"\x40" + string(name) + string(value)


class TestTables:
    @pytest.mark.parametrize("example", EXAMPLES, ids=str)
    def test_the_rfcs_examples(self, example: Example) -> None:
        hpack = decoder()
        hpack.decode(sized(example.table))
        for encoded, expected in zip(example.blocks, example.lists, strict=True):
            assert hpack.decode(bytes.fromhex(encoded)) == tuple(expected)
            assert not hpack.malformed

    @pytest.mark.parametrize("index", range(1, 62))
    def test_every_static_entry(self, index: int) -> None:
        expected = HeaderTable().get_by_index(index)
        hpack = decoder()
        assert hpack.decode(bytes([0x80 | index])) == (expected,)
        value = b"\x01v"
        for form in (0x40, 0x00, 0x10):
            prefix = 6 if form == 0x40 else 4
            assert hpack.decode(integer(index, prefix, form) + value) == ((expected[0], b"v"),)

    def test_an_entry_hands_out_its_pair(self) -> None:
        hpack = decoder()
        (first,) = hpack.decode(indexed(b"a", b"b"))
        assert type(first) is tuple
        again, static = hpack.decode(b"\xbe\x82")
        assert again is first
        assert hpack.decode(b"\x82\x82")[1] is static

    def test_the_newest_comes_first(self) -> None:
        hpack = decoder()
        for number in range(200):
            hpack.decode(indexed(b"n", b"%d" % number))
        # 4096 bytes are 114 entries of 33 and up to three.
        for back in range(110):
            assert hpack.decode(integer(62 + back, 7, 0x80)) == ((b"n", b"%d" % (199 - back)),)

    @pytest.mark.parametrize("size", [0, 33, 34, 67, 68, 101, 102, 4096])
    def test_entries_leave_by_age(self, size: int) -> None:
        hpack = decoder()
        hpack.decode(sized(size))
        for value in b"abc":
            hpack.decode(indexed(b"x", bytes([value])))
        kept = min(3, size // 34)
        for back in range(kept):
            assert hpack.decode(bytes([0xBE + back]))[0][1] == b"cba"[back : back + 1]
        with pytest.raises(HpackError):
            hpack.decode(bytes([0xBE + kept]))

    def test_an_entry_larger_than_the_table_empties_it(self) -> None:
        hpack = decoder()
        hpack.decode(indexed(b"a", b"b"))
        assert hpack.decode(indexed(b"a", b"c" * 4096)) == ((b"a", b"c" * 4096),)
        with pytest.raises(HpackError):
            hpack.decode(b"\xbe")

    def test_a_name_of_an_entry_that_its_own_field_drives_out(self) -> None:
        hpack = decoder()
        hpack.decode(sized(100) + indexed(b"name", b"x" * 40))
        assert hpack.decode(b"\x7e" + string(b"y" * 50)) == ((b"name", b"y" * 50),)
        assert hpack.decode(b"\xbe") == ((b"name", b"y" * 50),)

    def test_a_smaller_table_keeps_the_newest(self) -> None:
        hpack = decoder()
        hpack.decode(indexed(b"a", b"1") + indexed(b"a", b"2"))
        assert hpack.decode(sized(34) + b"\xbe") == ((b"a", b"2"),)
        assert hpack.decode(sized(4096) + b"\xbe") == ((b"a", b"2"),)
        with pytest.raises(HpackError):
            hpack.decode(b"\xbf")

    @pytest.mark.parametrize("table", [0, 100, 4096, 65536])
    def test_the_table_is_the_defaults_until_the_client_says_otherwise(self, table: int) -> None:
        hpack = decoder(table)
        for number in range(130):
            hpack.decode(indexed(b"number", b"%03d" % number))
        assert hpack.decode(integer(62 + 98, 7, 0x80)) == ((b"number", b"031"),)
        with pytest.raises(HpackError):
            hpack.decode(integer(62 + 99, 7, 0x80))

    @pytest.mark.parametrize("table", [0, 100, 4096, 65536])
    def test_a_size_up_to_the_setting(self, table: int) -> None:
        assert decoder(table).decode(sized(0) + sized(table)) == ()
        with pytest.raises(HpackError):
            decoder(table).decode(sized(table + 1))


BROKEN = {
    "index 0": b"\x80",
    "index behind the tables": b"\xbf",
    "index far behind the tables": integer((1 << 32) - 1, 7, 0x80),
    "index of a name behind the tables": integer(63, 6, 0x40) + b"\x01x",
    "index of a name that isn't indexed behind the tables": integer(63, 4) + b"\x01x",
    "index that ends in its prefix": b"\xff",
    "integer that never ends": b"\xff" + b"\x80" * 20 + b"\x01",
    "integer beyond 32 bits": b"\xff\x81\xff\xff\xff\x0f",
    "integer far beyond 32 bits": b"\xff\xff\xff\xff\xff\x7f",
    "integer of too many bytes": b"\xff\x80\x80\x80\x80\x80\x00",
    "size update behind a field": b"\x82\x20",
    "size update that is cut": b"\x3f",
    "size update that is too large": sized(4097),
    "size update beyond 32 bits": b"\x3f" + b"\xff" * 4 + b"\x7f",
    "name longer than the block": b"\x00\x02a",
    "value longer than the block": b"\x00\x01a\x05b",
    "value that is missing": b"\x00\x01a",
    "value that is missing of an indexed name": b"\x41",
    "string of 4 GiB": b"\x00" + integer((1 << 32) - 1, 7),
    "Huffman padding of 8 bits": b"\x00\x85\xf2\xb2\x4a\x84\xff\x84\x49\x50\x9f\xff",
    "Huffman string of nothing but padding": b"\x00\x81\xff\x01a",
    "Huffman padding of zeros": b"\x00\x85\xf2\xb2\x4a\x84\xff\x83\x49\x50\x90",
    "Huffman string with its end in it": b"\x00\x85\xf2\xb2\x4a\x84\xff\x87"
    b"\x49\x51\xff\xff\xff\xfa\x7f",
    "Huffman string of its end alone": b"\x00\x84\xff\xff\xff\xff\x01a",
    "Huffman string that is cut within a long code": b"\x00\x83\xff\xff\xff\x01a",
}


class TestBroken:
    @pytest.mark.parametrize("encoded", BROKEN.values(), ids=list(BROKEN))
    @pytest.mark.parametrize("before", [b"", WHOLE], ids=["alone", "behind fields"])
    def test_what_cannot_be_decoded(self, encoded: bytes, before: bytes) -> None:
        with pytest.raises(HpackError):
            decoder().decode(before + encoded)

    @pytest.mark.parametrize("value", [0, 1, 126, 127, 128, 254, 255, 256, 16383, 65536])
    @pytest.mark.parametrize("more", [0, 1, 2])
    def test_integers_with_bytes_that_add_nothing(self, value: int, more: int) -> None:
        length = bytearray(integer(value, 7))
        if more and len(length) > 1:
            length[-1] |= 0x80
            length += b"\x80" * (more - 1) + b"\x00"
        encoded = b"\x00\x01a" + bytes(length) + b"v" * value
        assert decoder().decode(encoded) == ((b"a", b"v" * value),)

    def test_blocks_that_are_cut(self) -> None:
        """A beginning is some of the fields, or broken; never others."""
        fields = [(b":path", b"/a?b"), (b"x-long", b"y" * 200), (b"x!", b"\x00\xfe"), (b"c", b"")]
        for huffman in (False, True):
            encoded = Encoder().encode(fields, huffman=huffman)
            assert decoder().decode(encoded) == tuple(fields)
            for size in range(len(encoded)):
                try:
                    found = decoder().decode(encoded[:size])
                except HpackError:
                    continue
                assert found == tuple(fields[: len(found)])
                assert len(found) < len(fields)

    def test_the_table_is_there_for_the_next_block(self) -> None:
        hpack = decoder()
        hpack.decode(WHOLE)
        assert hpack.decode(b"\x82\x86\x84\xbe")[3] == (b":authority", b"test")


ODD_NAMES = [
    *(b"", b":", b"A", b"aB", b"a b", b"a:", b"::a", b"a\0", b"\xff", b"a\n", b":Path", b"\x7f"),
    *sorted(CONNECTION_SPECIFIC),
]
ODD_VALUES = [b" ", b"\t", b" a", b"a ", b"\ta", b"a\t", b"a\0", b"a\r\nb", b"\n", b"\x7f", b"\x1f"]
FORMS = {"literal": b"\x00", "never indexed": b"\x10", "indexed": b"\x40"}


class TestMalformed:
    @pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
    @pytest.mark.parametrize(
        "pair",
        [*((name, b"v") for name in ODD_NAMES), *((b"name", value) for value in ODD_VALUES)],
        ids=repr,
    )
    def test_the_list_is_whole_nonetheless(self, form: bytes, pair: tuple[bytes, bytes]) -> None:
        hpack = decoder()
        encoded = form + string(pair[0]) + string(pair[1])
        assert hpack.decode(encoded + b"\x82") == (pair, (b":method", b"GET"))
        assert hpack.malformed
        hpack.decode(b"\x82")
        assert not hpack.malformed
        if form == b"\x40":
            self.check_entry(hpack, pair)

    def check_entry(self, hpack: HpackDecoder, pair: tuple[bytes, bytes]) -> None:
        """An entry stays what it was, under whichever index."""
        assert hpack.decode(b"\xbe") == (pair,)
        assert hpack.malformed
        hpack.decode(indexed(b"other", b""))
        assert not hpack.malformed
        assert hpack.decode(b"\xbf") == (pair,)
        assert hpack.malformed
        # With its name, another field is malformed if the name is.
        assert hpack.decode(b"\x0f\x30\x01v") == ((pair[0], b"v"),)
        assert hpack.malformed == (pair[0] != b"name")
        # When it has gone, nothing is left of it.
        hpack.decode(sized(0) + sized(4096) + indexed(b"other", b"") * 3)
        for back in range(3):
            hpack.decode(bytes([0xBE + back]))
            assert not hpack.malformed

    @pytest.mark.parametrize("byte", range(256))
    def test_every_byte_of_a_name(self, byte: int) -> None:
        hpack = decoder()
        hpack.decode(literal(b"a" + bytes([byte]), b""))
        assert hpack.malformed == (byte not in TOKEN_BYTES.lower())

    @pytest.mark.parametrize("byte", range(256))
    def test_every_byte_of_a_value(self, byte: int) -> None:
        hpack = decoder()
        hpack.decode(literal(b"a", b"a" + bytes([byte]) + b"a"))
        assert hpack.malformed == ((byte < 32 and byte != 9) or byte == 127)

    @pytest.mark.parametrize(
        ("value", "odd"),
        [(b"trailers", False), (b"Trailers", False), (b"gzip", True), (b"trailers, gzip", True)],
    )
    def test_te(self, value: bytes, odd: bool) -> None:
        hpack = decoder()
        hpack.decode(indexed(b"te", b"trailers"))
        assert not hpack.malformed
        hpack.decode(b"\x7e" + string(value))
        assert hpack.malformed == odd
        hpack.decode(literal(b"te", value))
        assert hpack.malformed == odd

    def test_a_static_entry_about_the_connection(self) -> None:
        hpack = decoder()
        hpack.decode(integer(57, 7, 0x80))
        assert hpack.malformed
        hpack.decode(integer(57, 4) + b"\x07chunked")
        assert hpack.malformed
        hpack.decode(b"\x82")
        assert not hpack.malformed

    def test_a_good_field_behind_a_malformed_one_of_the_same_entry(self) -> None:
        hpack = decoder()
        hpack.decode(indexed(b"name", b" bad") + b"\x7e\x04good")
        assert hpack.malformed
        assert hpack.decode(b"\xbe") == ((b"name", b"good"),)
        assert not hpack.malformed
        hpack.decode(b"\xbf")
        assert hpack.malformed


class TestBounds:
    @pytest.mark.parametrize("more", [0, 1])
    def test_bytes(self, more: int) -> None:
        hpack = decoder(section=100)
        encoded = literal(b"a", b"b" * (34 + more)) + literal(b"a", b"")
        if more:
            with pytest.raises(FieldSectionTooLarge):
                hpack.decode(encoded)
        else:
            assert len(hpack.decode(encoded)) == 2

    @pytest.mark.parametrize("more", [0, 1])
    def test_fields(self, more: int) -> None:
        hpack = decoder(fields=7)
        if more:
            with pytest.raises(FieldSectionTooLarge):
                hpack.decode(b"\x82" * 8)
        else:
            assert len(hpack.decode(b"\x82" * 7)) == 7

    def test_the_table_is_right_nonetheless(self) -> None:
        hpack = decoder(section=100)
        for _ in range(2):
            with pytest.raises(FieldSectionTooLarge):
                hpack.decode(b"\x82\x82\x82" + indexed(b"a", b"%d" % 1))
            assert hpack.decode(b"\xbe") == ((b"a", b"1"),)

    def test_what_is_broken_counts_more(self) -> None:
        with pytest.raises(HpackError):
            decoder(fields=1).decode(b"\x82\x82\x80")

    def test_a_bomb_takes_no_room(self) -> None:
        hpack = decoder(section=64 * 1024)
        hpack.decode(indexed(b"a", b"b" * 4000))
        bomb = b"\xbe" * 100_000
        with traced() as memory:
            with pytest.raises(FieldSectionTooLarge):
                hpack.decode(bomb)
            _, peak = memory()
        assert peak < 16 * 1024

    def test_a_decoder_holds_little(self) -> None:
        large = Encoder().encode([NeverIndexedHeaderTuple(b"a", b"b" * 5000)])

        def used() -> HpackDecoder:
            hpack = decoder()
            for number in range(300):
                hpack.decode(indexed(b"n", b"%d" % number))
            hpack.decode(large)
            return hpack

        assert bytes_held(decoder) < 1024
        # What 4096 bytes of the smallest entries come to in objects of Python.
        assert bytes_held(used, 5) < 32 * 1024


class TestRepeated:
    def test_the_same_block_is_the_same_list(self) -> None:
        hpack = decoder()
        encoded = b"\x82\x86" + literal(b"a", b"b")
        first = hpack.decode(encoded)
        assert not hpack.repeated
        assert hpack.decode(bytes(bytearray(encoded))) is first
        assert hpack.repeated
        assert hpack.decode(b"\x82") == ((b":method", b"GET"),)
        assert not hpack.repeated
        assert hpack.decode(encoded) == first
        assert not hpack.repeated

    def test_not_when_the_table_has_changed(self) -> None:
        hpack = decoder()
        hpack.decode(indexed(b"a", b"1"))
        for number in range(5):
            assert hpack.decode(b"\xbe") == ((b"a", b"%d" % (number + 1)),)
            assert hpack.decode(b"\xbe") == ((b"a", b"%d" % (number + 1)),)
            hpack.decode(indexed(b"a", b"%d" % (number + 2)))

    def test_not_when_the_block_itself_changes_it(self) -> None:
        hpack = decoder()
        for _ in range(3):
            hpack.decode(indexed(b"a", b"1"))
        assert hpack.decode(b"\xbe\xbf\xc0") == ((b"a", b"1"),) * 3

    def test_not_when_the_table_was_emptied(self) -> None:
        hpack = decoder()
        hpack.decode(indexed(b"a", b"1"))
        hpack.decode(b"\xbe")
        hpack.decode(sized(0))
        with pytest.raises(HpackError):
            hpack.decode(b"\xbe")

    def test_not_when_one_larger_than_the_table_emptied_it(self) -> None:
        hpack = decoder()
        hpack.decode(indexed(b"a", b"1"))
        hpack.decode(b"\xbe")
        hpack.decode(indexed(b"a", b"1" * 5000))
        with pytest.raises(HpackError):
            hpack.decode(b"\xbe")

    def test_a_malformed_one_stays_so(self) -> None:
        hpack = decoder()
        encoded = literal(b"A", b"b")
        for _ in range(3):
            hpack.decode(encoded)
            assert hpack.malformed
        hpack.decode(b"\x82")
        assert not hpack.malformed
        hpack.decode(encoded)
        assert hpack.malformed

    def test_what_was_refused_is_refused_again(self) -> None:
        hpack = decoder(fields=2)
        for _ in range(3):
            with pytest.raises(FieldSectionTooLarge):
                hpack.decode(b"\x82" * 3)

    def test_a_size_that_is_no_other_changes_nothing(self) -> None:
        hpack = decoder()
        first = hpack.decode(sized(4096) + b"\x82")
        assert hpack.decode(sized(4096) + b"\x82") is first

    def test_a_large_one_is_not_kept(self) -> None:
        hpack = decoder()
        encoded = literal(b"a", b"b" * 5000)
        assert hpack.decode(encoded) == hpack.decode(encoded)
        assert hpack.last_block is None


class TestAnotherPath:
    """A block that is the last one but for a literal takes the rest from it."""

    BEHIND = b"\x87" + literal(b"x", b"y")

    def test_the_rest_is_the_same_pairs(self) -> None:
        hpack = decoder()
        first = hpack.decode(WHOLE[:3] + b"\x04\x02/a" + self.BEHIND)
        again = hpack.decode(WHOLE[:3] + b"\x04\x03/bc" + self.BEHIND)
        assert again == (*first[:3], (b":path", b"/bc"), *first[4:])
        assert again[5] is first[5]
        assert hpack.decode(WHOLE[:3] + b"\x04\x03/bc" + self.BEHIND) is again

    @pytest.mark.parametrize("behind", [BEHIND, b""], ids=["in the middle", "at the end"])
    @pytest.mark.parametrize("before", [WHOLE[:3], b""], ids=["behind others", "first"])
    @pytest.mark.parametrize(
        "other",
        [
            b"\x04\x01/",
            b"\x14\x01/",
            b"\x0f\x00\x01x",
            literal(b"A", b""),
            literal(b"a", b" "),
            literal(b"te", b"gzip"),
            b"\x82",
            b"",
            b"\x82\x84",
            b"\x04\x01/\x04\x01/",
            b"\x44\x01/",
            b"\x20",
            b"\x04\x7f\x00/",
            b"\x04\x83\xff\xff\xff",
            b"\x04\x05/",
            b"\x04",
            b"\x0f",
            b"\x0f\xff\x01",
            literal(b"a", b"b" * 40),
        ],
        ids=repr,
    )
    def test_it_comes_to_what_it_would_alone(
        self, before: bytes, other: bytes, behind: bytes
    ) -> None:
        hpack = decoder(section=300)
        hpack.decode(before + b"\x04\x02/a" + behind)
        blocks = [before + b"\x04\x03/bb" + behind, before + other + behind]
        assert outcomes(hpack, blocks) == outcomes(decoder(section=300), blocks)

    def test_its_bytes_count(self) -> None:
        hpack = decoder(section=200)
        for size, fits in ((1, True), (100, True), (121, True), (122, False), (2, True)):
            encoded = b"\x82" + b"\x04" + string(b"p" * size)
            if fits:
                assert len(hpack.decode(encoded)) == 2
            else:
                with pytest.raises(FieldSectionTooLarge):
                    hpack.decode(encoded)


def outcomes(hpack: HpackDecoder, blocks: list[bytes], forget: bool = False) -> list[object]:
    """What each block comes to, until one is broken; `forget`: without what came last."""
    found: list[object] = []
    for encoded in blocks:
        if forget:
            hpack.last_block = None
        try:
            found.append((hpack.decode(encoded), hpack.malformed))
        except FieldSectionTooLarge:
            found.append(FieldSectionTooLarge)
        except HpackError:
            return [*found, HpackError]
    return found


PIECES = st.sampled_from(
    [
        *(b"\x82", b"\x84", b"\xbe", b"\xbf", b"\x04\x01/", b"\x04\x02/a", b"\x14\x01/"),
        *(b"\x04\x82\x60\x7f", b"\x0f\x2f\x01v", literal(b"a", b"b"), literal(b"A", b"")),
        *(indexed(b"a", b"b"), indexed(b"x", b" "), b"\x7e\x01c", literal(b"te", b"gzip")),
        *(b"\x20", b"\x3f\x23", b"\x3f\xe1\x1f", b"\x04\x02/", b"\x80"),
    ]
)


@patient
@given(
    st.lists(PIECES, max_size=3),
    st.lists(st.tuples(PIECES, PIECES), max_size=8),
    st.lists(PIECES, max_size=3),
)
def test_what_came_last_changes_nothing(
    before: list[bytes], middles: list[tuple[bytes, bytes]], behind: list[bytes]
) -> None:
    start = [b"\x3f\xe1\x1f" + indexed(b"n", b"1") + indexed(b"n", b"2")]
    blocks = start + [
        b"".join([*before, *middle[:number], *behind])
        for middle in middles
        for number in (1, 2, 1, 1)
    ]
    limits = {"section": 400, "fields": 8}
    found = outcomes(decoder(**limits), blocks)
    assert found == outcomes(decoder(**limits), blocks, forget=True)


NAMES = st.sampled_from(
    [b":path", b"accept", b"cookie", b"te", b"x-a", b"X", b"", b"transfer-encoding"]
)
VALUES = st.one_of(
    st.sampled_from([b"", b"/", b"*/*", b"trailers", b" x", b"y" * 60, b"z" * 4100]),
    st.binary(max_size=40),
)
LISTS = st.lists(st.tuples(NAMES, VALUES, st.booleans()), max_size=8)
STEPS = st.lists(
    st.tuples(LISTS, st.booleans(), st.sampled_from([4096, 4096, 4096, 0, 60, 200, 1000])),
    max_size=12,
)


class TestAgainstHpack:
    @patient
    @given(STEPS)
    def test_what_it_encodes_is_decoded(
        self, steps: list[tuple[list[tuple[bytes, bytes, bool]], bool, int]]
    ) -> None:
        encoder = Encoder()
        hpack = decoder()
        for fields, huffman, size in steps:
            encoder.header_table_size = size
            expected = tuple((name, value) for name, value, _ in fields)
            marked = [
                (NeverIndexedHeaderTuple if never else HeaderTuple)(name, value)
                for name, value, never in fields
            ]
            for _ in range(2):
                encoded = encoder.encode(marked, huffman=huffman)
                assert hpack.decode(encoded) == expected
                fresh = decoder()
                fresh.decode(block(expected))
                assert hpack.malformed == fresh.malformed

    def test_every_string_of_two_bytes_and_many_of_more(self) -> None:
        encoder = Encoder()
        hpack = decoder(section=1 << 24, fields=1 << 20)
        chance = random.Random(0)
        values = [bytes([one, other]) for one in range(0, 256, 5) for other in range(256)]
        values += [chance.randbytes(chance.randrange(40)) for _ in range(3000)]
        fields = [NeverIndexedHeaderTuple(b"a", value) for value in values]
        encoded = encoder.encode(fields, huffman=True)
        assert [value for _, value in hpack.decode(encoded)] == values
