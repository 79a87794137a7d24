"""RFC 9218 §4: the value of `priority`, and of PRIORITY_UPDATE."""

import pytest

from tricorn.wire.h2_priority import read_priority


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        (b"", (3, False)),
        (b"u=0", (0, False)),
        (b"u=7", (7, False)),
        (b"i", (3, True)),
        (b"i=?1", (3, True)),
        (b"i=?0", (3, False)),
        (b"u=5, i", (5, True)),
        (b"u=5,i", (5, True)),
        (b"i,\tu=1", (1, True)),
        # RFC 8941 §3.2: the last one counts; parameters and members that nobody knows mean nothing.
        (b"u=1, u=2", (2, False)),
        (b"i, i=?0", (3, False)),
        (b"u=2;x=1, i;y", (2, True)),
        (b"u=2, new=(1 2), i", (2, True)),
        (b"u=4, *a-b_c.d", (4, False)),
        # RFC 9218 §4: what is out of range, or of another type, is as if it weren't there.
        (b"u=8, i", (3, True)),
        (b"u=-1", (3, False)),
        (b"u=high, i", (3, True)),
        (b"u, i", (3, True)),
        # What is no dictionary.
        (b"u=1, ;;;", (3, False)),
        (b"u=1,,i", (3, False)),
        (b"U=1", (3, False)),
        (b"\xff", (3, False)),
        (b"u=1" + b" " * 300, (3, False)),
    ],
)
def test_read(value: bytes, priority: tuple[int, bool]) -> None:
    assert read_priority(value) == priority
