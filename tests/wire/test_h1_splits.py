"""The same events for any split of any input, and nothing but a `Refusal` for a bad one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.grammar import mutated, requests, streams, wild
from tests.wire.reading import Driver, Reading, bytewise, cut, read
from tricorn.wire.errors import Refusal
from tricorn.wire.h1 import END, HEAD, NEED_DATA, HeadLimits, RequestReader

positions = st.lists(st.integers(0, 600), max_size=12)
small_limits = st.builds(
    HeadLimits,
    request_line=st.integers(14, 60),
    field_section=st.integers(0, 120),
    fields=st.integers(0, 6),
)


def read_prefix_by_prefix(data: bytes) -> Reading:
    """Fed in pieces that double, so that early and late cuts both happen."""
    return read(cut(data, (2**power for power in range(12))))


class TestValidRequests:
    @given(streams(), positions)
    def test_any_split_reads_the_same(self, data: bytes, where: list[int]) -> None:
        whole = read([data])
        assert whole.complete, whole
        assert read(cut(data, where)) == whole
        assert read(bytewise(data)) == whole
        assert read_prefix_by_prefix(data) == whole

    @given(requests(), requests(last=True))
    def test_two_requests_read_as_each_alone(self, first: bytes, second: bytes) -> None:
        alone = read([first]).requests + read([second]).requests
        assert read([first + second]).requests == alone

    @given(requests())
    def test_every_prefix_is_incomplete(self, data: bytes) -> None:
        for end in range(len(data)):
            reading = read([data[:end]])
            assert reading.refusal is None
            assert not reading.complete, data[:end]

    @given(requests(), st.binary(max_size=30))
    def test_the_bytes_behind_stay_until_the_next_is_asked_for(
        self, data: bytes, behind: bytes
    ) -> None:
        reader = RequestReader(HeadLimits())
        reader.feed(data + behind)
        while reader.next() != END:
            pass
        assert reader.buffered == len(behind)
        reader.feed(b"more")
        assert reader.next() == NEED_DATA
        assert reader.buffered == len(behind) + 4

    @given(streams(), positions)
    def test_every_byte_is_either_consumed_or_buffered(self, data: bytes, where: list[int]) -> None:
        reader = RequestReader(HeadLimits())
        fed = told = 0
        for piece in cut(data, where):
            reader.feed(piece)
            fed += len(piece)
            while (code := reader.next()) != NEED_DATA:
                told += code == HEAD
                assert reader.buffered <= fed
                if code == END:
                    reader.start_next()
        assert reader.buffered == 0
        assert told >= 1


class TestAnyBytes:
    @given(mutated(), positions)
    def test_any_split_has_the_same_verdict(self, data: bytes, where: list[int]) -> None:
        whole = read([data])
        assert read(cut(data, where)) == whole
        assert read(bytewise(data)) == whole

    @given(wild, positions)
    def test_wild_bytes_have_the_same_verdict(self, data: bytes, where: list[int]) -> None:
        whole = read([data])
        assert read(cut(data, where)) == whole
        assert read(bytewise(data)) == whole

    @given(mutated(), small_limits, st.integers(0, 40))
    def test_small_limits_have_the_same_verdict(
        self, data: bytes, limits: HeadLimits, body_limit: int
    ) -> None:
        assert read(bytewise(data), limits, body_limit) == read([data], limits, body_limit)

    @given(st.binary(max_size=300))
    def test_random_bytes_raise_nothing_but_a_refusal(self, data: bytes) -> None:
        read(bytewise(data))

    @given(mutated())
    def test_a_reason_is_one_plain_line(self, data: bytes) -> None:
        refusal = read([data]).refusal
        if refusal is not None:
            status, reason = refusal
            assert status in {400, 413, 414, 431, 501, 505}
            assert reason
            assert reason.isascii()
            assert reason.isprintable()
            assert not reason.endswith(".")

    @given(mutated(), streams())
    def test_after_a_refusal_nothing_is_read_for_ever(self, data: bytes, behind: bytes) -> None:
        driver = Driver(HeadLimits())
        driver.feed(data)
        before = driver.reading()
        seen = len(before.requests)
        driver.feed(behind)
        if before.refusal is not None:
            assert len(driver.reading().requests) == seen
            assert driver.reader.buffered <= len(data) + len(behind)


class TestOrder:
    def test_start_next_before_the_end_is_the_callers_fault(self) -> None:
        with pytest.raises(RuntimeError, match="start_next"):
            RequestReader(HeadLimits()).start_next()

    def test_the_very_same_refusal_is_raised_again(self) -> None:
        reader = RequestReader(HeadLimits())
        reader.feed(b"nonsense\r\n\r\n")
        raised = []
        for _ in range(3):
            with pytest.raises(Refusal) as caught:
                reader.next()
            raised.append(caught.value)
            reader.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raised[0] is raised[1] is raised[2]

    def test_a_reader_without_bytes_waits(self) -> None:
        reader = RequestReader(HeadLimits())
        assert reader.next() == NEED_DATA
        reader.feed(b"")
        assert reader.next() == NEED_DATA
        assert reader.buffered == 0
