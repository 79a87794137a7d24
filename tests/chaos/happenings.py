"""What happens to a server under load. Each returns the process ids of the workers it killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from random import Random

from tests.chaos.load import Load
from tests.support.server import Server
from tests.support.workers import children, is_alive, parents, workers

Killed = list[tuple[float, int]]  # when, and which
Happening = Callable[[Server, Load, Random], Awaitable[Killed]]
DEADLINE = 60.0
WORKERS = 3


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition while the load goes on."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.02)


async def more_answers(load: Load, count: int = 150) -> None:
    """Wait until the load has had so many further answers."""
    wanted = load.answered.total() + count
    await until(lambda: load.answered.total() >= wanted, "answers")


async def restart(server: Server, load: Load, random: Random) -> Killed:
    """HUP: all workers are replaced, one after the other."""
    old = set(workers(server).values())
    os.kill(parents(server)[-1], signal.SIGHUP)
    await until(lambda: _all_new(server, old), "a restart")
    await more_answers(load)
    return []


def _all_new(server: Server, old: set[int]) -> bool:
    now = workers(server)
    serving = [pid for pid in now.values() if pid not in old]
    return len(serving) == len(now) and not set(children(parents(server)[-1])) & old


async def upgrade(server: Server, load: Load, random: Random) -> Killed:
    """USR2: the whole server is replaced by a freshly executed one."""
    old = parents(server)[-1]
    os.kill(old, signal.SIGUSR2)
    await until(lambda: not is_alive(old), "the end of the old one")
    await more_answers(load)
    return []


async def scale(server: Server, load: Load, random: Random) -> Killed:
    """TTIN and TTOU: two workers more, and gone again."""
    # One that was killed just now may still be missing.
    await until(lambda: len(workers(server)) == WORKERS, "all workers")
    count = WORKERS
    for signum, step in ((signal.SIGTTIN, 1),) * 2 + ((signal.SIGTTOU, -1),) * 2:
        count += step
        os.kill(parents(server)[-1], signum)
        await until(lambda wanted=count: len(workers(server)) == wanted, "scaling")
        await more_answers(load, 60)
    return []


async def kill(server: Server, load: Load, random: Random) -> Killed:
    """SIGKILL to a worker."""
    pid = random.choice(list(workers(server).values()))
    killed = [(time.monotonic(), pid)]
    os.kill(pid, signal.SIGKILL)
    await until(lambda: pid not in children(parents(server)[-1]), "the end of a killed worker")
    await until(lambda: len(workers(server)) >= 2, "its replacement")
    await more_answers(load)
    return killed


def _answering(server: Server, load: Load) -> list[int]:
    return [pid for pid in workers(server).values() if load.workers[pid]]


async def hang(server: Server, load: Load, random: Random) -> Killed:
    """A worker stands still, and is killed by the parent.

    One that has answered: how long a worker may take to start is the app's affair.
    """
    await until(lambda: _answering(server, load), "a worker that answers")
    pid = random.choice(_answering(server, load))
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: pid not in children(parents(server)[-1]), "the end of a hung worker")
    killed = [(time.monotonic(), pid)]
    await more_answers(load)
    return killed


GENTLE: dict[str, Happening] = {"restart": restart, "upgrade": upgrade, "scale": scale}
ROUGH: dict[str, Happening] = {"kill": kill, "hang": hang}
