"""Clients that behave: each answer is checked. Each action tells how many requests it made."""

from __future__ import annotations

import json
import zlib
from random import Random

from tests.soak.client import Address, Connection, connect
from tests.support.raw import Response

PIECE = bytes(range(256)) * 64  # of /big
STREAM = b"".join(b"chunk %d\n" % number for number in range(10))


class WrongAnswer(AssertionError):
    """The server answered well formed, and something else than it should."""


def head(request: str, *lines: str) -> bytes:
    """A request's head, with a Host field."""
    text = "\r\n".join((f"{request} HTTP/1.1", "Host: soak", *lines, "", ""))
    return text.encode("latin-1")


def check(got: Response, body: bytes, status: int = 200) -> None:
    """Raises WrongAnswer where status or content differ."""
    if (got.status, got.body) != (status, body):
        shown = f"{got.status} {got.body[:200]!r} ({len(got.body)} bytes)"
        raise WrongAnswer(f"{shown} instead of {status} {body[:200]!r} ({len(body)} bytes)")


async def kept(address: Address, random: Random) -> int:
    """Several requests of all kinds over one connection."""
    connection = await connect(address)
    count = random.randint(2, 20)
    for _ in range(count):
        await random.choice(EXCHANGES)(connection, random)
    await connection.close()
    return count


async def once(address: Address, random: Random) -> int:
    """A connection for one request."""
    connection = await connect(address)
    check(await connection.ask(head("GET /", "Connection: close")), b"Hello, world")
    await connection.expect_end()
    await connection.close()
    return 1


async def old(address: Address, random: Random) -> int:
    """HTTP/1.0, which has no chunks: the answer ends with the connection."""
    connection = await connect(address)
    check(await connection.ask(b"GET /stream HTTP/1.0\r\n\r\n"), STREAM)
    await connection.expect_end()
    await connection.close()
    return 1


async def half_closed(address: Address, random: Random) -> int:
    """A client that ends its side behind the request, and reads the answer."""
    connection = await connect(address)
    await connection.send(head("GET /stream"))
    connection.half_close()
    check(await connection.response(), STREAM)
    await connection.expect_end()
    await connection.close()
    return 1


async def pipelined(address: Address, random: Random) -> int:
    """Many requests at once; the answers come in order."""
    connection = await connect(address)
    count = random.randint(2, 32)
    bodies = [b"%d" % random.getrandbits(64) for _ in range(count)]
    requests = [head("POST /echo", f"Content-Length: {len(body)}") + body for body in bodies]
    await connection.send(b"".join(requests))
    for body in bodies:
        check(await connection.response(), body)
    await connection.close()
    return count


async def upload(address: Address, random: Random) -> int:
    """Content that is larger than any buffer."""
    connection = await connect(address)
    content = random.randbytes(4096) * random.randint(1, 128)
    length = f"Content-Length: {len(content)}"
    got = await connection.ask(head("POST /upload", length) + content)
    check(got, b"%d %d" % (len(content), zlib.crc32(content)))
    await connection.close()
    return 1


async def download(address: Address, random: Random) -> int:
    """An answer that is larger than any buffer."""
    connection = await connect(address)
    pieces = random.randint(1, 64)
    check(await connection.ask(head(f"GET /big?kib={pieces * 16}")), PIECE * pieces)
    await connection.close()
    return 1


# Over a connection that is kept


async def get(connection: Connection, random: Random) -> None:
    check(await connection.ask(head("GET /")), b"Hello, world")


async def only_head(connection: Connection, random: Random) -> None:
    got = await connection.ask(head("HEAD /"), "HEAD")
    check(got, b"")
    if got.header(b"content-length") != b"12":
        raise WrongAnswer(f"HEAD has the fields {got.headers!r}")


async def missing(connection: Connection, random: Random) -> None:
    check(await connection.ask(head("GET /missing")), b"Not Found", 404)


async def fields(connection: Connection, random: Random) -> None:
    value = random.randbytes(random.randint(1, 1000)).hex()
    got = await connection.ask(head("GET /headers?a=b", f"X-Soak: {value}"))
    if got.status != 200 or ["x-soak", value] not in json.loads(got.body)["headers"]:
        raise WrongAnswer(f"/headers doesn't show x-soak: {value}, but {got.body!r}")


async def post(connection: Connection, random: Random) -> None:
    content = random.randbytes(random.randint(0, 5000))
    check(
        await connection.ask(head("POST /echo", f"Content-Length: {len(content)}") + content),
        content,
    )


async def post_chunks(connection: Connection, random: Random) -> None:
    parts = [random.randbytes(random.randint(1, 2000)) for _ in range(random.randint(0, 9))]
    chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
    sent = b"".join([head("POST /echo", "Transfer-Encoding: chunked"), *chunks, b"0\r\n\r\n"])
    check(await connection.ask(sent), b"".join(parts))


async def post_when_told(connection: Connection, random: Random) -> None:
    got = await connection.ask(head("POST /echo", "Content-Length: 4", "Expect: 100-continue"))
    check(got, b"", 100)
    check(await connection.ask(b"told"), b"told")


async def stream(connection: Connection, random: Random) -> None:
    check(await connection.ask(head("GET /stream")), STREAM)


EXCHANGES = (get, get, get, only_head, missing, fields, post, post_chunks, post_when_told, stream)
ACTIONS = (kept, kept, once, old, half_closed, pipelined, upload, download)
