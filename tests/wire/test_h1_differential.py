"""The same bytes read by tricorn, h11 and httptools; each difference is explained or fails.

`differences.py` holds the explanations. The case files are read by all three as well, so that each
rule is met in every run, and a rule that nothing needs any longer is found.
"""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.wire.case_files import Case, by_topic, for_each, load
from tests.wire.comparing import PEERS, Difference, differences
from tests.wire.differences import RULES, explanation
from tests.wire.grammar import KNOWN_METHODS, mutated, patient, streams
from tricorn.wire.h1 import HeadLimits

# The peers have no limits of their own to set.
CASES = [case for case in load() if case.body_limit == 0 and case.limits == HeadLimits()]
TOPICS = by_topic(CASES)
each_peer = pytest.mark.parametrize("peer", list(PEERS))


@each_peer
@pytest.mark.parametrize("topic", list(TOPICS))
def test_the_cases(peer: str, topic: str) -> None:
    def check(case: Case) -> None:
        for difference in differences(peer, case.bytes):
            explanation(difference)

    for_each(TOPICS[topic], check)


@each_peer
@patient
@given(data=streams(method=KNOWN_METHODS))
def test_valid_requests_are_read_alike(peer: str, data: bytes) -> None:
    for difference in differences(peer, data):
        assert explanation(difference).kind != "stricter"


@each_peer
@patient
@given(data=mutated(streams(method=KNOWN_METHODS, empty_lines=False)))
def test_broken_requests_are_read_alike_or_refused_for_a_reason(peer: str, data: bytes) -> None:
    for difference in differences(peer, data):
        explanation(difference)


def test_every_rule_is_needed() -> None:
    used = {
        explanation(difference).name
        for case in CASES
        for peer in PEERS
        for difference in differences(peer, case.bytes)
    }
    assert {rule.name for rule in RULES} - used == set()


def test_a_difference_that_no_rule_knows_is_found() -> None:
    unknown = Difference("h11", "stricter", b"GET / HTTP/1.1\r\n\r\n", None, None, "a whim")
    with pytest.raises(AssertionError, match="nothing explains"):
        explanation(unknown)
