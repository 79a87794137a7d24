import pytest

from tests.demo.caller import call, http_scope
from tricorn.demo import Demo
from tricorn.demo.routing import local_path


@pytest.mark.parametrize(
    ("root", "path", "local"),
    [
        ("", "/echo", "/echo"),
        ("/demo", "/demo/echo", "/echo"),
        ("/demo/", "/demo/echo", "/echo"),
        ("/demo", "/demo/", "/"),
        ("/demo", "/demonstration", "/demonstration"),
        ("/demo", "/echo", "/echo"),
    ],
)
def test_root_path_is_no_part_of_the_local_path(root: str, path: str, local: str) -> None:
    assert local_path(http_scope(path=path, root_path=root)) == local


@pytest.mark.parametrize("path", ["/nowhere", "/echo/", "/inspector", "/static", "", "*"])
def test_unknown_path_is_404_as_json(path: str) -> None:
    response = call(Demo(), http_scope(path=path))
    assert response.status == 404
    assert response.json() == {
        "status": 404,
        "error": "Not Found",
        "detail": f"There is nothing at {path}.",
    }


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/facts", "GET, HEAD"),
        ("GET", "/echo", "POST"),
        ("get", "/", "GET, HEAD"),  # methods are case-sensitive, RFC 9110 9.1
    ],
)
def test_wrong_method_is_405_and_names_the_right_ones(method: str, path: str, allow: str) -> None:
    response = call(Demo(), http_scope(method, path))
    assert response.status == 405
    assert response.fields["allow"] == allow
    assert allow in response.json()["detail"]


def test_a_browser_gets_a_page_without_markup_from_the_path() -> None:
    accept = [(b"accept", b"text/html,application/xhtml+xml;q=0.9")]
    response = call(Demo(), http_scope(path="/<b>x", fields=accept, root_path="/a&b"))
    assert response.status == 404
    assert response.fields["content-type"] == "text/html; charset=utf-8"
    assert response.fields["vary"] == "accept"
    assert b"There is nothing at /&lt;b&gt;x." in response.content
    assert b'href="/a&amp;b/static/demo.css"' in response.content


def test_an_error_for_head_has_no_content() -> None:
    response = call(Demo(), http_scope("HEAD", "/nowhere"))
    assert response.content == b""
    assert int(response.fields["content-length"]) > 0
