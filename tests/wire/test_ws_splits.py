"""The same events for any split of any input, and nothing but a `Violation` for a bad one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.grammar import patient
from tests.wire.reading import bytewise, cut
from tests.wire.ws_peer import hear
from tests.wire.ws_streams import streams, wild
from tricorn.wire.ws import MessageLimits
from tricorn.wire.ws_deflate import DeflateTerms

positions = st.lists(st.integers(0, 400), max_size=8)
limits = st.builds(
    MessageLimits,
    message=st.sampled_from([0, 3, 20, 130, 16777216]),
    fragments=st.sampled_from([1, 2, 65536]),
    controls=st.sampled_from([0, 1, 3, 200]),
)
TERMS = DeflateTerms(12, 15, True, True, b"")
terms_of_each = pytest.mark.parametrize("terms", [None, TERMS], ids=["plain", "deflate"])


@terms_of_each
class TestSplits:
    @patient
    @given(st.data())
    def test_good_streams(self, terms: DeflateTerms | None, data: st.DataObject) -> None:
        sent = data.draw(streams(terms is not None))
        whole = hear([sent], None, terms)
        assert whole.fault is None
        assert hear(bytewise(sent), None, terms) == whole
        assert hear(cut(sent, data.draw(positions)), None, terms) == whole

    @patient
    @given(st.data())
    def test_wild_streams(self, terms: DeflateTerms | None, data: st.DataObject) -> None:
        sent = data.draw(wild(terms is not None))
        bounds = data.draw(limits)
        whole = hear([sent], bounds, terms)
        assert hear(bytewise(sent), bounds, terms) == whole
        assert hear(cut(sent, data.draw(positions)), bounds, terms) == whole

    @patient
    @given(st.data())
    def test_two_streams_are_heard_one_after_the_other(
        self, terms: DeflateTerms | None, data: st.DataObject
    ) -> None:
        first = data.draw(streams(False))
        second = data.draw(streams(False))
        alone = hear([first], None, terms)
        both = hear([first + second], None, terms)
        if alone.events and alone.events[-1][0] == 5:
            assert both == alone
        else:
            assert both.events == alone.events + hear([second], None, terms).events
