"""The same bytes read by tricorn, h11 and httptools; each difference is explained or fails.

`differences.py` holds the explanations. The case files are read by all three as well, so that each
rule is met in every run, and a rule that nothing needs any longer is found.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given

from tests.wire.case_files import Case, load
from tests.wire.differences import RULES, Difference, Rule
from tests.wire.grammar import KNOWN_METHODS, mutated, patient, streams
from tests.wire.peers import (
    PeerReading,
    PeerRequest,
    ours,
    read_with_h11,
    read_with_httptools,
)
from tests.wire.reading import read
from tricorn.wire.h1 import HeadLimits

PEERS = {"h11": read_with_h11, "httptools": read_with_httptools}
# The peers have no limits of their own to set.
CASES = [case for case in load() if case.body_limit == 0 and case.limits == HeadLimits()]
each_peer = pytest.mark.parametrize("peer", list(PEERS))


def differences(peer: str, data: bytes) -> Iterator[Difference]:
    """Where the readings part. After a real parting there is nothing left to compare."""
    reading = read([data])
    mine, other = ours(reading), PEERS[peer](data)
    start = 0
    for index in range(max(len(mine.requests), len(other.requests))):
        left, right = at(mine, index), at(other, index)
        rest = data[start:]
        if left is None or right is None:
            yield from missing(peer, rest, (left, mine), (right, other))
            return
        if left.head != right.head:
            yield Difference(peer, "differs", rest, left, right, "head")
        if left.finished != right.finished:
            yield from unfinished(peer, rest, (left, mine), (right, other))
            return
        if left.finished and left.body != right.body:
            yield Difference(peer, "differs", rest, left, right, "content")
        previous, start = start, reading.requests[index].end
        if other.stopped and not mine.stopped and index + 1 == len(other.requests):
            if len(mine.requests) > index + 1:
                yield Difference(peer, "stops", data[previous:], left, right, "")
            return


def at(reading: PeerReading, index: int) -> PeerRequest | None:
    return reading.requests[index] if index < len(reading.requests) else None


Side = tuple[PeerRequest | None, PeerReading]


def missing(peer: str, rest: bytes, mine: Side, other: Side) -> Iterator[Difference]:
    """One of them read a request where the other read none."""
    (left, my_reading), (right, other_reading) = mine, other
    if left is None:
        if not my_reading.stopped:
            yield Difference(peer, "stricter", rest, left, right, str(my_reading.refused))
    elif not other_reading.stopped:
        yield Difference(peer, "laxer", rest, left, right, str(other_reading.refused))


def unfinished(peer: str, rest: bytes, mine: Side, other: Side) -> Iterator[Difference]:
    """Both read the head, and only one of them the end of the content."""
    (left, my_reading), (right, other_reading) = mine, other
    assert left is not None
    if left.finished:
        yield Difference(peer, "laxer", rest, left, right, str(other_reading.refused))
    else:
        yield Difference(peer, "stricter", rest, left, right, str(my_reading.refused))


def explanation(difference: Difference) -> Rule:
    """The first rule that explains the difference."""
    for rule in RULES:
        if rule.explains(difference):
            return rule
    raise AssertionError(f"nothing explains {difference}")


@each_peer
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_cases(peer: str, case: Case) -> None:
    for difference in differences(peer, case.bytes):
        explanation(difference)


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
