"""Mixed load: workers of each kind, at a pace that leaves the server its core."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import NamedTuple

from tests.soak import good, hostile
from tests.soak.client import Address

Action = Callable[[Address, Random], Awaitable[int]]

# Of one core, for all clients together: on two cores neither side starves the other.
CLIENT_SHARE = 0.4
ACTION_DEADLINE = 40.0  # seconds; the longest action takes about ten on an idle machine
SHOWN = 20  # errors are kept up to this number, and counted beyond it


class Kind(NamedTuple):
    name: str
    workers: int
    actions: Sequence[Action]
    paced: bool = True  # slow clients wait enough as it is


KINDS = (
    Kind("good", 6, good.ACTIONS),
    Kind("bad", 2, (hostile.malformed,)),
    Kind("slow", 12, hostile.SLOW, paced=False),
    Kind("aborted", 4, (hostile.aborted,)),
)


class Pace:
    """Pauses between actions, as long as it takes to keep to CLIENT_SHARE."""

    def __init__(self) -> None:
        self.pause = 0.05
        self.restart()

    def restart(self) -> None:
        """Measure anew: the time until now was no load."""
        self.wall = time.monotonic()
        self.processor = time.process_time()

    async def rest(self, random: Random) -> None:
        """Pause; once a second look whether pauses are of the right length."""
        if time.monotonic() - self.wall > 1:
            share = (time.process_time() - self.processor) / (time.monotonic() - self.wall)
            # The root keeps it from swinging.
            self.pause *= max(share / CLIENT_SHARE, 0.25) ** 0.5
            self.pause = min(max(self.pause, 0.002), 2.0)
            self.restart()
        await asyncio.sleep(self.pause * random.uniform(0.5, 1.5))


class Load:
    """The workers. They start paused; `resume` and `pause` may follow each other."""

    def __init__(self, addresses: Sequence[Address], seed: int) -> None:
        self.addresses = addresses
        self.pace = Pace()
        self.requests: Counter[str] = Counter()  # by kind, those of ended actions
        self.failed: Counter[str] = Counter()  # actions, by kind
        self.errors: list[str] = []
        self.running = asyncio.Event()
        self.active = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.workers = [
            asyncio.create_task(self._work(kind, Random(f"{seed} {kind.name} {number}")))
            for kind in KINDS
            for number in range(kind.workers)
        ]

    def resume(self) -> None:
        self.pace.restart()
        self.running.set()

    async def pause(self) -> None:
        """Begin no further action, and wait until each has ended."""
        self.running.clear()
        await self.idle.wait()

    async def stop(self) -> None:
        """End the workers, whatever they do."""
        for worker in self.workers:
            worker.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)

    async def _work(self, kind: Kind, random: Random) -> None:
        while True:
            await self.running.wait()
            self.active += 1
            self.idle.clear()
            try:
                await self._act(kind, random)
            finally:
                self.active -= 1
                if not self.active:
                    self.idle.set()
            if kind.paced:
                await self.pace.rest(random)

    async def _act(self, kind: Kind, random: Random) -> None:
        action = random.choice(kind.actions)
        try:
            async with asyncio.timeout(ACTION_DEADLINE):
                self.requests[kind.name] += await action(random.choice(self.addresses), random)
        except Exception as error:  # whatever it is, it is the finding
            self.failed[kind.name] += 1
            if len(self.errors) < SHOWN:
                name = getattr(action, "__name__", "")
                self.errors.append(f"{kind.name}, {name}: {type(error).__name__}: {error}")
