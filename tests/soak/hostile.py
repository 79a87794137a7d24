"""Clients that are wrong, slow or gone. Each action tells how many requests it made."""

from __future__ import annotations

import asyncio
from random import Random

from tests.soak.bad import GOOD_BEFORE, REQUESTS
from tests.soak.client import Address, Connection, connect
from tests.soak.good import PIECE, WrongAnswer, check, head
from tests.support.raw import BadResponse

# What `stuck` clients wait for. Short, so that timeouts happen often.
LIMITS = ("--timeout-head", "4", "--timeout-write", "4")

# Bad: expects a refusal


async def malformed(address: Address, random: Random) -> int:
    """A request that must be refused, and the connection closed."""
    name = random.choice(list(REQUESTS))
    connection = await connect(address)
    try:
        await connection.send(REQUESTS[name])
        for _ in range(GOOD_BEFORE.get(name, 0)):
            check(await connection.response(), b"Hello, world")
        await expect_refusal(connection)
    except (OSError, EOFError, BadResponse) as error:
        raise WrongAnswer(f"{name}: {error!r}") from error
    connection.half_close()
    await connection.expect_end()
    await connection.close()
    return 1 + GOOD_BEFORE.get(name, 0)


async def expect_refusal(connection: Connection) -> None:
    got = await connection.response()
    if not 400 <= got.status < 500 or got.header(b"connection") != b"close":
        raise BadResponse(f"instead of a refusal came {got.status} {got.headers!r}")


# Slow


async def drip(connection: Connection, data: bytes, random: Random) -> None:
    """Send the bytes one by one."""
    for byte in data:
        await connection.send(bytes([byte]))
        await asyncio.sleep(random.uniform(0, 0.02))


async def slow_head(address: Address, random: Random) -> int:
    connection = await connect(address)
    await drip(connection, head("GET /"), random)
    check(await connection.response(), b"Hello, world")
    await connection.close()
    return 1


async def slow_content(address: Address, random: Random) -> int:
    connection = await connect(address)
    content = random.randbytes(50)
    await connection.send(head("POST /echo", "Content-Length: 50"))
    await drip(connection, content, random)
    check(await connection.response(), content)
    await connection.send(head("POST /echo", "Transfer-Encoding: chunked"))
    await drip(connection, b"32;a=b\r\n" + content + b"\r\n0\r\nx: y\r\n\r\n", random)
    check(await connection.response(), content)
    await connection.close()
    return 2


async def slow_reader(address: Address, random: Random) -> int:
    """Reads an answer piece by piece, so that the app waits in send()."""
    connection = await connect(address, small=True)
    await connection.send(head("GET /big?kib=1024"))
    await connection.reader.readuntil(b"\r\n\r\n")
    for _ in range(64):
        if await connection.reader.readexactly(len(PIECE)) != PIECE:
            raise WrongAnswer("a slow reader got other content")
        await asyncio.sleep(random.uniform(0, 0.05))
    await connection.close()
    return 1


async def stuck_head(address: Address, random: Random) -> int:
    """Never ends its head: 408, and the end."""
    connection = await connect(address)
    await connection.send(head("GET /")[: random.randint(1, 20)])
    got = await connection.response()
    if got.status != 408:
        raise WrongAnswer(f"an unfinished head was answered with {got.status}")
    connection.half_close()
    await connection.expect_end()
    await connection.close()
    return 1


async def stuck_reader(address: Address, random: Random) -> int:
    """Reads nothing of what the kernel can't hold: the server gives it up."""
    connection = await connect(address, small=True)
    await connection.send(head("GET /big?kib=16384"))
    await asyncio.sleep(8)
    try:
        size = len(await connection.reader.read(-1))
    except ConnectionError:
        size = 0
    if size >= 16384 << 10:
        raise WrongAnswer("who read nothing for 8 s was waited for")
    await connection.close()
    return 1


async def rested(address: Address, random: Random) -> int:
    """Asks once, and stays until the server closes the resting connection."""
    connection = await connect(address)
    check(await connection.ask(head("GET /")), b"Hello, world")
    await connection.expect_end()
    await connection.close()
    return 1


# Aborted: what is sent, and whether the first bytes of an answer are waited for.
LENGTH = "Content-Length: 100000"
PHASES: tuple[tuple[bytes, bool], ...] = (
    (b"", False),
    (b"GET / HT", False),
    (head("GET /")[:-4] + b"\r\nx: y", False),
    (head("POST /upload", LENGTH), False),
    (head("POST /upload", LENGTH) + b"x" * 5000, False),
    (head("POST /upload", "Transfer-Encoding: chunked") + b"5\r\nab", False),
    (head("POST /upload", LENGTH, "Expect: 100-continue"), True),
    (head("POST /", LENGTH) + b"x", True),
    (head("GET /slow?seconds=0.5"), False),
    (head("GET /linger"), False),
    (head("GET /linger"), True),
    (head("GET /drip"), True),
    (head("GET /big?kib=4096"), False),
    (head("GET /big?kib=4096"), True),
    (head("GET /"), True),
    (head("GET /") + b"GET / HT", True),
    (head("GET /") * 20, False),
    (head("GET /linger") + head("GET /") * 20, True),
)


async def aborted(address: Address, random: Random) -> int:
    """Leaves in some phase, by RST or by FIN, at once or a moment later."""
    sent, answered = random.choice(PHASES)
    connection = await connect(address)
    if sent:
        await connection.send(sent)
    if answered and not await connection.reader.read(10):
        raise WrongAnswer(f"closed instead of an answer to {sent[:50]!r}")
    if random.random() < 0.5:
        await asyncio.sleep(random.uniform(0, 0.1))
    if random.random() < 0.5:
        connection.reset()
        return 1
    if random.random() < 0.5:
        connection.half_close()
    await connection.close()
    return 1


SLOW = (slow_head, slow_content, slow_reader, stuck_head, stuck_reader, rested)
