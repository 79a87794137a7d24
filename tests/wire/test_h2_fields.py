"""A request's field list: one that repeats the last is taken as if it were the first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.grammar import patient
from tricorn.wire.errors import Refusal
from tricorn.wire.h1 import HeadLimits
from tricorn.wire.h2_fields import RequestHead

FACTS = (
    *("method", "target", "raw_path", "path", "query", "scheme", "authority", "protocol"),
    *("fields", "content_length", "expect_continue", "te_trailers", "forwarded"),
)
LIMITS = HeadLimits(request_line=40, field_section=100, fields=4)


class Marked(tuple[bytes, bytes]):
    """A pair that isn't just one, as the engine makes those that mustn't be indexed."""


def request(
    path: bytes = b"/", *fields: tuple[bytes, bytes], method: bytes = b"GET"
) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b":method", method),
        (b":scheme", b"https"),
        (b":authority", b"a.example"),
        (b":path", path),
        *fields,
    )


def facts(head: RequestHead, fields: Any, ended: bool) -> Any:
    """What a request comes to: its facts, or why it is refused."""
    try:
        head.read(fields, ended)
    except Refusal as refusal:
        return refusal.status, refusal.reason
    return {name: getattr(head, name) for name in FACTS}


METHODS = st.sampled_from([b"GET", b"POST", b"OPTIONS", b"CONNECT", b"B@D"])
PATHS = st.sampled_from([b"/", b"/a?b", b"/%41", b"*", b"", b"/\xff", b"/" + bytes(40)])
PAIRS = st.sampled_from(
    [
        (b":scheme", b"http"),
        (b":scheme", b"ftp"),
        (b":authority", b"a"),
        (b":authority", b"a b"),
        (b"host", b"a"),
        (b"cookie", b"x=1"),
        (b"content-length", b"7"),
        (b"content-length", b"8"),
        (b"te", b"trailers"),
        (b"expect", b"100-continue"),
        (b"x-forwarded-for", b"1.2.3.4"),
        (b"x", b"y" * 60),
        Marked((b"authorization", b"secret")),
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[tuple[bytes, bytes], ...]:
    start = [(b":method", draw(METHODS)), (b":path", draw(PATHS))]
    return (*start, *draw(st.lists(PAIRS, max_size=5)))


class TestRepeated:
    @patient
    @given(
        st.lists(requests(), min_size=1, max_size=3),
        st.lists(st.tuples(st.integers(0, 2), PATHS, st.booleans()), min_size=1, max_size=10),
    )
    def test_what_came_before_changes_nothing(
        self, lists: list[Any], order: list[tuple[int, bytes, bool]]
    ) -> None:
        head = RequestHead(LIMITS)
        for which, path, ended in order:
            fields = lists[which % len(lists)]
            fields = (fields[0], (b":path", path), *fields[2:])
            assert facts(head, fields, ended) == facts(RequestHead(LIMITS), fields, ended)

    def test_the_app_may_change_its_list(self) -> None:
        head = RequestHead(LIMITS)
        for _ in range(3):
            head.read(request(b"/", (b"x", b"y")), True)
            assert head.fields == [(b"host", b"a.example"), (b"x", b"y")]
            head.fields.clear()

    def test_it_tells_when_the_line_is_the_same(self) -> None:
        head = RequestHead(LIMITS)
        told = []
        for path in (b"/", b"/", b"/a", b"/a", b"/"):
            head.read(request(path), True)
            told.append(head.same_line)
        assert told == [False, True, False, True, False]
        head.read(request(b"/", method=b"PUT"), True)
        assert not head.same_line

    @pytest.mark.parametrize(
        ("path", "status"), [(b"/" + b"a" * 40, 414), (b"a", 400), (b"/ ", 400)]
    )
    def test_another_path_is_looked_at(self, path: bytes, status: int) -> None:
        head = RequestHead(LIMITS)
        head.read(request(), True)
        with pytest.raises(Refusal) as refused:
            head.read(request(path), True)
        assert refused.value.status == status
        head.read(request(), True)
        assert head.target == b"/"

    def test_content_behind_the_head_counts(self) -> None:
        head = RequestHead(LIMITS)
        for ended in (True, False, False, True):
            head.read(request(), ended)
            assert head.content_length == (0 if ended else -1)
