"""Clients of WSGI apps that leave, or are slow."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.asgi.wsgi_client import DEADLINE, FILLING, Client, Closing, Environ, Start, call, scope
from tests.support.wait import wait_for
from tricorn.asgi.wsgi import WSGIMiddleware


def test_an_error_of_the_apps_own_is_told_though_the_client_has_gone() -> None:
    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        try:
            environ["wsgi.input"].read()
        except OSError:
            raise FileNotFoundError("something else") from None
        raise AssertionError("not reached")

    with pytest.raises(FileNotFoundError, match="something else"):
        call(app, Client(FILLING, leaves=True))


def endless() -> Iterator[bytes]:
    while True:
        yield b"more"


@pytest.mark.parametrize("takes", [0, 1, 20])
def test_a_client_that_leaves_ends_an_endless_answer(takes: int) -> None:
    body = Closing(endless())

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        return body

    client = call(app, Client(takes=takes))
    assert len(client.sent) == takes
    assert body.closed == 1
    assert body.thread is not threading.main_thread()


def test_a_client_that_leaves_ends_endless_writing() -> None:
    ended = threading.Event()

    def app(environ: Environ, start: Start) -> Iterable[bytes]:
        write = start("200 OK", [])
        try:
            while True:
                write(b"more")
        finally:
            ended.set()

    call(app, Client(takes=3))
    assert ended.is_set()


def test_clients_that_leave_use_up_no_threads() -> None:
    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [])
        return [b"done"] if environ["PATH_INFO"] == "/last" else endless()

    served = WSGIMiddleware(app, threads=2)
    for _ in range(8):
        call(served, Client(takes=2))
    assert call(served, path="/last").content == b"done"


@pytest.mark.parametrize("reading", [True, False])
def test_a_cancelled_request_frees_a_thread_that_waits(reading: bool) -> None:
    body = Closing(endless())
    waits = asyncio.Event()

    def app(environ: Environ, start: Start) -> Any:
        if reading:
            try:
                environ["wsgi.input"].read()
            finally:
                body.close()
        start("200 OK", [])
        return body

    class Stuck(Client):
        async def receive(self) -> dict[str, Any]:
            if not self.messages:
                waits.set()
                await asyncio.Event().wait()
            return await super().receive()

        async def send(self, message: dict[str, Any]) -> None:
            waits.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        client = Stuck(FILLING, leaves=True) if reading else Stuck()
        task = asyncio.create_task(WSGIMiddleware(app)(scope(), client.receive, client.send))
        await asyncio.wait_for(waits.wait(), DEADLINE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    wait_for(lambda: body.closed == 1, what="the iterable's close()")


def test_a_message_that_the_server_refuses_ends_the_app_and_is_told() -> None:
    body = Closing(endless())

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [("bad name", "x")])
        return body

    class Strict(Client):
        async def send(self, message: dict[str, Any]) -> None:
            raise RuntimeError("not a field name: 'bad name'")

    with pytest.raises(RuntimeError, match="not a field name"):
        call(app, Strict())
    assert body.closed == 1


def test_a_slow_client_holds_the_app_back() -> None:
    made: list[int] = []
    gate = asyncio.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        for i in range(1000):
            made.append(i)
            yield b"x"

    class Slow(Client):
        async def send(self, message: dict[str, Any]) -> None:
            await gate.wait()
            await super().send(message)

    async def slow() -> int:
        client = Slow()
        its_call = asyncio.create_task(WSGIMiddleware(app)(scope(), client.receive, client.send))
        count = -1
        while count != len(made) or not made:
            count = len(made)
            await asyncio.sleep(0.1)
        gate.set()
        await asyncio.wait_for(its_call, DEADLINE)
        return count

    assert asyncio.run(slow()) < 50
    assert len(made) == 1000


def test_a_slow_client_holds_few_bytes() -> None:
    made: list[int] = []
    gate = asyncio.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        for i in range(20):
            made.append(i)
            yield bytes(50_000)

    class Slow(Client):
        async def send(self, message: dict[str, Any]) -> None:
            wait_for(lambda: len(made) >= 2)
            if not gate.is_set():
                asyncio.get_running_loop().call_later(0.2, gate.set)
                await gate.wait()
                assert len(made) <= 3
            await super().send(message)

    assert len(call(app, Slow()).content) == 1_000_000


def test_chunks_leave_while_the_app_goes_on() -> None:
    arrived = threading.Event()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        yield b"first"
        assert arrived.wait(DEADLINE)
        yield b"second"

    class Prompt(Client):
        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            if message.get("body") == b"first":
                arrived.set()

    assert call(app, Prompt()).content == b"firstsecond"


def test_a_whole_answer_leaves_before_close_returns() -> None:
    arrived = threading.Event()

    class Lingering(Closing):
        def close(self) -> None:
            assert arrived.wait(DEADLINE)
            super().close()

    body = Lingering([b"whole"])

    def app(environ: Environ, start: Start) -> Any:
        start("200 OK", [("Content-Length", "5")])
        return body

    class Prompt(Client):
        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            if self.is_complete and message["type"] == "http.response.body":
                arrived.set()

    assert call(app, Prompt()).content == b"whole"
    assert body.closed == 1
