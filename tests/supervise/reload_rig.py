"""A project under `--reload`, and what is asked of it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.raw import RawClient, Response
from tests.support.server import Server, serve, start
from tests.support.wait import DEADLINE, wait_for

APP = """
import asyncio, os, time
VERSION = "{version}"

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            {on_lifespan}
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({{"type": "websocket.accept"}})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["path"] == "/slow":
        print("slow begins", flush=True)
        await asyncio.sleep(0.1)
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    if scope["path"] == "/stream":
        while True:
            await send({{"type": "http.response.body", "body": b"tick", "more_body": True}})
            await asyncio.sleep(0.01)
    if scope["path"] == "/hang":
        print("hanging", flush=True)
        time.sleep(600)
    body = VERSION + " " + str(os.getpid())
    await send({{"type": "http.response.body", "body": body.encode()}})
"""
RELOADING = "Reloading..."


class Project:
    """A directory with an app that says its version."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "main.py"
        self.save("one")

    def save(self, version: str, on_lifespan: str = "pass", text: str = APP) -> None:
        """Save the app as an editor does: whole, under another name first."""
        self.write("main.py", text.format(version=version, on_lifespan=on_lifespan))

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(path.name + "~")
        half.write_text(text)
        half.replace(path)


def without_watchfiles(tmp_path: Path) -> dict[str, str]:
    missing = tmp_path / "missing"
    missing.mkdir(exist_ok=True)
    (missing / "watchfiles.py").write_text("raise ImportError\n")
    paths = [str(missing), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def reloading(project: Project, *args: str, env: dict[str, str] | None = None) -> Iterator[Server]:
    with serve(
        "main:app",
        "--reload",
        "--no-access-log",
        *args,
        env={"PYTHONWARNINGS": "ignore", **(env or {})},
        cwd=project.directory,
        app_dir=project.directory,
        allow_errors=True,
    ) as server:
        wait_answer(server, b"one")
        yield server
        group = server.pid
        server.stop()
        wait_for(lambda: not group_exists(group), what="an end of all processes")


def group_exists(group: int) -> bool:
    """Whether a process of the group is left: each server starts one of its own."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def ask(server: Server, target: str = "/", *lines: str) -> Response:
    with server.connect() as client:
        return client.get(target, "Connection: close", *lines)


def wait_answer(server: Server, start_of_body: bytes, status: int = 200) -> Response:
    """The first answer that begins so; all before it are whole answers, too."""

    def found() -> Response | None:
        answer = ask(server)
        is_it = answer.status == status and answer.body.startswith(start_of_body)
        return answer if is_it else None

    return wait_for(found, DEADLINE, f"{start_of_body!r} from the app; log:\n{server.output()}")


@contextmanager
def start_reloading(project: Project, *args: str) -> Iterator[Server]:
    """A server that needn't come up."""
    command = ("main:app", "--reload", "--port", "0", *args)
    with start(*command, cwd=project.directory, env={"PYTHONWARNINGS": "ignore"}) as server:
        yield server


def peek(client: RawClient) -> bytes:
    return client.socket.recv(65536, socket.MSG_PEEK)
