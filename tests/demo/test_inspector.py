import pytest

from tests.demo.caller import call, http_scope
from tricorn.demo import Demo


def test_the_request_is_shown_as_it_arrived() -> None:
    fields = [(b"host", b"a.test"), (b"x-hat", b"caf\xe9"), (b"x-hat", b"two")]
    scope = http_scope(
        "BREW",
        "/inspect/caf\u00e9",
        fields,
        raw_path=b"/inspect/caf%C3%A9",
        query_string=b"milk=no",
        extensions={"http.response.trailers": {}, "http.response.pathsend": {}},
    )
    assert call(Demo(), scope, b"black", b" tea").json() == {
        "method": "BREW",
        "scheme": "http",
        "path": "/inspect/caf\u00e9",
        "raw_path": "/inspect/caf%C3%A9",
        "query": "milk=no",
        "http_version": "1.1",
        "root_path": "",
        "client": ["192.0.2.7", 50000],
        "server": ["127.0.0.1", 8000],
        "headers": [["host", "a.test"], ["x-hat", "caf\u00e9"], ["x-hat", "two"]],
        "extensions": ["http.response.pathsend", "http.response.trailers"],
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "content": {"bytes": 9, "excerpt": "black tea"},
    }


def test_what_a_scope_may_leave_out() -> None:
    scope = http_scope(path="/inspect", client=None, server=None, raw_path=None, extensions=None)
    for optional in ("scheme", "root_path", "extensions"):
        del scope[optional]
    seen = call(Demo(), scope).json()
    assert (seen["client"], seen["server"], seen["raw_path"]) == (None, None, "")
    assert (seen["scheme"], seen["root_path"], seen["extensions"]) == ("http", "", [])


@pytest.mark.parametrize("pieces", [[b"x" * 5000], [b"x" * 1000] * 5, [b"x"] * 5000])
def test_only_the_beginning_of_long_content_is_shown(pieces: list[bytes]) -> None:
    seen = call(Demo(), http_scope("POST", "/inspect"), *pieces).json()
    assert seen["content"] == {"bytes": 5000, "excerpt": "x" * 1024}


def test_head_has_no_content() -> None:
    assert call(Demo(), http_scope("HEAD", "/inspect")).content == b""
