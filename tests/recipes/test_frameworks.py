"""Each framework over HTTP/1.1 and HTTP/2: an answer, a stream, a WebSocket.

What each of them sees has to be what the table of docs/frameworks.md says.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.recipes.frameworks import FRAMEWORKS, Call, Framework, Talk
from tests.recipes.frameworks_table import COLUMNS, NO, NONE, SEEN, YES, cells
from tests.recipes.http2_socket import Http2Socket
from tests.support.server import Server
from tests.support.wait import DEADLINE

Serve = Callable[..., Server]
# One group each, so that only one worker starts its server.
CELLS = [
    pytest.param(one, column, id=f"{one.title}-{column}", marks=pytest.mark.xdist_group(one.target))
    for one in FRAMEWORKS
    for column in COLUMNS
]


@pytest.mark.parametrize(("framework", "column"), CELLS)
def test_framework(
    framework: Framework, column: str, serve_recipe: Serve, record_property: Callable[..., None]
) -> None:
    server = serve_recipe(framework.target, framework.package, "--http2", "all", *framework.args)
    try:
        seen = see(framework, column, server)
    except Exception:
        record_property(SEEN, (framework.title, column, NO))
        raise
    record_property(SEEN, (framework.title, column, seen))
    assert cells().get((framework.title, column)) == seen, (
        "run: python -m tests.recipes.frameworks_table"
    )


def test_the_table_has_these_rows_and_columns() -> None:
    wanted = {(one.title, column) for one in FRAMEWORKS for column in ("version", *COLUMNS)}
    assert set(cells()) == wanted


def see(framework: Framework, column: str, server: Server) -> str:
    """The cell's content, once what it says has been seen."""
    if column.startswith("WebSocket"):
        if framework.talk is None:
            return NONE
        http2 = column.endswith("HTTP/2")
        check_talk(framework.talk, server, http2)
        return YES
    if column == "streaming":
        if framework.stream is None:
            return NONE
        for http2 in (False, True):
            check_stream(framework.stream, server, http2)
        return YES
    check_call(framework.hello, server, http2=column == "HTTP/2")
    return YES


@contextmanager
def client(server: Server, http2: bool) -> Iterator[httpx.Client]:
    """Of one version of HTTP, without TLS: prior knowledge."""
    with httpx.Client(
        base_url=server.url, http1=not http2, http2=http2, timeout=DEADLINE, trust_env=False
    ) as made:
        yield made


def check_call(call: Call, server: Server, http2: bool) -> None:
    with client(server, http2) as visitor:
        for _ in range(3):  # on one connection
            answer = visitor.request(
                call.method, call.path, json=call.body, headers={"accept": call.accept}
            )
            assert answer.status_code == 200, answer.text
            assert has(answer.text, call.text)
            assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")


def check_stream(call: Call, server: Server, http2: bool) -> None:
    """The whole of it comes, and nobody knew its length before."""
    headers = {"accept": call.accept}
    with client(server, http2) as visitor:
        with visitor.stream(call.method, call.path, json=call.body, headers=headers) as answer:
            assert answer.status_code == 200
            assert "content-length" not in answer.headers
            assert has("".join(answer.iter_text()), call.text)


def check_talk(talk: Talk, server: Server, http2: bool) -> None:
    with open_socket(talk, server, http2) as socket:
        assert (socket.subprotocol or "") == talk.subprotocol
        for text, wanted in talk.steps:
            if text is not None:
                socket.send(text)
            answer = socket.recv() if http2 else socket.recv(DEADLINE)
            assert type(answer) is type(wanted)
            assert has(answer, wanted)


def open_socket(talk: Talk, server: Server, http2: bool) -> ClientConnection | Http2Socket:
    if http2:
        return Http2Socket(server, talk.path, talk.subprotocol)
    protocols = [Subprotocol(talk.subprotocol)] if talk.subprotocol else None
    address = server.url.replace("http", "ws", 1) + talk.path
    return connect(address, proxy=None, max_size=None, subprotocols=protocols)


def has(answer: str | bytes, wanted: str | bytes) -> bool:
    """JSON may have spaces, and needn't."""
    if isinstance(answer, str):
        answer = answer.replace('": ', '":')
    return wanted in answer  # type: ignore[operator]
