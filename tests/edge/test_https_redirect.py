"""Redirects to https, as an app of its own."""

import asyncio
from typing import Any

import pytest

from tricorn.edge.https_redirect import HttpsRedirect


def answer(
    host: bytes | None = b"example.com", path: bytes = b"/", query: bytes = b"", port: int = 443
) -> dict[str, Any]:
    fields = [] if host is None else [(b"accept", b"*/*"), (b"host", host)]
    scope = {"type": "http", "headers": fields, "raw_path": path, "query_string": query}
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(HttpsRedirect(port)(scope, None, send))
    start, body = sent
    assert body["type"] == "http.response.body" and not body.get("more_body")
    found = dict(start["headers"])
    assert len(found) == len(start["headers"])
    assert int(found[b"content-length"]) == len(body["body"])
    assert found[b"connection"] == b"close"
    return {"status": start["status"], "location": found.get(b"location")}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        (b"example.com", b"example.com"),
        (b"example.com:80", b"example.com"),
        (b"example.com:", b"example.com"),
        (b"127.0.0.1:8080", b"127.0.0.1"),
        (b"[::1]", b"[::1]"),
        (b"[2001:db8::1]:80", b"[2001:db8::1]"),
    ],
)
def test_the_host_stays_and_its_port_doesnt(host: bytes, name: bytes) -> None:
    assert answer(host) == {"status": 308, "location": b"https://" + name + b"/"}
    assert answer(host, port=8443) == {"status": 308, "location": b"https://" + name + b":8443/"}


def test_the_target_stays_as_it_was_sent() -> None:
    path = b"/a%20b//../c;d"
    assert answer(path=path, query=b"x=%2F&y")["location"] == (
        b"https://example.com/a%20b//../c;d?x=%2F&y"
    )
    # Two slashes are a path, and no other host.
    assert answer(path=b"//evil.example/")["location"] == b"https://example.com//evil.example/"


def test_options_of_the_whole_server_lead_to_its_root() -> None:
    assert answer(path=b"*")["location"] == b"https://example.com/"


@pytest.mark.parametrize("host", [None, b""])
def test_without_a_host_there_is_nowhere_to_go(host: bytes | None) -> None:
    assert answer(host) == {"status": 400, "location": None}


def test_other_scopes_are_an_error() -> None:
    with pytest.raises(ValueError, match="'lifespan' scope"):
        asyncio.run(HttpsRedirect()({"type": "lifespan"}, None, None))
