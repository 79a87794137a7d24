"""RFC 9113 §7: error codes that nobody knows mean nothing special."""

import pytest

from tests.http2.cases import Case, alive, answered, hold, nothing
from tests.support.h2_frames import Code, get, goaway, reset

UNKNOWN = 0xFFFFFFFF


def test_goaway_with_an_unknown_code(client):
    """The streams that were begun are still answered."""
    client.start().send(get(1, b"/slow?seconds=0.05") + goaway(UNKNOWN))
    assert client.response(1).body == b"at last"


CASES = [
    Case(
        "7",
        "RST_STREAM with an unknown code",
        get(1, b"/hold") + reset(1, UNKNOWN) + get(3),
        answered(3),
    ),
    *(
        Case(
            "7", f"RST_STREAM with {code.name}", (get(1, b"/hold"), alive, reset(1, code)), nothing
        )
        for code in Code
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_codes(case, client):
    hold(case, client)
