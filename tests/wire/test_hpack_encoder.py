"""From a field list to a block that `hpack` decodes, and what goes into the client's table."""

from __future__ import annotations

import pytest
from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from tests.support.h2_frames import integer, string
from tests.wire.cost import bytes_held
from tests.wire.grammar import patient
from tests.wire.hpack_examples import EXAMPLES, Example
from tricorn.wire.hpack_decoder import HpackDecoder
from tricorn.wire.hpack_encoder import HpackEncoder
from tricorn.wire.hpack_table import STATIC

Pairs = list[tuple[bytes, bytes]]


class Client:
    """Decodes what an encoder of ours sends, as `hpack` does."""

    def __init__(self) -> None:
        self.decoder = Decoder(max_header_list_size=1 << 24)

    def allow(self, encoder: HpackEncoder, size: int) -> None:
        self.decoder.max_allowed_table_size = size
        encoder.resize(size)

    def reads(self, block: bytes) -> Pairs:
        return [(name, value) for name, value in self.decoder.decode(block, raw=True)]


RESPONSE = [
    (b":status", b"200"),
    (b"content-type", b"text/html; charset=utf-8"),
    (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"),
    (b"server", b"tricorn"),
    (b"x-own", b"1"),
]


class TestForms:
    @pytest.mark.parametrize("example", EXAMPLES, ids=str)
    def test_the_rfcs_lists_come_through(self, example: Example) -> None:
        encoder, client = HpackEncoder(), Client()
        client.allow(encoder, example.table)
        for fields in example.lists:
            for _ in range(3):
                assert client.reads(encoder.encode(fields)) == fields

    @pytest.mark.parametrize("index", range(1, 62))
    def test_every_static_entry_is_an_index(self, index: int) -> None:
        encoder = HpackEncoder()
        block = encoder.encode([STATIC[index]])
        assert block == bytes([0x80 | index])
        assert encoder.table.newest == -1

    def test_what_repeats_is_an_index(self) -> None:
        encoder, client = HpackEncoder(), Client()
        first = encoder.encode(RESPONSE)
        assert client.reads(first) == RESPONSE
        again = encoder.encode(RESPONSE)
        assert again == b"\x88\xc1\xc0\xbf\xbe"
        assert client.reads(again) == RESPONSE

    def test_a_name_is_an_index_too(self) -> None:
        encoder, client = HpackEncoder(), Client()
        client.reads(encoder.encode([(b"x-own-name", b"1")]))
        block = encoder.encode([(b"x-own-name", b"2")])
        assert block == b"\x7e\x012"
        assert client.reads(block) == [(b"x-own-name", b"2")]

    @pytest.mark.parametrize(
        "name",
        [
            *(b":path", b"age", b"content-length", b"etag", b"if-modified-since"),
            *(b"if-none-match", b"location", b"set-cookie"),
        ],
    )
    def test_what_passes_is_not_indexed(self, name: bytes) -> None:
        encoder = HpackEncoder()
        for _ in range(2):
            block = encoder.encode([(name, b"7")])
            assert block == integer(index_of(name), 4, 0x00) + b"\x017"
        assert encoder.table.newest == -1

    @pytest.mark.parametrize(
        ("name", "value"),
        [(b"authorization", b"x" * 99), (b"proxy-authorization", b"x"), (b"cookie", b"x" * 19)],
    )
    def test_secrets_are_never_indexed(self, name: bytes, value: bytes) -> None:
        encoder = HpackEncoder()
        for _ in range(2):
            block = encoder.encode([(name, value)])
            assert block[:2] == integer(index_of(name), 4, 0x10)
            assert Client().reads(block) == [(name, value)]
        assert encoder.table.newest == -1

    def test_a_long_cookie_is_indexed(self) -> None:
        encoder = HpackEncoder()
        encoder.encode([(b"cookie", b"x" * 20)])
        assert encoder.encode([(b"cookie", b"x" * 20)]) == b"\xbe"

    @pytest.mark.parametrize(("size", "kept"), [(3072, True), (3073, False)])
    def test_what_would_fill_the_table_is_not_indexed(self, size: int, kept: bool) -> None:
        encoder, client = HpackEncoder(), Client()
        fields = [(b"x", b"y" * (size - 33))]
        assert client.reads(encoder.encode(fields)) == fields
        assert (encoder.encode(fields) == b"\xbe") == kept

    def test_huffman_where_it_is_shorter(self) -> None:
        encoder = HpackEncoder()
        assert encoder.encode([(b"etag", b"a" * 8)]) == b"\x0f\x13\x85\x18\xc6\x31\x8c\x63"
        assert encoder.encode([(b"etag", b"\xff" * 8)]) == b"\x0f\x13\x08" + b"\xff" * 8
        assert encoder.encode([(b"etag", b"a")]) == b"\x0f\x13" + string(b"a")

    def test_every_byte(self) -> None:
        encoder, client = HpackEncoder(), Client()
        fields = [(b"etag", bytes([byte]) + b"aaaaaaaa" * 3) for byte in range(256)]
        fields += [(b"etag", b"aaaaaaaa" * 3 + bytes([byte])) for byte in range(256)]
        assert client.reads(encoder.encode(fields)) == fields

    @pytest.mark.parametrize("size", [0, 1, 126, 127, 128, 254, 255, 256, 5000, 16510, 70_000])
    @pytest.mark.parametrize("byte", [b"a", b"\xff"])
    def test_strings_of_any_length(self, size: int, byte: bytes) -> None:
        encoder, client = HpackEncoder(), Client()
        fields = [(b"x" + byte * size, byte * size)]
        assert client.reads(encoder.encode(fields)) == fields

    def test_an_empty_list(self) -> None:
        assert HpackEncoder().encode([]) == b""


def index_of(name: bytes) -> int:
    return next(index for index, pair in enumerate(STATIC) if pair[0] == name and index)


class TestTable:
    def test_the_oldest_leave(self) -> None:
        encoder, client = HpackEncoder(), Client()
        for number in range(1000):
            fields = [(b"x-number", b"%d" % (number % 150)), (b"x-other", b"%d" % (number % 7))]
            assert client.reads(encoder.encode(fields)) == fields
        assert encoder.table.used <= 4096
        entries = encoder.table.newest + 1 - encoder.table.cut - encoder.table.first
        assert len(encoder.table.numbers) == entries
        assert len(encoder.table.names) == 2

    def test_a_newer_entry_of_a_name_stays_known(self) -> None:
        encoder, client = HpackEncoder(), Client()
        client.allow(encoder, 100)
        for number in range(20):
            fields = [(b"name", b"%d" % (number // 2))]
            assert client.reads(encoder.encode(fields)) == fields
            assert encoder.encode(fields) in (b"\xbe", b"\xbf")

    @pytest.mark.parametrize("table", [0, 33, 100, 4095])
    def test_a_table_smaller_than_the_default_is_told_first(self, table: int) -> None:
        encoder, client = HpackEncoder(table), Client()
        block = encoder.encode(RESPONSE)
        assert block.startswith(integer(table, 5, 0x20))
        assert client.reads(block) == RESPONSE
        again = encoder.encode(RESPONSE)
        assert again[:1] == b"\x88"
        assert client.reads(again) == RESPONSE

    def test_a_larger_one_waits_for_the_clients_setting(self) -> None:
        encoder, client = HpackEncoder(8192), Client()
        assert encoder.encode([STATIC[2]]) == b"\x82"
        client.allow(encoder, 65536)
        block = encoder.encode([STATIC[2]])
        assert block == integer(8192, 5, 0x20) + b"\x82"
        assert client.reads(block) == [STATIC[2]]

    def test_no_more_than_the_server_wants(self) -> None:
        encoder = HpackEncoder()
        encoder.resize(65536)
        assert encoder.encode([STATIC[2]]) == b"\x82"

    @pytest.mark.parametrize(
        ("sizes", "told"),
        [
            ([100], [100]),
            ([100, 4096], [100, 4096]),
            ([100, 50, 200], [50, 200]),
            ([200, 50, 100, 50], [50]),
            ([0, 4096, 100], [0, 100]),
            ([4096], []),
            ([65536], []),
            ([0], [0]),
        ],
    )
    def test_what_a_client_is_told(self, sizes: list[int], told: list[int]) -> None:
        encoder, client = HpackEncoder(), Client()
        client.reads(encoder.encode(RESPONSE))
        for size in sizes:
            client.allow(encoder, size)
        block = encoder.encode(RESPONSE)
        updates = b"".join(integer(size, 5, 0x20) for size in told)
        assert block.startswith(updates + b"\x88")
        assert client.reads(block) == RESPONSE
        assert encoder.encode(RESPONSE).startswith(b"\x88")

    def test_an_encoder_holds_little(self) -> None:
        def used() -> HpackEncoder:
            encoder = HpackEncoder()
            for number in range(300):
                encoder.encode([(b"n", b"%d" % number)])
            encoder.encode([(b"etag", b"b" * 2000)])
            return encoder

        assert bytes_held(HpackEncoder) < 1024
        # What 4096 bytes of the smallest entries come to in objects of Python.
        assert bytes_held(used, 5) < 48 * 1024


class TestRepeated:
    def test_the_same_list_is_the_same_block(self) -> None:
        encoder = HpackEncoder()
        encoder.encode(RESPONSE)
        block = encoder.encode(RESPONSE)
        assert encoder.encode(RESPONSE) is block
        assert encoder.encode(list(RESPONSE)) == block

    def test_not_behind_another_entry(self) -> None:
        encoder, client = HpackEncoder(), Client()
        for number in range(5):
            for _ in range(3):
                assert client.reads(encoder.encode(RESPONSE)) == RESPONSE
            other = [(b"x-other", b"%d" % number)]
            assert client.reads(encoder.encode(other)) == other

    def test_not_behind_another_size(self) -> None:
        encoder, client = HpackEncoder(), Client()
        for size in (100, 4096, 0, 4096, 60):
            for _ in range(3):
                assert client.reads(encoder.encode(RESPONSE)) == RESPONSE
            client.allow(encoder, size)

    def test_not_a_list_that_took_the_place_of_another(self) -> None:
        """The last one is kept, so that no other can have its identity."""
        encoder, client = HpackEncoder(), Client()
        for number in range(20):
            fields = [(b"etag", b"%d" % number)]
            assert client.reads(encoder.encode(fields)) == fields
            del fields

    def test_pairs_that_are_the_same_objects(self) -> None:
        encoder, client = HpackEncoder(), Client()
        for number in range(6):
            fields = [*RESPONSE[:2], (b"content-length", b"%d" % number), *RESPONSE[2:]]
            block = encoder.encode(fields)
            assert client.reads(block) == fields
        assert block == b"\x88\xc1" + integer(28, 4) + b"\x015\xc0\xbf\xbe"

    def test_pairs_whose_entries_have_gone(self) -> None:
        encoder, client = HpackEncoder(), Client()
        client.allow(encoder, 150)
        for number in range(30):
            fields = [*RESPONSE, (b"x-number", b"%d" % number), RESPONSE[1]]
            assert client.reads(encoder.encode(fields)) == fields
        for size in (0, 150, 4096):
            client.allow(encoder, size)
            for _ in range(2):
                fields = list(RESPONSE)
                assert client.reads(encoder.encode(fields)) == fields

    def test_pairs_in_other_places(self) -> None:
        encoder, client = HpackEncoder(), Client()
        for turn in range(12):
            fields = RESPONSE[turn % 5 :] + RESPONSE[: turn % 3]
            assert client.reads(encoder.encode(fields)) == fields

    def test_a_list_that_was_changed_all_the_same(self) -> None:
        encoder, client = HpackEncoder(), Client()
        fields = list(RESPONSE)
        client.reads(encoder.encode(fields))
        fields[1] = (b"x-new", b"1")
        # It was not kept, since it went into the table.
        assert client.reads(encoder.encode(fields)) == fields

    def test_long_lists(self) -> None:
        encoder, client = HpackEncoder(), Client()
        fields = [(b"x-name", b"%d" % (number % 50)) for number in range(200)]
        for _ in range(3):
            assert client.reads(encoder.encode(list(fields))) == fields
        assert len(encoder.pairs) < 40

    def test_a_large_one_is_not_kept(self) -> None:
        encoder = HpackEncoder()
        fields = [(b"etag", b"\xff" * 5000)]
        assert encoder.encode(fields) == encoder.encode(fields)
        assert encoder.last_fields is None


NAMES = st.sampled_from([b":status", b"content-type", b"etag", b"cookie", b"authorization", b"x-a"])
VALUES = st.one_of(
    st.sampled_from([b"", b"200", b"text/html", b"y" * 60, b"\xff" * 30, b"z" * 3040]),
    st.binary(max_size=40),
)
LISTS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
SIZES = st.lists(st.sampled_from([0, 32, 60, 100, 300, 4096, 65536]), max_size=3)


@patient
@given(st.sampled_from([4096, 0, 100, 16384]), st.lists(st.tuples(SIZES, LISTS), max_size=8))
def test_hpack_decodes_it(table: int, steps: list[tuple[list[int], Pairs]]) -> None:
    encoder, client = HpackEncoder(table), Client()
    ours = HpackDecoder(65536, 1 << 24, 1000)
    shared: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
    for sizes, given_pairs in steps:
        # As a server has them, for whom many pairs are the same objects.
        fields = [shared.setdefault(pair, pair) for pair in given_pairs]
        for size in sizes:
            client.allow(encoder, size)
        for copy in (fields[:], fields[:]):
            for _ in range(3):
                block = encoder.encode(copy)
                assert client.reads(block) == copy
                assert ours.decode(block) == tuple(copy)
