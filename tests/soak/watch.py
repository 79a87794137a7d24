"""What the server holds: sampled under load, and compared with before at each rest."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.soak.client import Address, connect
from tests.soak.good import head
from tests.soak.trend import Bound, Trend, after_warm_up, objection, trend

EVERY = 5.0  # seconds between samples
# A client that left silently is found out by writing; 20 s is many times the longest
# time that the server's timeouts (hostile.LIMITS, and 5 s of keep-alive) add up to.
REST_DEADLINE = 20.0
MIB = 1 << 20


class Sample(NamedTuple):
    """One look at the process. Its own connection, task and descriptors are among them."""

    seconds: float  # since the start of the load
    rss: float  # MiB
    pss: float
    anonymous: float  # memory that no file backs: the heap
    tasks: int
    connections: int
    descriptors: int
    threads: int
    objects: int  # that the garbage collector knows, after a collection

    def held(self) -> dict[str, int]:
        """What must be the same at each rest."""
        return {name: getattr(self, name) for name in ("tasks", "connections", "descriptors")}


# How much each series may grow over the measured window.
#
# Memory: the server does tens of thousands of requests in ten minutes, so that 100
# bytes lost with each are several MiB. A healthy one still moves: what slow readers
# have not taken (64 KiB each), and the allocator's arenas (256 KiB to 1 MiB).
# Tasks, connections, descriptors: under load they go up and down with the slow clients,
# of which there are 12. The line through these samples may tilt by chance, by less than
# ten; that nothing is left over is proved at each rest, where no difference is allowed.
# Objects: some 60 to 100 for each connection at work, hence the same ten, times 200.
# Threads: none comes and none goes.
BOUNDS = (
    Bound("rss", 2.0, " MiB"),
    Bound("anonymous", 2.0, " MiB"),
    Bound("tasks", 10),
    Bound("connections", 10),
    Bound("descriptors", 10),
    Bound("threads", 0.5),
    Bound("objects", 2000),
)


class Watch:
    """Takes samples of the process ``pid``, whose app (tests/apps/soaked.py) it asks."""

    def __init__(self, pid: int, address: Address) -> None:
        self.proc = Path("/proc") / str(pid)
        self.address = address
        self.start = time.monotonic()
        self.samples: list[Sample] = []
        self.baseline: dict[str, int] = {}

    async def begin(self) -> None:
        """Take the baseline, behind a few requests that make what is made once."""
        for _ in range(20):
            await self._look()
        self.baseline = (await self._look()).held()
        self.start = time.monotonic()

    async def sample_for(self, seconds: float) -> None:
        """Add a sample every few seconds, for so long; each of them under load."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(EVERY, left))
            self.samples.append(await self._look())

    async def rest(self) -> str | None:
        """Wait until the server holds what it held at first; what it still holds if not."""
        end = time.monotonic() + REST_DEADLINE
        while (now := (await self._look()).held()) != self.baseline:
            if time.monotonic() > end:
                return f"{REST_DEADLINE:.0f} s behind the load {now} instead of {self.baseline}"
            await asyncio.sleep(0.2)
        return None

    async def _look(self) -> Sample:
        connection = await connect(self.address)
        try:
            async with asyncio.timeout(REST_DEADLINE):
                got = await connection.ask(head("GET /resources", "Connection: close"))
                await connection.expect_end()
        finally:
            await connection.close()
        seconds = time.monotonic() - self.start
        return Sample(seconds, *memory(self.proc), **json.loads(got.body))

    def trends(self) -> dict[str, Trend]:
        """The trend of each series behind the warm-up."""
        names = [bound.name for bound in BOUNDS]
        return {name: trend(self._series(name)) for name in (*names, "pss")}

    def _series(self, name: str) -> Sequence[tuple[float, float]]:
        points = [(sample.seconds, float(getattr(sample, name))) for sample in self.samples]
        return after_warm_up(points, points[-1][0])


def objections(trends: dict[str, Trend]) -> list[str]:
    """Why the trends aren't flat."""
    found = [objection(trends[bound.name], bound) for bound in BOUNDS]
    return [said for said in found if said is not None]


def memory(proc: Path) -> tuple[float, float, float]:
    """Resident, proportional and anonymous memory of a process, in MiB."""
    lines = (proc / "smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 / MIB for line in lines}
    return sizes["Rss"], sizes["Pss"], sizes["Anonymous"]
