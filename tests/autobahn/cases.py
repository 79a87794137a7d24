"""Running Autobahn's cases against a server, and judging strictly what came of them."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

from tests.support.server import Server

# The groups that take minutes: limits and performance, and permessage-deflate in many settings.
LONG = ("9.*", "12.*", "13.*")
# Autobahn calls these informational whatever the server does: the outcome is undefined.
UNDEFINED = ("7.1.6", "7.13.1", "7.13.2")
STRICT = ("OK", "OK")


class Outcome(NamedTuple):
    """What came of one case. The verdicts are Autobahn's words."""

    case: str
    behavior: str
    close: str
    why: str
    milliseconds: int

    @property
    def strict(self) -> bool:
        """Whether the server did what is best, where something is."""
        return self.case in UNDEFINED or (self.behavior, self.close) == STRICT

    def __str__(self) -> str:
        return f"{self.case}: {self.behavior}, close {self.close}: {self.why}"


def run(server: Server, cases: tuple[str, ...], without: tuple[str, ...], at_once: int):
    """The outcomes of all cases that match one of `cases` (none: all) and none of `without`.

    In a process of its own: kosoku puts a `pkg_resources` of its own in the place of the real
    one, which pytest uses.
    """
    url = server.url.replace("http://", "ws://")
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(run_here, url, cases, without, at_once).result()


def run_here(url: str, cases: tuple[str, ...], without: tuple[str, ...], at_once: int):
    """The same for the server at `url`, in this process."""
    import kosoku

    try:
        results = asyncio.run(
            kosoku.run_fuzzingclient(url, cases or None, without or None, concurrency=at_once)
        )
    except kosoku.FailureError as failure:
        results = failure.results
    return [outcome(result) for result in results]


def outcome(result) -> Outcome:
    reasons = dict.fromkeys((result.result, result.result_close))
    return Outcome(
        result.case_id,
        result.behavior.value,
        result.behavior_close.value,
        " ".join(reasons),
        result.duration,
    )
