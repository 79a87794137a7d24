"""The WSGI environment (PEP 3333, "environ Variables")."""

import sys
from typing import Any

import pytest

from tests.asgi.wsgi_client import environ_of
from tricorn.asgi import wsgi_environ
from tricorn.asgi.wsgi import WSGIMiddleware
from tricorn.asgi.wsgi_file import FileWrapper


def test_all_of_it() -> None:
    environ = environ_of(
        method="PUT",
        scheme="https",
        http_version="1.0",
        path="/base/a b",
        raw_path=b"/base/a%20b",
        root_path="/base",
        query_string=b"a=1&b=%20",
        headers=[
            (b"host", b"example.test"),
            (b"content-type", b"text/plain"),
            (b"content-length", b"0"),
            (b"x-custom", b"caf\xe9"),
        ],
    )
    content = environ.pop("wsgi.input")
    assert content.read() == b""
    assert environ == {
        "REQUEST_METHOD": "PUT",
        "SCRIPT_NAME": "/base",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "a=1&b=%20",
        "RAW_URI": "/base/a%20b?a=1&b=%20",
        "REQUEST_URI": "/base/a%20b?a=1&b=%20",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "SERVER_SOFTWARE": "tricorn",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "1234",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "0",
        "HTTP_HOST": "example.test",
        "HTTP_X_CUSTOM": "caf\xe9",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
    }
    assert type(environ) is dict


def test_each_request_has_its_own() -> None:
    app = WSGIMiddleware(lambda environ, start: [])
    shared = app._shared
    one = wsgi_environ.environ_of(dict(SCOPE), shared)
    one["wsgi.version"] = "changed"
    one["extra"] = 1
    two = wsgi_environ.environ_of(dict(SCOPE), shared)
    assert two["wsgi.version"] == (1, 0) and "extra" not in two


SCOPE: dict[str, Any] = {
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/",
    "query_string": b"",
    "headers": [],
}


def test_what_a_scope_may_leave_out() -> None:
    environ = wsgi_environ.environ_of(SCOPE, wsgi_environ.shared_variables(1))
    assert environ["SCRIPT_NAME"] == ""
    assert environ["REQUEST_URI"] == "/"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
    assert environ["REMOTE_ADDR"] == ""
    assert environ["wsgi.multithread"] is False


@pytest.mark.parametrize(
    ("root", "path", "script_name", "path_info"),
    [
        ("", "/", "", "/"),
        ("", "/a", "", "/a"),
        ("/base", "/base", "/base", ""),
        ("/base", "/base/", "/base", "/"),
        ("/base", "/base/a", "/base", "/a"),
        ("/base/", "/base/a", "/base", "/a"),
        ("/base", "/based", "/base", "/based"),  # a server that leaves the root path out
        ("/base", "/a", "/base", "/a"),
        ("/k\xe4se", "/k\xe4se/\u20ac", "/k\xc3\xa4se", "/\xe2\x82\xac"),
        ("", "/\u20ac", "", "/\xe2\x82\xac"),
    ],
)
def test_the_path_is_split_and_holds_bytes(
    root: str, path: str, script_name: str, path_info: str
) -> None:
    environ = environ_of(root_path=root, path=path, raw_path=None)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (script_name, path_info)


def test_a_path_that_is_no_utf8_keeps_its_bytes() -> None:
    environ = environ_of(path="/\ufffd/\ufffd", raw_path=b"/%FF/%fe")
    assert environ["PATH_INFO"] == "/\xff/\xfe"
    # A raw path that belongs to another path says nothing.
    environ = environ_of(path="/\ufffd", raw_path=b"/other")
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/\ufffd"


def test_unix_sockets() -> None:
    environ = environ_of(client=None, server=("/run/app.sock", None))
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")
    assert environ["REMOTE_ADDR"] == ""
    assert environ_of(server=None, scheme="https")["SERVER_PORT"] == "443"


def test_repeated_fields_become_one() -> None:
    fields = [(b"x-two", b"1"), (b"cookie", b"a=1"), (b"x-two", b"2"), (b"cookie", b"b=2")]
    environ = environ_of(headers=fields)
    assert environ["HTTP_X_TWO"] == "1,2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_a_field_with_an_underscore_cannot_pass_for_a_proxys() -> None:
    for _ in range(2):  # the second time from what is remembered
        environ = environ_of(headers=[(b"x-real-ip", b"proxy"), (b"x_real_ip", b"client")])
        assert environ["HTTP_X_REAL_IP"] == "proxy"
        assert "HTTP_X_REAL_IP" not in environ_of(headers=[(b"x_real_ip", b"client")])
        assert "CONTENT_LENGTH" not in environ_of(headers=[(b"content_length", b"9")])


def test_invented_names_take_no_memory_for_ever() -> None:
    import tracemalloc

    def many(start: int) -> None:
        fields = [(b"x-%d" % number, b"") for number in range(start, start + 1000)]
        assert environ_of(headers=fields)[f"HTTP_X_{start}"] == ""

    many(0)  # fills what is remembered
    many(1000)
    tracemalloc.start()
    try:
        many(2000)
        before = tracemalloc.get_traced_memory()[0]
        for start in range(3000, 13000, 1000):
            many(start)
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
    finally:
        tracemalloc.stop()
