"""The same events and the same answers for any split of any input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.choices import Choices
from tests.http2 import (
    test_04_frames,
    test_05_streams,
    test_06_definitions,
    test_07_codes,
    test_08_messages,
    test_hpack,
)
from tests.http2.cases import Case
from tests.wire.grammar import patient
from tests.wire.h2_peer import START, frames_in, hear
from tests.wire.h2_streams import good_connection, simple_connection, wild_connection
from tests.wire.reading import bytewise, cut
from tricorn.wire.h2 import DATA, REQUEST, TRAILERS

CHAPTERS = (
    test_04_frames,
    test_05_streams,
    test_06_definitions,
    test_07_codes,
    test_08_messages,
    test_hpack,
)
CASES: list[Case] = [
    case for chapter in CHAPTERS for case in chapter.CASES if isinstance(case.sent, bytes)
]
positions = st.lists(st.integers(0, 1500), max_size=8)


def test_one_cut_at_every_byte() -> None:
    sent = simple_connection()
    whole = hear([sent])
    assert [event[0] for event in whole.events].count(REQUEST) == 3
    for at in range(len(sent)):
        assert hear(cut(sent, [at])) == whole, at
    assert hear(bytewise(sent)) == whole


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cases_byte_by_byte(case: Case) -> None:
    """The bytes of the conformance cases that aren't long."""
    assert isinstance(case.sent, bytes)
    sent = START + case.sent
    if len(sent) > 5000:
        sent = sent[:5000]
    assert hear(bytewise(sent)) == hear([sent])


@patient
@given(st.binary(max_size=300), positions)
def test_good_connections(drawn: bytes, places: list[int]) -> None:
    sent = good_connection(Choices(drawn))
    whole = hear([sent])
    assert not whole.over
    requests = [event for event in whole.events if event[0] == REQUEST]
    ended = [event for event in whole.events if event[0] in (DATA, TRAILERS) and event[2]]
    assert len(requests) == len(ended)
    assert hear(bytewise(sent)) == whole
    assert hear(cut(sent, places)) == whole


@patient
@given(st.binary(max_size=300), positions)
def test_wild_connections(drawn: bytes, places: list[int]) -> None:
    sent = wild_connection(Choices(drawn))
    whole = hear([sent])
    frames_in(whole.sent)
    assert hear(bytewise(sent)) == whole
    assert hear(cut(sent, places)) == whole
