"""Clients of the app `worked` that look at every answer."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

Address = tuple[str, int]
DEADLINE = 30.0  # seconds for one answer, on a busy machine
LINES = 20
SHOWN = 5


class WrongAnswer(Exception):
    """Not what the app sends."""


class Failure(NamedTuple):
    """A request that wasn't answered as it should."""

    at: float  # time.monotonic()
    kind: str
    worker: int  # process id of the worker the connection was to; 0: not known
    error: str


class Connection:
    """One connection, and the worker at its other end once it has answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.worker = 0
        self.ends = False

    @classmethod
    async def open(cls, address: Address) -> Connection:
        return cls(*await asyncio.open_connection(*address))

    async def ask(self, method: str, target: str, content: bytes = b"") -> bytes:
        """The content of the answer. Raises `WrongAnswer`, OSError or EOFError."""
        length = f"Content-Length: {len(content)}\r\n" if method == "POST" else ""
        head = f"{method} {target} HTTP/1.1\r\nHost: chaos\r\n{length}\r\n"
        self.writer.write(head.encode() + content)
        async with asyncio.timeout(DEADLINE):
            status, fields = await self._read_head()
            self.worker = int(fields.get("x-worker", 0))
            body = await self._read_body(fields)
        if status != 200:
            raise WrongAnswer(f"{status}: {body[:80]!r}")
        self.ends = fields.get("connection") == "close"
        return body

    async def _read_head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        pairs = (line.partition(": ") for line in lines[1:])
        return int(lines[0].split()[1]), {name.lower(): value for name, _, value in pairs}

    async def _read_body(self, fields: dict[str, str]) -> bytes:
        if "content-length" in fields:
            return await self.reader.readexactly(int(fields["content-length"]))
        body = b""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            body += (await self.reader.readexactly(size + 2))[:-2]
        await self.reader.readexactly(2)
        return body

    def close(self) -> None:
        self.writer.close()


async def _echo(connection: Connection, random: Random) -> None:
    content = b"%x" % random.getrandbits(4 * random.choice((16, 4096)))
    if await connection.ask("POST", "/echo", content) != content:
        raise WrongAnswer("another's content")


async def _who(connection: Connection, random: Random) -> None:
    body = await connection.ask("GET", "/who")
    if not body.startswith(b"%d " % connection.worker):
        raise WrongAnswer(repr(body[:80]))


async def _lines(connection: Connection, random: Random) -> None:
    body = await connection.ask("GET", f"/lines?{LINES}")
    if body != b"".join(b"%d\n" % number for number in range(LINES)):
        raise WrongAnswer(f"part of a stream: {body!r}")


Question = Callable[[Connection, Random], Awaitable[None]]


class Kind(NamedTuple):
    """How a client behaves."""

    name: str
    clients: int
    questions: tuple[Question, ...]
    pause: float = 0.0  # at most, between two questions
    keep: bool = True  # the connection, as long as the server lets it


KINDS = (
    Kind("steady", 4, (_echo, _who), pause=0.02),
    Kind("thinking", 24, (_echo, _who), pause=1.5),
    Kind("fresh", 4, (_echo, _who), pause=0.02, keep=False),
    Kind("streams", 6, (_lines,), pause=0.2),
)


class Load:
    """Runs all kinds of clients until it is stopped."""

    def __init__(self, address: Address, seed: int = 0) -> None:
        self.address = address
        self.random = Random(seed)
        self.answered: Counter[str] = Counter()
        self.workers: Counter[int] = Counter()
        self.failures: list[Failure] = []
        self.stopping = False
        self.tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Load:
        for kind in KINDS:
            for _ in range(kind.clients):
                random = Random(self.random.random())
                self.tasks.append(asyncio.create_task(self._client(kind, random)))
        return self

    async def __aexit__(self, *error: object) -> None:
        self.stopping = True
        await asyncio.gather(*self.tasks)

    async def _client(self, kind: Kind, random: Random) -> None:
        while not self.stopping:
            try:
                connection = await Connection.open(self.address)
            except OSError as error:
                self._failed(kind, 0, error)
                await asyncio.sleep(0.1)
                continue
            try:
                await self._use(connection, kind, random)
            except (OSError, EOFError, WrongAnswer) as error:
                self._failed(kind, connection.worker, error)
            finally:
                connection.close()

    async def _use(self, connection: Connection, kind: Kind, random: Random) -> None:
        while not self.stopping:
            await random.choice(kind.questions)(connection, random)
            self.answered[kind.name] += 1
            self.workers[connection.worker] += 1
            if kind.pause:
                pause = asyncio.sleep(random.uniform(0, kind.pause))
                if connection.ends or not kind.keep:
                    connection.close()
                await pause
            if connection.ends or not kind.keep:
                return

    def _failed(self, kind: Kind, worker: int, error: BaseException) -> None:
        text = f"{type(error).__name__}: {error}"
        self.failures.append(Failure(time.monotonic(), kind.name, worker, text))

    def report(self) -> str:
        """What was answered, and the first failures."""
        answered = ", ".join(f"{count} {name}" for name, count in sorted(self.answered.items()))
        lines = [f"{answered}; {len(self.failures)} failed"]
        lines += [
            f"  {one.kind}, worker {one.worker}: {one.error}" for one in self.failures[:SHOWN]
        ]
        return "\n".join(lines)
