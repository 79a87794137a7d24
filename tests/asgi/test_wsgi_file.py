"""wsgi.file_wrapper, and which files the system may send."""
# ruff: noqa: SIM115 - the files are closed by what is tested

import asyncio
import gzip
import io
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.asgi.wsgi_client import DEADLINE, Client, Environ, Start, call, scope
from tests.support.wait import wait_for
from tricorn.asgi.wsgi import WSGIMiddleware
from tricorn.asgi.wsgi_file import FileWrapper

SENDS_FILES = {"extensions": {"http.response.zerocopysend": {}}}
CONTENT = bytes(range(256)) * 100


class FileClient(Client):
    """Takes files too, as a server with sendfile does."""

    def __init__(self) -> None:
        super().__init__()
        self.files = 0

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.zerocopysend":
            self.files += 1
            await asyncio.sleep(0)
            number = message["file"].fileno()  # must still be open
            body = os.pread(number, message["count"], message["offset"])
            message = {"type": "http.response.body", "body": body}
        await super().send(message)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "content.bin"
    file.write_bytes(CONTENT)
    return file


def serving(make: Callable[[], Any], fields: Any = (), opened: list[Any] | None = None) -> Any:
    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", list(fields))
        file = make()
        if opened is not None:
            opened.append(file)
        return environ["wsgi.file_wrapper"](file)

    return app


def spooled(path: Path) -> Any:
    file = tempfile.NamedTemporaryFile()
    file.write(CONTENT)
    file.seek(0)
    return file


@pytest.mark.parametrize(
    "make",
    [
        lambda path: open(path, "rb"),
        lambda path: open(path, "rb", buffering=0),
        lambda path: open(path, "r+b"),
        spooled,
    ],
)
def test_a_real_file_is_sent_by_the_system(path: Path, make: Any) -> None:
    opened: list[Any] = []
    client = FileClient()
    call(serving(lambda: make(path), opened=opened), client, **SENDS_FILES)
    assert client.files == 1
    assert client.content == CONTENT
    assert client.fields == [(b"content-length", str(len(CONTENT)).encode())]
    assert client.is_complete
    assert opened[0].closed


def test_from_the_position_and_no_further_than_the_length(path: Path) -> None:
    def make() -> Any:
        file = open(path, "rb")
        file.read(100)  # the descriptor is further on: the file is buffered
        return file

    client = FileClient()
    call(serving(make, [("Content-Length", "50")]), client, **SENDS_FILES)
    assert client.files == 1
    assert client.content == CONTENT[100:150]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: io.BytesIO(CONTENT),
        lambda path: gzip.open(io.BytesIO(gzip.compress(CONTENT))),
        lambda path: io.BufferedReader(open(path, "rb", buffering=0)),
    ],
)
def test_others_are_read(path: Path, make: Any) -> None:
    client = FileClient()
    call(serving(lambda: make(path)), client, **SENDS_FILES)
    assert client.content == CONTENT and client.is_complete


def test_a_compressed_file_is_never_mistaken_for_its_content(tmp_path: Path) -> None:
    packed = tmp_path / "content.gz"
    packed.write_bytes(gzip.compress(CONTENT))
    for make in (lambda: gzip.open(packed), lambda: io.BufferedReader(gzip.open(packed))):  # type: ignore[arg-type]
        client = FileClient()
        call(serving(make), client, **SENDS_FILES)
        assert client.files == 0 and client.content == CONTENT


def test_a_pipe_is_read() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"through a pipe")
    os.close(writing)
    client = FileClient()
    call(serving(lambda: os.fdopen(reading, "rb")), client, **SENDS_FILES)
    assert client.files == 0 and client.content == b"through a pipe"


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    client = FileClient()
    call(serving(lambda: open(tmp_path / "empty", "rb")), client, **SENDS_FILES)
    assert client.content == b"" and client.is_complete


def test_a_server_without_the_extension_gets_chunks(path: Path) -> None:
    opened: list[Any] = []
    client = call(serving(lambda: open(path, "rb"), opened=opened))
    assert client.content == CONTENT and client.is_complete
    assert opened[0].closed


