"""The Forwarded field: elements from the right, parameters by the grammar of RFC 7239."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tricorn.edge.rfc7239 import LONGEST_CHAIN, elements_from_right, parse_element

TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=8)
QUOTED = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("", []),
        (" , ,", []),
        ("for=a", ["for=a"]),
        ("for=a, for=b;proto=c ,for=d", ["for=d", "for=b;proto=c", "for=a"]),
        ('for=a, host="x, y";for=b', ['host="x, y";for=b', "for=a"]),
        (r'for=a, host="x\", for=evil, \\";for=b', [r'host="x\", for=evil, \\";for=b', "for=a"]),
        ('host="", host="a="', ['host="a="', 'host=""']),
        # The left end is the client's: a quote that never closes hides nothing right of it.
        ('for="evil, for=b', ["for=b", 'for="evil']),
        ('for="evil, for=b;host="x"', ['for=b;host="x"', 'for="evil']),
        ('for=evil", for=b', ["for=b", 'for=evil"']),
    ],
)
def test_elements(value: str, elements: list[str]) -> None:
    assert list(elements_from_right(value)) == elements


@given(
    st.text(st.characters(max_codepoint=255)), st.lists(st.dictionaries(TOKEN, QUOTED, min_size=1))
)
def test_what_proxies_wrote_is_read_back_behind_anything(
    junk: str, written: list[dict[str, str]]
) -> None:
    written = [{name.lower(): value for name, value in each.items()} for each in written]
    texts = [";".join(f"{n}={quoted(v)}" for n, v in each.items()) for each in written]
    field = ",".join([junk, *texts])
    read = list(elements_from_right(field))[: len(texts)]
    if len(field) <= LONGEST_CHAIN:
        assert read == texts[::-1]
        assert [parse_element(element) for element in read] == written[::-1]


def test_what_is_too_far_left_is_not_read_not_even_in_part() -> None:
    far = "for=101.1.1.1"
    near = ",for=2.2.2.2" * 400
    assert set(elements_from_right(far + near)) == {"for=2.2.2.2"}
    assert list(elements_from_right("x" * LONGEST_CHAIN)) == ["x" * LONGEST_CHAIN]
    assert list(elements_from_right("x" * (LONGEST_CHAIN + 1))) == []


@pytest.mark.parametrize(
    ("element", "parameters"),
    [
        ("", {}),
        ("for=192.0.2.7", {"for": "192.0.2.7"}),
        ("FOR=a;Proto=https", {"for": "a", "proto": "https"}),
        ("for=a; proto=b ;by=c;", {"for": "a", "proto": "b", "by": "c"}),
        (";;for=a;;", {"for": "a"}),
        (
            r'for="[2001:db8::1]:80";host="a\"b\\"',
            {"for": "[2001:db8::1]:80", "host": r'a"b' + "\\"},
        ),
        ("for=_hidden;by=unknown", {"for": "_hidden", "by": "unknown"}),
        ("for=192.0.2.7:80", {"for": "192.0.2.7:80"}),  # not by the grammar, but often written
        ("for=[2001:db8::1]", {"for": "[2001:db8::1]"}),
        ('for=""', {"for": ""}),
    ],
)
def test_an_element(element: str, parameters: dict[str, str]) -> None:
    assert parse_element(element) == parameters


@pytest.mark.parametrize(
    "element",
    [
        "for",
        "for=",
        "=a",
        "for =a",
        "for= a",
        "for=a b",
        "for=a;for=b",
        "for=a;FOR=b",
        'for="a',
        'for=a"',
        'for="a"b',
        'for="a\\"',
        "for=a/b",
        "for=é",
        "for=a\x00",
    ],
)
def test_no_element(element: str) -> None:
    assert parse_element(element) is None


@given(st.text(st.characters(max_codepoint=255)))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for element in elements_from_right(text):
        parse_element(element)
