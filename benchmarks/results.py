"""Rounds, their medians, the ratios to tricorn, and where tricorn loses. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, NamedTuple


@dataclass(frozen=True)
class Round:
    """One server under load once.

    CPU times are microseconds per request over the whole process tree, latencies microseconds,
    `pss` KiB after the load. With WebSockets a message that a client receives is a request.
    `idle` is for idle connections alone: KiB that each adds. `failure` says why there are no
    figures; then they are all 0.
    """

    scenario: str
    server: str
    requests: int = 0
    per_second: float = 0.0
    total: float = 0.0
    user: float = 0.0
    system: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    pss: float = 0.0
    idle: float = 0.0
    failure: str = ""


class Summary(NamedTuple):
    """The medians of a server's rounds in a scenario. `spread` is (highest - lowest) / median of
    the total. A single failed round fails the summary."""

    total: float
    user: float
    system: float
    per_second: float
    p50: float
    p99: float
    pss: float
    spread: float
    idle: float = 0.0
    failure: str = ""


FAILED = Summary(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def summarise(rounds: Sequence[Round]) -> Summary:
    """The medians of rounds of one server in one scenario. There must be at least one round."""
    for one in rounds:
        if one.failure:
            return FAILED._replace(failure=one.failure)
    totals = [one.total for one in rounds]
    middle = median(totals)
    return Summary(
        total=middle,
        user=median(one.user for one in rounds),
        system=median(one.system for one in rounds),
        per_second=median(one.per_second for one in rounds),
        p50=median(one.p50 for one in rounds),
        p99=median(one.p99 for one in rounds),
        pss=median(one.pss for one in rounds),
        spread=(max(totals) - min(totals)) / middle if middle else 0.0,
        idle=median(one.idle for one in rounds),
    )


@dataclass
class Results:
    """All rounds of one run of the benchmark, in the order they were taken."""

    rounds: list[Round] = field(default_factory=list)

    def summary(self, scenario: str, server: str) -> Summary | None:
        """The medians, or None when nothing was measured."""
        found = [one for one in self.rounds if (one.scenario, one.server) == (scenario, server)]
        return summarise(found) if found else None

    def measured(self, scenario: str, server: str) -> Summary | None:
        """The medians, or None when nothing was measured or a round failed."""
        found = self.summary(scenario, server)
        return None if found is None or found.failure else found

    def ratio(self, scenario: str, server: str, to: str = "tricorn") -> float | None:
        """CPU per request of `server` divided by that of `to`; None where one is missing."""
        ours = self.measured(scenario, to)
        theirs = self.measured(scenario, server)
        if ours is None or theirs is None or not ours.total:
            return None
        return theirs.total / ours.total

    def to_json(self) -> list[dict[str, Any]]:
        """The rounds as JSON values."""
        return [asdict(one) for one in self.rounds]

    @classmethod
    def from_json(cls, values: Iterable[dict[str, Any]]) -> "Results":
        """The reverse of `to_json`."""
        return cls([Round(**value) for value in values])


class Loss(NamedTuple):
    """A figure in which a peer did better than tricorn."""

    scenario: str
    measure: str
    server: str
    ours: float
    theirs: float


# The measure's title, the field of Summary, and whether more is better.
MEASURES = (
    ("CPU per request, µs", "total", False),
    ("requests per second", "per_second", True),
    ("p50 latency, µs", "p50", False),
    ("p99 latency, µs", "p99", False),
    ("memory, PSS in KiB", "pss", False),
    ("memory of an idle connection, KiB", "idle", False),
)


def losses(results: Results, scenarios: Iterable[str], peers: Sequence[str]) -> list[Loss]:
    """Each figure in which one of `peers` beat tricorn, CPU per request first.

    There is no allowance for noise: a loss by a hair is listed.
    """
    keys = list(scenarios)
    return [
        Loss(scenario, title, peer, getattr(ours, name), getattr(theirs, name))
        for title, name, more_is_better in MEASURES
        for scenario in keys
        if (ours := results.measured(scenario, "tricorn")) is not None
        for peer in peers
        if (theirs := results.measured(scenario, peer)) is not None
        and _beats(getattr(theirs, name), getattr(ours, name), more_is_better)
    ]


def failures(results: Results, scenarios: Iterable[str]) -> list[tuple[str, str]]:
    """Scenarios in which tricorn itself failed, with the reason."""
    found = ((scenario, results.summary(scenario, "tricorn")) for scenario in scenarios)
    return [(key, summary.failure) for key, summary in found if summary and summary.failure]


def _beats(theirs: float, ours: float, more_is_better: bool) -> bool:
    return theirs > ours if more_is_better else theirs < ours
