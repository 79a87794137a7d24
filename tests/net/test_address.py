"""Binds as text and as values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tricorn.net.address import Bind, parse_bind


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1:8000", Bind("tcp", host="127.0.0.1", port=8000)),
        ("example.test:0", Bind("tcp", host="example.test", port=0)),
        ("localhost:65535", Bind("tcp", host="localhost", port=65535)),
        (":8000", Bind("tcp", host=None, port=8000)),
        ("[::1]:8000", Bind("tcp", host="::1", port=8000)),
        ("[::]:80", Bind("tcp", host="::", port=80)),
        ("[fe80::1%eth0]:80", Bind("tcp", host="fe80::1%eth0", port=80)),
        ("unix:/run/app.sock", Bind("unix", path="/run/app.sock")),
        ("unix:app.sock", Bind("unix", path="app.sock")),
        ("unix:/with:colon", Bind("unix", path="/with:colon")),
        ("fd://0", Bind("fd", fd=0)),
        ("fd://17", Bind("fd", fd=17)),
    ],
)
def test_each_form_is_read_and_written_alike(text: str, bind: Bind) -> None:
    assert parse_bind(text) == bind
    assert str(bind) == text


def test_the_url_form_of_a_unix_path_is_the_same_place() -> None:
    assert parse_bind("unix:///run/app.sock") == Bind("unix", path="/run/app.sock")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "no port"),
        ("8000", "no port"),
        ("localhost", "no port"),
        ("[::1]", "no port"),
        ("localhost:", "bad port ''"),
        ("localhost:http", "bad port 'http'"),
        ("localhost:65536", "bad port"),
        ("localhost:-1", "bad port"),
        ("localhost:+80", "bad port"),
        ("localhost:8_0", "bad port"),
        ("localhost:٨٠", "bad port"),
        ("localhost: 80", "bad port"),
        ("localhost:" + "1" * 5000, "bad port"),
        ("::1:8000", "brackets"),
        ("[localhost]:80", "no IPv6 address"),
        ("[]:80", "no IPv6 address"),
        ("http://localhost:80", "is a URL"),
        ("user@host:80", "isn't an address"),
        ("ho st:80", "isn't an address"),
        ("unix:", "no path"),
        ("unix://", "no path"),
        ("unix:/a\0b", "NUL"),
        ("fd://", "no descriptor"),
        ("fd:3", "no descriptor"),
        ("fd://-1", "no descriptor"),
        ("fd://three", "no descriptor"),
    ],
)
def test_anything_else_gets_one_line_that_says_why(text: str, hint: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_bind(text)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=30))
def test_no_text_gives_another_error(text: str) -> None:
    try:
        bind = parse_bind(text)
    except ValueError:
        return
    assert parse_bind(str(bind)) == bind


def test_a_bind_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Bind("fd", fd=1).fd = 2  # type: ignore[misc]
