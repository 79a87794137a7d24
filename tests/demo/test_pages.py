import re
from importlib.resources import files

import pytest

from tests.demo.caller import call, http_scope
from tricorn.demo import Demo

PAGES = [
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/static/demo.css", "demo.css", "text/css; charset=utf-8"),
    ("/static/demo.js", "demo.js", "text/javascript; charset=utf-8"),
    ("/static/icon.svg", "icon.svg", "image/svg+xml"),
]


def shipped(name: str) -> bytes:
    return (files("tricorn.demo") / "static" / name).read_bytes()


@pytest.mark.parametrize(("path", "name", "content_type"), PAGES)
def test_page(path: str, name: str, content_type: str) -> None:
    response = call(Demo(), http_scope(path=path))
    assert response.status == 200
    assert response.content == shipped(name)
    assert response.fields["content-length"] == str(len(shipped(name)))
    assert response.fields["content-type"] == content_type
    assert response.fields["cache-control"] == "no-cache"


def test_head_has_the_same_fields_and_no_content() -> None:
    get, head = (call(Demo(), http_scope(method)) for method in ("GET", "HEAD"))
    assert head.fields == get.fields
    assert head.content == b""


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_a_current_copy_is_304(form: str) -> None:
    etag = call(Demo(), http_scope()).fields["etag"]
    condition = [(b"if-none-match", form.format(etag).encode())]
    response = call(Demo(), http_scope(fields=condition))
    assert response.status == 304
    assert response.fields["etag"] == etag
    assert response.content == b""


def test_an_old_copy_is_sent_anew() -> None:
    response = call(Demo(), http_scope(fields=[(b"if-none-match", b'"other"')]))
    assert response.status == 200
    assert response.content


def test_files_have_different_etags() -> None:
    etags = {call(Demo(), http_scope(path=path)).fields["etag"] for path, _, _ in PAGES}
    assert len(etags) == len(PAGES)


@pytest.mark.parametrize("name", ["index.html", "error.html"])
def test_markup_has_nothing_the_policy_forbids(name: str) -> None:
    markup = shipped(name).decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|//[\w.]+/", markup)
    assert not re.search(r"<script(?![^>]*\ssrc=)", markup)


def test_what_the_page_refers_to_exists() -> None:
    markup = shipped("index.html").decode()
    local = set(re.findall(r'(?:src|href)="(static/[^"]+)"', markup))
    assert {f"/{path}" for path in local} == {path for path, _, _ in PAGES if path != "/"}
    ids = set(re.findall(r'\sid="([^"]+)"', markup))
    assert set(re.findall(r'\$\("([^"]+)"\)', shipped("demo.js").decode())) <= ids
    assert set(re.findall(r'href="#([^"]+)"', markup)) <= ids
    labels = re.findall(r'aria-labelledby="([^"]+)"', markup)
    assert set(labels) <= ids
