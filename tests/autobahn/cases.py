"""Running Autobahn's cases against a server, and judging strictly what came of them."""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from typing import Any, NamedTuple

from tests.support.server import Server

# The groups that take minutes: limits and performance, and permessage-deflate in many settings.
LONG = ("9.*", "12.*", "13.*")
# Autobahn calls these informational whatever the server does: the outcome is undefined.
UNDEFINED = ("7.1.6", "7.13.1", "7.13.2")
STRICT = ("OK", "OK")
# What kosoku says of a case that it ended itself, after 20 seconds.
UNFINISHED = "Case did not finish"


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

    @property
    def unfinished(self) -> bool:
        """Whether the time was over before the last message: a slow machine's fault, or ours."""
        return not self.strict and self.why.startswith(UNFINISHED)

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

    mend_compression_cases()
    try:
        results = asyncio.run(
            kosoku.run_fuzzingclient(url, cases or None, without or None, concurrency=at_once)
        )
    except kosoku.FailureError as failure:
        results = failure.results
    return [outcome(result) for result in results]


def mend_compression_cases() -> None:
    """Have the cases of groups 12 and 13 take an uncompressed message as bytes, as Autobahn does.

    kosoku 0.1.0 hands it to them as a str with a character for each byte, Python 2's string,
    which they then hash: an error before they have looked at it.
    """
    import_module("kosoku._caseindex").initialize_shims()
    module = import_module("case12_x_x")
    for case in module.Case12_X_X + module.Case13_X_X:
        case.onMessage = taking_bytes(case.onMessage)


def taking_bytes(on_message: Callable[..., None]) -> Callable[..., None]:
    """`on_message` for a message in either form."""

    def with_bytes(case: Any, message: bytes | str, binary: bool) -> None:
        on_message(case, message.encode("latin-1") if isinstance(message, str) else message, binary)

    return with_bytes


def outcome(result) -> Outcome:
    reasons = dict.fromkeys((result.result, result.result_close))
    return Outcome(
        result.case_id,
        result.behavior.value,
        result.behavior_close.value,
        " ".join(reasons),
        result.duration,
    )
