"""The files in `cases` are whole, and none is forgotten."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.wire.case_checks import CASES, TOPICS, TOPICS_OF
from tests.wire.case_files import Case, for_each


class TestTheFiles:
    def test_there_are_enough(self) -> None:
        assert len(CASES) >= 250

    def test_each_topic_is_that_of_one_module(self) -> None:
        assert sorted(topic for topics in TOPICS_OF.values() for topic in topics) == list(TOPICS)

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
