"""A `Server` in a thread of this process."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from tests.apps.plain import app
from tests.support.raw import RawClient, Response
from tests.support.wait import wait_for
from tricorn import Config, Server


def make(target: Any = app, **options: Any) -> Server:
    return Server(Config(target, port=0, log_config=None, **options))


def address(server: Any) -> tuple[str, int]:
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return host, port


def get(server: Server, target: str = "/") -> Response:
    with RawClient(address(server)) as client:
        return client.get(target)


@contextlib.contextmanager
def in_thread(server: Server, **options: Any) -> Iterator[threading.Thread]:
    """The way of gradio, prefect and many tests."""
    thread = threading.Thread(target=server.run, kwargs=options, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        yield thread
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()
