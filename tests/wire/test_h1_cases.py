"""The cases in `cases/*.toml`, each fed whole, byte by byte, and with another request behind it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from tests.wire.case_files import Case, by_topic, for_each, load
from tests.wire.reading import Reading, ReadRequest, bytewise, read

CASES = load()
TOPICS = by_topic(CASES)
BEHIND = b"GET /behind HTTP/1.1\r\nHost: b\r\n\r\n"  # within the smallest limits of the cases

each_topic = pytest.mark.parametrize("topic", list(TOPICS))


@each_topic
def test_fed_whole(topic: str) -> None:
    for_each(TOPICS[topic], fed_whole)


@each_topic
def test_fed_byte_by_byte(topic: str) -> None:
    for_each(TOPICS[topic], fed_byte_by_byte)


@each_topic
def test_the_request_behind_is_untouched(topic: str) -> None:
    whole = [case for case in TOPICS[topic] if not case.refused and not case.incomplete]
    for_each(whole, with_a_request_behind)


@each_topic
def test_nothing_behind_a_refusal_is_read(topic: str) -> None:
    for_each([case for case in TOPICS[topic] if case.refused], refused_and_then_fed)


def fed_whole(case: Case) -> None:
    expect(case, read([case.bytes], case.limits, case.body_limit))


def fed_byte_by_byte(case: Case) -> None:
    whole = read([case.bytes], case.limits, case.body_limit)
    assert read(bytewise(case.bytes), case.limits, case.body_limit) == whole


def with_a_request_behind(case: Case) -> None:
    alone = read([case.bytes], case.limits, case.body_limit)
    followed = read([case.bytes + BEHIND], case.limits, case.body_limit)
    if alone.closed:
        assert followed.requests == alone.requests
        assert followed.left == len(BEHIND), "nothing behind a close is read"
    else:
        assert followed.requests[:-1] == alone.requests
        assert followed.requests[-1].head["target"] == b"/behind"
        assert followed.complete


def refused_and_then_fed(case: Case) -> None:
    followed = read([case.bytes, BEHIND, BEHIND], case.limits, case.body_limit)
    expect(case, followed)


def expect(case: Case, reading: Reading) -> None:
    """What was read is what the case says, no more and no less."""
    seen = [summary(request) for request in reading.requests]
    assert seen == [said_of(request, like) for request, like in zip_expected(case, seen)], case
    if case.refused is not None:
        assert reading.refusal is not None, f"not refused; read {seen}"
        status, reason = reading.refusal
        assert (status, case.refused[1].lower() in reason.lower()) == (case.refused[0], True), (
            f"refused with {status} {reason!r}"
        )
        return
    assert reading.refusal is None
    assert reading.complete is not case.incomplete


def zip_expected(
    case: Case, seen: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each expected request beside the one that was seen, if there was one."""
    padded = seen + [{}] * (len(case.requests) - len(seen))
    return list(zip(case.requests, padded, strict=False))


def summary(request: ReadRequest) -> dict[str, Any]:
    """A request as the case files write it."""
    return {**request.head, "body": request.body, "unfinished": not request.finished}


def said_of(expected: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """The expectation; a case that does not speak of the fields takes any."""
    return {"fields": seen.get("fields", []), **expected}


class TestTheFiles:
    def test_there_are_enough(self) -> None:
        assert len(CASES) >= 250

    def test_titles_are_unique(self) -> None:
        assert [name for name, count in Counter(map(str, CASES)).items() if count > 1] == []

    def test_each_cites_its_clause(self) -> None:
        for_each(CASES, cites_its_clause)

    def test_each_expects_one_thing(self) -> None:
        for_each(CASES, expects_one_thing)

    def test_a_failure_names_each_case_that_failed(self) -> None:
        first, second, third = CASES[:3]

        def check(case: Case) -> None:
            assert case is second, "wrong"

        with pytest.raises(AssertionError) as raised:
            for_each([first, second, third], check)
        said = str(raised.value)
        assert [str(case) in said for case in (first, second, third)] == [True, False, True]
        assert "wrong" in said


def cites_its_clause(case: Case) -> None:
    assert re.match(r"(RFC \d{4} §[\d.]+|Limit: |Policy: )", case.clause)


def expects_one_thing(case: Case) -> None:
    unfinished = [request["unfinished"] for request in case.requests]
    assert not any(unfinished[:-1]), "only the last request can be unfinished"
    if case.refused is None and not case.incomplete:
        assert case.requests and not unfinished[-1]
    assert not (case.refused and case.incomplete)
