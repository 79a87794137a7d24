"""The same events for any split of any input, and nothing but a `Refusal` for a bad one."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.grammar import mutated, patient, requests, streams, wild
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
    @patient
    @given(streams(), positions)
    def test_any_split_reads_the_same(self, data: bytes, where: list[int]) -> None:
        whole = read([data])
        assert whole.complete, whole
        assert read(cut(data, where)) == whole
        assert read(bytewise(data)) == whole
        assert read_prefix_by_prefix(data) == whole

    @patient
    @given(requests(), requests(last=True))
    def test_two_requests_read_as_each_alone(self, first: bytes, second: bytes) -> None:
        alone = [*read([first]).requests, *read([second]).requests]
        alone[1].end += len(first)
        assert read([first + second]).requests == alone

    @patient
    @given(requests())
    def test_every_prefix_is_incomplete(self, data: bytes) -> None:
        for end in range(len(data)):
            reading = read([data[:end]])
            assert reading.refusal is None
            assert not reading.complete, data[:end]

    @patient
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

    @patient
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


# Heads that differ from one another in one thing each, as a reader that remembers the last head
# may mistake them for one another.
LIKE = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
    b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /?a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://b/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET http://c HTTP/1.1\r\nHost: a\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nForwarded: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: y\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 2000 + b"\r\n\r\n",
]
OTHER = b"GET /other HTTP/1.1\r\nHost: other\r\n\r\n"


def read_alone(one: bytes) -> Any:
    """What is read where no connection has read the like before."""
    read([OTHER])
    return read([one])


ALONE = {one: read_alone(one) for one in LIKE}


class TestWhatCameBefore:
    @patient
    @given(st.lists(st.sampled_from(LIKE), max_size=6), st.booleans(), st.booleans())
    def test_it_changes_nothing(self, sent: list[bytes], forgets: bool, at_once: bool) -> None:
        self.check([b"".join(sent)] if at_once else sent, forgets, self.alone(sent))

    def test_every_pair(self) -> None:
        for first in LIKE:
            for second in LIKE:
                for forgets in (False, True):
                    sent = [first, second]
                    self.check(sent, forgets, self.alone(sent))

    def test_every_pair_behind_what_came_twice(self) -> None:
        for first in LIKE:
            for second in LIKE:
                sent = [first, first, first, second, first]
                self.check(sent, False, self.alone(sent))
                self.check([b"".join(sent)], False, self.alone(sent))

    def test_every_pair_on_connections_of_their_own(self) -> None:
        for first in LIKE:
            for second in LIKE:
                read([first])
                self.check([second], False, self.alone([second]))

    def test_another_connections_limit_is_not_ours(self) -> None:
        head = b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
        for fields, allowed in ((2, True), (1, False), (2, True)):
            reader = RequestReader(HeadLimits(fields=fields))
            reader.feed(head)
            if allowed:
                assert reader.next() == HEAD
            else:
                with pytest.raises(Refusal):
                    reader.next()

    def test_what_the_caller_does_to_the_fields_stays_with_it(self) -> None:
        reader = RequestReader(HeadLimits())
        for _ in range(3):
            reader.feed(LIKE[0])
            assert reader.next() == HEAD
            assert reader.fields == [(b"host", b"a")]
            reader.fields.append((b"x", b"y"))
            assert reader.next() == END
            reader.start_next()
        other = RequestReader(HeadLimits())
        other.feed(LIKE[0])
        assert other.next() == HEAD
        assert other.fields == [(b"host", b"a")]

    def check(self, pieces: list[bytes], forgets: bool, expected: Any) -> None:
        reading = read(pieces, forgets=forgets)
        said = [(request.head, request.body, request.finished) for request in reading.requests]
        assert (said, reading.refusal) == expected

    def alone(self, sent: list[bytes]) -> tuple[list[Any], tuple[int, str] | None]:
        """What fresh readers say of each, up to the first that ends the connection."""
        said: list[Any] = []
        for one in sent:
            reading = ALONE[one]
            said += [(request.head, request.body, request.finished) for request in reading.requests]
            if reading.refusal is not None or reading.closed:
                return said, reading.refusal
        return said, None


class TestAnyBytes:
    @patient
    @given(mutated(), positions)
    def test_any_split_has_the_same_verdict(self, data: bytes, where: list[int]) -> None:
        whole = read([data])
        assert read(cut(data, where)) == whole
        assert read(bytewise(data)) == whole

    @patient
    @given(wild, positions)
    def test_wild_bytes_have_the_same_verdict(self, data: bytes, where: list[int]) -> None:
        whole = read([data])
        assert read(cut(data, where)) == whole
        assert read(bytewise(data)) == whole

    @patient
    @given(mutated(), small_limits, st.integers(0, 40))
    def test_small_limits_have_the_same_verdict(
        self, data: bytes, limits: HeadLimits, body_limit: int
    ) -> None:
        assert read(bytewise(data), limits, body_limit) == read([data], limits, body_limit)

    @patient
    @given(st.binary(max_size=300))
    def test_random_bytes_raise_nothing_but_a_refusal(self, data: bytes) -> None:
        read(bytewise(data))

    @patient
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

    @patient
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

    def test_the_same_refusal_is_raised_again(self) -> None:
        reader = RequestReader(HeadLimits())
        reader.feed(b"nonsense\r\n\r\n")
        raised = []
        for _ in range(3):
            with pytest.raises(Refusal) as caught:
                reader.next()
            raised.append((caught.value.status, caught.value.reason))
            reader.feed(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert raised[0] == raised[1] == raised[2]

    def test_a_refusal_does_not_keep_the_reader(self) -> None:
        """A traceback that the reader stored would hold the reader, in a cycle."""
        reader = RequestReader(HeadLimits())
        before = sys.getrefcount(reader)
        reader.feed(b"nonsense\r\n\r\n")
        for _ in range(2):
            try:
                reader.next()
            except Refusal:
                pass
        assert sys.getrefcount(reader) == before

    def test_a_reader_without_bytes_waits(self) -> None:
        reader = RequestReader(HeadLimits())
        assert reader.next() == NEED_DATA
        reader.feed(b"")
        assert reader.next() == NEED_DATA
        assert reader.buffered == 0
