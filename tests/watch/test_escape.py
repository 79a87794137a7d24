"""Text from outside becomes one printable line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tricorn.watch.escape import printable, printable_lines, printable_target


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain ASCII, with ~ and \\", "plain ASCII, with ~ and \\"),
        ("é 日本", "é 日本"),
        ("a\r\nb", r"a\r\nb"),
        ("a\tb", r"a\tb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\0", r"\x00"),
        ("\x7f\x9b", r"\x7f\x9b"),  # DEL, and the C1 control that is CSI
        ("\u2028\u2029\x85", r"\u2028\u2029\x85"),  # what str.splitlines takes for line ends
        ("\u202egnp\u2066", r"\u202egnp\u2066"),  # bidirectional override and isolate
        ("\udcff", r"\udcff"),  # a byte that was no UTF-8
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_what_is_printed(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_any_text_is_one_printable_line(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")
    assert printable(shown) == shown


@given(st.text(st.characters()))
def test_lines_keep_line_feeds_and_tabs_alone(text: str) -> None:
    shown = printable_lines(text)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert shown.count("\n") == text.count("\n")


def test_no_line_of_a_traceback_starts_as_a_record_does() -> None:
    assert printable_lines("ValueError: a\nINFO:     forged\nERRORS: b") == (
        "ValueError: a\n INFO:     forged\nERRORS: b"
    )


@given(st.binary())
def test_any_target_is_printable_ascii_without_a_quote(target: bytes) -> None:
    shown = printable_target(target)
    assert shown.isascii()
    assert shown.isprintable()
    assert '"' not in shown


def test_a_target_is_escaped_as_targets_are() -> None:
    assert printable_target(b'/a?b=1#"\xc3\xa9\x1b\n') == "/a?b=1#%22%C3%A9%1B%0A"
