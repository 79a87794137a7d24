"""Clients that leave: where in the exchange, how, and what the app sees of it."""

import json
from typing import Any, NamedTuple

import pytest

from tests.support.raw import RawClient


class Phase(NamedTuple):
    """A point in an exchange at which a client may leave."""

    name: str
    sent: bytes  # {key} stands for the key under which the app notes what it sees
    # What the app has noted when the client may leave, and what it must note then.
    before: list[str] = []  # noqa: RUF012 - never written to
    after: list[str] = []  # noqa: RUF012
    answered: bool = False  # whether to read an answer before leaving

    def bytes_for(self, key: str) -> bytes:
        return self.sent.replace(b"{key}", key.encode())


def head(request_line: str, *lines: str) -> bytes:
    return "\r\n".join((f"{request_line} HTTP/1.1", "Host: test", *lines, "", "")).encode()


LENGTH = "Content-Length: 1000"
CHUNKED = "Transfer-Encoding: chunked"
ASKS = "Expect: 100-continue"
RECEIVE = "POST /receive?key={key}"
GONE = ["disconnect"]
FAILS = ["send raised OSError"]

PHASES = [
    Phase("before the first byte", b""),
    Phase("within the request line", b"GET /rec"),
    Phase("within the head", head("GET /receive?key={key}", "X-Long: value")[:-5]),
    Phase("behind the head", head(RECEIVE, LENGTH), ["called"], GONE),
    Phase("where the server says 100", head(RECEIVE, LENGTH, ASKS), ["called"], GONE),
    Phase(
        "within the content",
        head(RECEIVE, LENGTH) + b"x" * 500,
        ["called", "content"],
        GONE,
    ),
    Phase(
        "within a chunk",
        head(RECEIVE, CHUNKED) + b"3\r\nabc\r\n5\r\nde",
        ["called", "content"],
        GONE,
    ),
    Phase(
        "behind the content",
        head(RECEIVE, LENGTH) + b"x" * 1000,
        ["called", "content", "end"],
        GONE,
    ),
    Phase("while the app waits", head("GET /receive?key={key}"), ["called", "end"], GONE),
    Phase(
        "with a request behind the one that waits",
        head("GET /receive?key={key}") + head("GET /receive?key={key}"),
        ["called", "end"],
        GONE,
    ),
    Phase(
        "within a response that pauses",
        head("GET /watch?key={key}"),
        ["called", "end"],
        [*GONE, *FAILS],
    ),
    Phase("within a response under way", head("GET /drip?key={key}"), ["called"], FAILS),
    Phase("within an upload that is answered", head("POST /", LENGTH) + b"x", answered=True),
    Phase("while idle", head("GET /"), answered=True),
    Phase("within the next head", head("GET /") + b"GET / HT", answered=True),
]


def close(client: RawClient) -> None:
    client.close()


def reset(client: RawClient) -> None:
    client.reset()


def half_close_and_close(client: RawClient) -> None:
    client.half_close()
    client.close()


# A client that only ended its side may want its answer, so apps that wait are told
# after a second or so: the polite ways take longer to test.
WAYS = [
    reset,
    pytest.param(close, marks=pytest.mark.slow_matrix),
    pytest.param(half_close_and_close, marks=pytest.mark.slow_matrix),
]


def seen(client: RawClient, key: str) -> list[str]:
    """What the app has noted under the key, told over another connection."""
    return json.loads(client.get(f"/seen?key={key}").body)


def counts(client: RawClient) -> dict[str, Any]:
    """What the process holds: tasks, file descriptors, objects; memory is left out."""
    found = json.loads(client.get("/counts").body)
    del found["rss"]
    return found


def resident(client: RawClient) -> int:
    return json.loads(client.get("/counts").body)["rss"]
