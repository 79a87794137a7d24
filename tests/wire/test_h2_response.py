"""A response's field list: what is remembered changes no later one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.grammar import patient
from tricorn.wire.errors import ResponseError
from tricorn.wire.h1_response import DefaultFields
from tricorn.wire.h2_response import read_app_fields
from tricorn.wire.scan import list_fields

OK = (b":status", b"200")
NOT_FOUND = (b":status", b"404")

PAIRS = st.sampled_from(
    [
        (b"Content-Type", b"text/plain"),
        (b"content-type", b"text/plain"),
        (b"content-length", b"5"),
        (b"connection", b"close"),
        (b"date", b"today"),
        (b"Server", b"mine"),
        [b"x", b" y "],
        (bytearray(b"x"), b"y"),
        (b"x", b"y" * 1100),
        (b"b@d", b""),
        (b"x", b"\n"),
        "no pair",
    ]
)


def lines(fields: Any, size: int = -1, defaults: DefaultFields | None = None) -> Any:
    return read_app_fields(fields).head(OK, size, defaults or DefaultFields(None, []))


def expected(fields: Any) -> Any:
    """What a list comes to that nothing was before, or that it is an error."""
    into: list[tuple[bytes, bytes]] = []
    try:
        flags, length = list_fields(fields, into)
    except ResponseError as error:
        return str(error)
    return into, flags, length


class TestAppFields:
    @patient
    @given(st.lists(st.lists(PAIRS, max_size=3), min_size=1, max_size=8))
    def test_what_came_before_changes_nothing(self, responses: list[Any]) -> None:
        for fields in responses:
            try:
                found = read_app_fields(fields)
            except ResponseError as error:
                assert str(error) == expected(fields)
            else:
                assert (found.lines, found.flags, found.length) == expected(fields)

    def test_the_same_fields_are_read_once(self) -> None:
        first = read_app_fields([(b"X", b"y")])
        assert read_app_fields([(b"X", b"y")]) is first
        assert read_app_fields([(b"X", b"z")]) is not first

    @pytest.mark.parametrize(
        "fields",
        [[[b"x", b"y"]], [(b"x", b"y" * 2000)], ((b"x", b"y"),), [(bytearray(b"x"), b"y")]],
    )
    def test_what_may_change_or_is_long_is_not_kept(self, fields: Any) -> None:
        assert read_app_fields(fields) is not read_app_fields(fields)

    def test_a_list_that_is_changed_later(self) -> None:
        fields = [(b"x", b"1")]
        assert lines(fields) == [OK, (b"x", b"1")]
        fields[0] = (b"x", b"2")
        assert lines(fields) == [OK, (b"x", b"2")]
        fields.append((b"z", b"3"))
        assert lines(fields) == [OK, (b"x", b"2"), (b"z", b"3")]

    def test_without_a_length(self) -> None:
        found = read_app_fields([(b"content-length", b"5"), (b"x", b"y")])
        assert found.without_length().lines == [(b"x", b"y")]
        assert read_app_fields([(b"content-length", b"5"), (b"x", b"y")]).length == 5


class TestHead:
    def test_what_the_server_adds(self) -> None:
        defaults = DefaultFields(b"tricorn", [(b"via", b"us")])
        defaults.set_date(b"now")
        known = [(b"content-length", b"3"), (b"date", b"now"), (b"server", b"tricorn")]
        assert lines([], 3, defaults) == [OK, *known, (b"via", b"us")]

    def test_what_the_app_has_set_stays(self) -> None:
        defaults = DefaultFields(b"tricorn", [])
        defaults.set_date(b"now")
        fields = [(b"Server", b"mine"), (b"date", b"then")]
        assert lines(fields, -1, defaults) == [OK, (b"server", b"mine"), (b"date", b"then")]

    def test_each_part_is_compared(self) -> None:
        defaults = DefaultFields(b"tricorn", [])
        defaults.set_date(b"one")
        fields = read_app_fields([(b"x", b"y")])
        first = fields.head(OK, 1, defaults)
        assert fields.head(OK, 1, defaults) is first
        assert fields.head(NOT_FOUND, 1, defaults)[0] == NOT_FOUND
        assert (b"content-length", b"2") in fields.head(OK, 2, defaults)
        assert fields.head(OK, -1, defaults) == [OK, (b"x", b"y"), *first[3:]]
        defaults.set_date(b"two")
        assert (b"date", b"two") in fields.head(OK, 1, defaults)
        assert (b"server", b"other") in fields.head(OK, 1, DefaultFields(b"other", []))
