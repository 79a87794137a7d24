"""One server under load while things happen to it, and the judgement."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from tests.chaos.happenings import GENTLE, ROUGH, WORKERS, Killed, more_answers
from tests.chaos.load import Failure, Load
from tests.support.server import serve

# A failure this long after a worker was killed may be its, in seconds.
AFTERMATH = 3.0
# Workers that the machine keeps waiting for some seconds are no hung ones.
ARGUMENTS = ("--no-access-log", "--timeout-worker-healthcheck", "5")


class Chaos(AssertionError):
    """A request failed that no killed worker had."""


def run(names: Sequence[str], arguments: Sequence[str] = (), seed: int = 0) -> str:
    """Let things happen in order under load; return a report. Raises `Chaos`."""
    rough = any(name in ROUGH for name in names)
    with serve(
        "worked:app", "--workers", str(WORKERS), *ARGUMENTS, *arguments, allow_errors=rough
    ) as server:

        async def happen() -> tuple[Load, Killed]:
            random = Random(seed)
            killed: Killed = []
            load = Load((server.host, server.port), seed)
            async with load:
                await more_answers(load)
                for name in names:
                    killed += await {**GENTLE, **ROUGH}[name](server, load, random)
            return load, killed

        load, killed = asyncio.run(happen())
        unexplained = [one for one in load.failures if not _explained(one, killed)]
        if unexplained:
            load.failures = unexplained
            raise Chaos(load.report())
        return load.report()


def _explained(failure: Failure, killed: Killed) -> bool:
    """Whether a killed worker had the request."""
    for at, pid in killed:
        if failure.worker == pid:
            return True
        # A new connection: nobody knows who had accepted it.
        if not failure.worker and -AFTERMATH <= failure.at - at <= AFTERMATH:
            return True
    return False
