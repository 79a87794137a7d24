"""How content is read, case by case (`cases/*.toml`)."""

from collections.abc import Callable

import pytest

from tests.wire.case_checks import CHECKS, TOPICS_OF


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("topic", TOPICS_OF["h1_content"])
def test_cases(topic: str, check: Callable[[str], None]) -> None:
    check(topic)
