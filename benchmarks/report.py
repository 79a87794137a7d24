"""The results as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.results import Results, Summary, failures, losses
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import SERVERS, Server
from benchmarks.targets import Target, targets

HEADINGS = (
    *("server", "CPU µs", "user", "system", "spread", "req/s", "p50 µs", "p99 µs"),
    *("PSS MiB", "CPU / tricorn"),
)
IDLE_HEADING = "KiB a connection"
TITLES = {server.key: server.title for server in SERVERS}
SCENARIO_TITLES = {scenario.key: scenario.title for scenario in SCENARIOS}
VERDICTS = {True: "met", False: "**not met**", None: "not measured"}


@dataclass(frozen=True)
class Facts:
    """What a reader must know to judge or repeat the figures."""

    label: str
    command: str
    settings: str
    machine: Sequence[tuple[str, str]]
    versions: Sequence[tuple[str, str]]


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], text: int = 1) -> str:
    """A Markdown table; the first `text` columns to the left, the others to the right."""
    rule = ["---"] * text + ["---:"] * (len(headings) - text)
    lines = [headings, rule, *rows]
    return "\n".join("| " + " | ".join(cell for cell in line) + " |" for line in lines) + "\n"


def render(
    facts: Facts, scenarios: Sequence[Scenario], servers: Sequence[Server], results: Results
) -> str:
    """The whole report."""
    keys = {scenario.key for scenario in scenarios}
    parts = [
        f"# Benchmark {facts.label}\n",
        _preface(facts),
        "## Targets\n",
        _targets(one for one in targets(results) if one.scenario in keys),
        "## What tricorn loses\n",
        _losses(results, scenarios, servers),
    ]
    for scenario in scenarios:
        parts += [f"## {scenario.title}\n", _scenario(scenario, servers, results)]
    return "\n".join(parts)


def _preface(facts: Facts) -> str:
    listed = [*facts.machine, ("Settings", facts.settings), ("Command", f"`{facts.command}`")]
    versions = ", ".join(f"{name} {version}" for name, version in facts.versions)
    lines = [f"- {name}: {value}" for name, value in [*listed, ("Versions", versions)]]
    return "\n".join(lines) + (
        "\n\nCPU is microseconds per request over the server's whole process tree. Each figure is"
        " the median of the rounds; spread is the distance between the highest and the lowest"
        " total, divided by the median. A server with any error in any round has no figures. With"
        " WebSockets a request is a message that a client receives; of idle connections, one"
        " handshake and one message.\n"
    )


def _targets(found: Iterable[Target]) -> str:
    rows = [
        (SCENARIO_TITLES[one.scenario], one.what, one.required, one.measured, VERDICTS[one.met])
        for one in found
    ]
    return table(("scenario", "what", "required", "measured", "verdict"), rows, text=2)


def _losses(results: Results, scenarios: Sequence[Scenario], servers: Sequence[Server]) -> str:
    keys = [scenario.key for scenario in scenarios]
    if not any(results.measured(key, "tricorn") for key in keys):
        return "tricorn wasn't measured.\n"
    peers = [server.key for server in servers if server.is_peer]
    rows = [
        (
            *(SCENARIO_TITLES[one.scenario], one.measure, TITLES[one.server]),
            *(_figure(one.theirs), _figure(one.ours)),
        )
        for one in losses(results, keys, peers)
    ]
    failed = [
        f"- tricorn failed: {SCENARIO_TITLES[k]}: {why}" for k, why in failures(results, keys)
    ]
    headings = ("scenario", "measure", "peer", "peer's", "tricorn's")
    found = table(headings, rows, text=3) if rows else ""
    return "\n".join([*failed, found]) if failed or found else "Nothing in this run.\n"


def _scenario(scenario: Scenario, servers: Sequence[Server], results: Results) -> str:
    ranked: list[tuple[float, Sequence[str]]] = []
    notes: list[str] = []
    for server in servers:
        summary = results.summary(scenario.key, server.key)
        if server.unsupported.get(scenario.key):
            notes.append(f"- {server.title}: not run, {server.unsupported[scenario.key]}.")
        elif summary is None:
            notes.append(f"- {server.title}: not run.")
        elif summary.failure:
            notes.append(f"- {server.title}: **failed**, {summary.failure}.")
        else:
            ratio = results.ratio(scenario.key, server.key)
            ranked.append((summary.total, _row(server, summary, ratio)))
    rows = [row for _, row in sorted(ranked, key=lambda pair: pair[0])]
    idle = bool(scenario.talk and scenario.talk.mode == "idle")
    headings = (*HEADINGS, IDLE_HEADING) if idle else HEADINGS
    body = table(headings, rows) if rows else ""
    return body + ("\n" + "\n".join(notes) + "\n" if notes else "")


def _row(server: Server, summary: Summary, ratio: float | None) -> Sequence[str]:
    times = (summary.total, summary.user, summary.system)
    return (
        server.title,
        *(f"{value:.1f}" for value in times),
        f"{summary.spread:.0%}",
        f"{summary.per_second:,.0f}",
        f"{summary.p50:,.0f}",
        f"{summary.p99:,.0f}",
        f"{summary.pss / 1024:.1f}",
        "" if ratio is None else f"{ratio:.2f}",
        *([f"{summary.idle:.1f}"] if summary.idle else []),
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"
