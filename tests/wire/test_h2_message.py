"""RFC 9113 §8.3: which field lists are requests, and which are trailers."""

import pytest

from tests.support.h2_frames import request
from tricorn.wire.h2_message import MALFORMED, NO_LENGTH, FieldList, MessageCheck, are_trailers

CONNECT = ((b":method", b"CONNECT"), (b":authority", b"a"))
TUNNEL = (
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":authority", b"a"),
)


def plain(*more: tuple[bytes, bytes]) -> FieldList:
    return tuple(request(b"/", b"POST", *more))


def check(fields: FieldList, tunnels: bool = False) -> int:
    one = MessageCheck(tunnels)
    one.read(fields)
    return one.length


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        (plain(), NO_LENGTH),
        (plain((b"content-length", b"0")), 0),
        (plain((b"content-length", b"12")), 12),
        (plain((b"content-length", b"12"), (b"content-length", b"12")), 12),
        (plain()[:3], NO_LENGTH),
        (CONNECT, NO_LENGTH),
        ((*CONNECT, (b"content-length", b"5")), NO_LENGTH),
        (tuple(request(b"/", b"PROPFIND")), NO_LENGTH),
    ],
)
def test_well_formed(fields: FieldList, length: int) -> None:
    assert check(fields) == length


@pytest.mark.parametrize(
    "fields",
    [
        (),
        *(plain()[:place] + plain()[place + 1 :] for place in range(3)),
        *((*plain(), one) for one in plain()),
        *(
            tuple((name, value if name != other else b"") for name, value in plain())
            for other, _ in plain()
        ),
        plain((b":status", b"200")),
        plain((b":unknown", b"x")),
        plain((b"x", b"y"), (b":path", b"/")),
        ((b"x", b"y"), *plain()),
        tuple(request(b"/", b"G T")),
        plain((b"content-length", b"1"), (b"content-length", b"2")),
        *(plain((b"content-length", value)) for value in (b"", b"+1", b"-1", b"1 ", b"9" * 20)),
        plain((b"content-length", b"%d" % (1 << 63))),
        CONNECT[:1],
        (*CONNECT, (b":path", b"/")),
        (*CONNECT, (b":scheme", b"http")),
        TUNNEL,
    ],
)
def test_malformed(fields: FieldList) -> None:
    assert check(fields) == MALFORMED


@pytest.mark.parametrize("place", range(5))
def test_tunnels(place: int) -> None:
    assert check(TUNNEL, tunnels=True) == NO_LENGTH
    assert check(TUNNEL[:place] + TUNNEL[place + 1 :], tunnels=True) == MALFORMED
    assert check((*plain(), TUNNEL[1]), tunnels=True) == MALFORMED


def test_the_next_one_has_nothing_of_the_last() -> None:
    one = MessageCheck(False)
    first = plain((b"priority", b"u=1"), (b"content-length", b"3"))
    for fields, length, priority in (
        (first, 3, b"u=1"),
        (plain(), NO_LENGTH, b""),
        ((), MALFORMED, b""),
        (first, 3, b"u=1"),
    ):
        one.read(fields)
        assert (one.length, one.priority) == (length, priority)


def test_trailers() -> None:
    assert are_trailers(())
    assert are_trailers(((b"x-checksum", b"1"),))
    assert not are_trailers(((b"x-checksum", b"1"), (b":path", b"/")))
