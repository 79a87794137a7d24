"""The same events for any split of any input, and nothing but a `Violation` for a bad one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.grammar import patient
from tests.wire.reading import bytewise, cut
from tests.wire.ws_peer import alike, hear, sent
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


def deflate_bits(bits: str) -> bytes:
    """Bits in the order in which DEFLATE reads them, with zeros behind them to a whole byte."""
    octets = [bits[at : at + 8][::-1].rjust(8, "0") for at in range(0, len(bits), 8)]
    return bytes(int(octet, 2) for octet in octets)


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
        assert alike(hear(bytewise(sent), bounds, terms), whole)
        assert alike(hear(cut(sent, data.draw(positions)), bounds, terms), whole)

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


class TestAlike:
    """What a verdict may depend on the cuts in: which of two faults of a compressed message."""

    # Four letters and a code that stands for nothing: fixed codes, RFC 1951 §3.2.6.
    TOO_LONG_AND_BAD = sent(1, deflate_bits("010" + "10010001" * 4 + "11000110"), rsv=4)
    THREE = MessageLimits(message=3)

    def test_too_long_and_not_deflate(self) -> None:
        whole = hear([self.TOO_LONG_AND_BAD], self.THREE, TERMS)
        pieces = hear(bytewise(self.TOO_LONG_AND_BAD), self.THREE, TERMS)
        assert (whole.code, pieces.code) == (1007, 1009)
        assert alike(whole, pieces)
        assert alike(pieces, whole)
        assert not alike(whole, hear([], self.THREE, TERMS))
        behind = hear([sent(9) + self.TOO_LONG_AND_BAD], self.THREE, TERMS)
        assert behind.code == 1007
        assert not alike(behind, pieces)

    @pytest.mark.parametrize("terms", [None, TERMS], ids=["plain", "deflate"])
    def test_bad_text_is_not_too_long(self, terms: DeflateTerms | None) -> None:
        bad = hear([sent(1, b"\xff")], self.THREE, terms)
        too_long = hear([sent(1, b"abcd")], self.THREE, terms)
        assert (bad.code, too_long.code) == (1007, 1009)
        assert not alike(bad, too_long)
