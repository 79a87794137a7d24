"""What has to hold of every deployment, seen by a client in front of it."""

import asyncio
import json
import os
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from websockets.asyncio.client import connect

from tests.support.load import Load
from tests.support.raw import RawClient
from tests.support.server import Server
from tests.support.wait import DEADLINE, wait_for
from tests.support.workers import parents, wait_replaced, workers

CLIENT = "127.0.0.2"  # nobody's proxy: servers trust 127.0.0.1
LIES = (
    "X-Forwarded-For: 6.6.6.6",
    "X-Forwarded-Proto: gopher",
    "X-Forwarded-Proto: {other_scheme}",
    "X-Forwarded-Host: evil.test",
    "X-Forwarded-Port: 666",
    "X-Real-IP: 6.6.6.6",
    "Forwarded: for=6.6.6.6;host=evil.test;proto={other_scheme}",
)


class Front(NamedTuple):
    """Where clients come in: the proxy, or tricorn itself."""

    port: int
    host: str = "app.example.com"  # what clients call it
    tls: ssl.SSLContext | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    def dial(self, deadline: float = DEADLINE) -> socket.socket:
        """A plain connection, from the client's address."""
        address = ("127.0.0.1", self.port)
        dialled = socket.create_connection(address, deadline, source_address=(CLIENT, 0))
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return dialled

    def connect(self) -> "Visitor":
        return Visitor(self)

    def is_open(self) -> bool:
        """Whether somebody accepts connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), DEADLINE).close()
        except OSError:
            return False
        return True


class Visitor(RawClient):
    """A client at 127.0.0.2, over TLS where the front has it."""

    def __init__(self, front: Front, deadline: float = DEADLINE) -> None:
        self.deadline = deadline
        self.buffer = b""
        self.host = front.host
        self.socket = front.dial(deadline)
        if front.tls:
            self.socket = front.tls.wrap_socket(self.socket, server_hostname=front.host)


def facts(front: Front, target: str = "/facts", *lines: str) -> dict[str, Any]:
    """What the app sees of a request."""
    with front.connect() as client:
        response = client.get(target, *lines)
    assert response.status == 200, response
    seen: dict[str, Any] = json.loads(response.body)
    return seen


def check_request(front: Front) -> None:
    """The app sees who asks for what, how and by which name."""
    seen = facts(front, "/some%20where?a=%31")
    assert (seen["path"], seen["query"]) == ("/some where", "a=%31")
    check_truth(front, seen)


def check_truth(front: Front, seen: dict[str, Any], websocket: bool = False) -> None:
    schemes = {"http": "ws", "https": "wss"} if websocket else {}
    assert seen["client"] is not None and seen["client"][0] == CLIENT, seen
    assert seen["scheme"] == schemes.get(front.scheme, front.scheme), seen
    assert "evil.test" not in seen["server"] and 666 not in seen["server"], seen
    assert [host.partition(":")[0] for host in seen["hosts"]] == [front.host], seen


def check_spoofing(front: Front) -> None:
    """Whatever a client claims about itself, the app sees the truth: field by field, and all."""
    other = {"http": "https", "https": "http"}[front.scheme]
    lies = [line.format(other_scheme=other) for line in LIES]
    for lines in ([], *([line] for line in lies), lies, ["X-Forwarded-For: 6.6.6.6, 127.0.0.1"]):
        check_truth(front, facts(front, "/facts", *lines))


def check_upload(front: Front, size: int = 1 << 20) -> None:
    """Content arrives, with a length and in chunks."""
    with front.connect() as client:
        head = f"POST /read HTTP/1.1\r\nHost: {front.host}\r\n"
        client.send(f"{head}Content-Length: {size}\r\n\r\n".encode() + bytes(size))
        assert client.read_response().body == str(size).encode()
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size))
        client.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks)
        assert client.read_response().body == str(size).encode()


def check_static(folder: Path, front: Front) -> None:
    """What lies in the folder of static files is served below `/static`."""
    folder.mkdir()
    (folder / "hello.txt").write_text("hello")
    with front.connect() as client:
        response = client.get("/static/hello.txt")
    assert (response.status, response.body) == (200, b"hello")


def check_websocket(front: Front) -> None:
    """Messages of all kinds go both ways, and the app sees the true client."""
    asyncio.run(talk(front))


async def talk(front: Front) -> None:
    """In one thread: an SSLSocket shared by two may break by itself in Pythons before 3.13."""
    scheme = {"http": "ws", "https": "wss"}[front.scheme]
    options: dict[str, Any] = {"ssl": front.tls} if front.tls else {}
    options |= {"max_size": None, "proxy": None, "sock": front.dial()}
    lies = {"X-Forwarded-For": "6.6.6.6"}
    uri = f"{scheme}://{front.host}/ws"
    async with connect(uri, additional_headers=lies, **options) as websocket:
        seen = json.loads(await asyncio.wait_for(websocket.recv(), DEADLINE))
        check_truth(front, seen, websocket=True)
        for message in ("hello", b"\0", "x" * 100_000):
            await websocket.send(message)
            assert await asyncio.wait_for(websocket.recv(), DEADLINE) == message


def check_visits(front: Front) -> None:
    """All of the above."""
    check_request(front)
    check_upload(front)
    check_websocket(front)
    check_spoofing(front)


def processes(front: Front, visits: int = 20) -> set[int]:
    """The processes that answer."""
    return {facts(front)["pid"] for _ in range(visits)}


def replace_workers(server: Server) -> None:
    """Has all workers of a tricorn replaced (SIGHUP), and waits until the old ones are gone."""
    old = workers(server)
    os.kill(parents(server)[-1], signal.SIGHUP)
    wait_replaced(server, old)


def check_restart(front: Front, restart: Callable[[], object]) -> None:
    """While new processes take over, under load, each request is answered.

    ``restart`` returns when it is done.
    """
    old = processes(front)
    with Load(front.connect, "/fine") as load:
        restart()
        wait_for(lambda: load.failed or not processes(front) & old, what="other processes")
        load.wait_answered(20)
    load.check()