def test_head_sends_no_file(path: Path) -> None:
    client = FileClient()
    fields = [("Content-Length", str(len(CONTENT)))]
    call(serving(lambda: open(path, "rb"), fields), client, method="HEAD", **SENDS_FILES)
    assert client.files == 0 and client.is_complete


def test_write_before_a_file(path: Path) -> None:
    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])(b"before ")
        return environ["wsgi.file_wrapper"](open(path, "rb"))

    client = FileClient()
    call(app, client, **SENDS_FILES)
    assert client.files == 1 and client.content == b"before " + CONTENT


class Counted(io.FileIO):
    """Not exactly a FileIO, so it is read."""


def test_a_subclass_may_read_otherwise_and_is_read(path: Path) -> None:
    client = FileClient()
    call(serving(lambda: Counted(path)), client, **SENDS_FILES)
    assert client.files == 0 and client.content == CONTENT


def test_the_file_is_closed_by_what_the_app_put_there(path: Path) -> None:
    """Django replaces its file's `close` by the response's."""
    closed: list[threading.Thread] = []

    def make() -> Any:
        file: Any = open(path, "rb")
        really = file.close

        def close() -> None:
            closed.append(threading.current_thread())
            really()

        file.close = close
        return file

    client = FileClient()
    call(serving(make), client, **SENDS_FILES)
    assert client.files == 1
    assert len(closed) == 1 and closed[0] is not threading.main_thread()


def test_no_thread_is_held_while_a_file_is_sent(path: Path) -> None:
    gate = asyncio.Event()

    class Slow(FileClient):
        async def send(self, message: dict[str, Any]) -> None:
            if message["type"] == "http.response.zerocopysend":
                await gate.wait()
            await super().send(message)

    async def downloads() -> None:
        files = WSGIMiddleware(serving(lambda: open(path, "rb")), threads=1)
        slow = [Slow() for _ in range(3)]
        slow_scope = scope(**SENDS_FILES)
        calls = [
            asyncio.create_task(files(slow_scope, client.receive, client.send)) for client in slow
        ]
        quick = FileClient()
        await files(scope(**SENDS_FILES), quick.receive, quick.send)
        assert quick.content == CONTENT
        assert not any(its_call.done() for its_call in calls)
        gate.set()
        await asyncio.gather(*calls)
        assert all(client.content == CONTENT for client in slow)

    asyncio.run(asyncio.wait_for(downloads(), DEADLINE))


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_client_that_leaves_has_the_file_closed_once(path: Path, cancelled: bool) -> None:
    opened: list[Any] = []
    sends = asyncio.Event()

    class Leaving(FileClient):
        async def send(self, message: dict[str, Any]) -> None:
            if message["type"] == "http.response.zerocopysend":
                sends.set()
                if cancelled:
                    await asyncio.Event().wait()
                raise ConnectionResetError("the client has gone")
            await super().send(message)

    async def leave() -> None:
        client = Leaving()
        app = WSGIMiddleware(serving(lambda: open(path, "rb"), opened=opened))
        its_call = asyncio.create_task(app(scope(**SENDS_FILES), client.receive, client.send))
        await asyncio.wait_for(sends.wait(), DEADLINE)
        if cancelled:
            its_call.cancel()
        await asyncio.wait([its_call], timeout=DEADLINE)
        assert its_call.cancelled() == cancelled

    asyncio.run(leave())
    wait_for(lambda: opened[0].closed, what="the file is closed")


def test_an_error_in_close_is_told(path: Path) -> None:
    def make() -> Any:
        file: Any = open(path, "rb")
        really = file.close

        def close() -> None:
            really()
            raise LookupError("in close")

        file.close = close
        return file

    client = FileClient()
    with pytest.raises(LookupError, match="in close"):
        call(serving(make), client, **SENDS_FILES)
    assert client.content == CONTENT and client.is_complete


def test_the_wrapper_is_an_iterable_of_blocks() -> None:
    wrapper = FileWrapper(io.BytesIO(b"abcdef"), 4)
    assert list(wrapper) == [b"abcd", b"ef"]
    wrapper.close()
    assert wrapper.file.closed
    FileWrapper([]).close()  # nothing to close
