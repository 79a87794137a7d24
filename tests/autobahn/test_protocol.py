"""Autobahn's protocol cases: all but the groups that take minutes."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.autobahn.cases import LONG, UNDEFINED, Outcome, run
from tests.support.server import serve

if find_spec("kosoku") is None:  # not imported here: see `run`
    pytest.skip("could not import 'kosoku'", allow_module_level=True)
CASES = 247


@pytest.fixture(scope="module")
def outcomes() -> Iterator[list[Outcome]]:
    with serve("sockets:app", "--no-access-log") as server:
        yield run(server, (), LONG, at_once=8)


# One worker: they share a run.
@pytest.mark.xdist_group("autobahn")
class TestProtocolCases:
    def test_every_case_was_run(self, outcomes: list[Outcome]) -> None:
        cases = {outcome.case for outcome in outcomes}
        assert (len(cases), len(outcomes)) == (CASES, CASES)
        assert cases.issuperset(UNDEFINED)

    def test_every_case_is_strictly_passed(self, outcomes: list[Outcome]) -> None:
        assert [str(outcome) for outcome in outcomes if not outcome.strict] == []

    def test_what_is_undefined_ends_in_order(self, outcomes: list[Outcome]) -> None:
        undefined = [one for one in outcomes if one.case in UNDEFINED]
        assert {(one.behavior, one.close) for one in undefined} == {
            ("INFORMATIONAL", "INFORMATIONAL")
        }
